"""City Operation Center dashboard."""
