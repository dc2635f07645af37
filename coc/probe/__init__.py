"""The probe at a site: asks the COC what to look at, looks, and reports; what cannot be told waits on its disk."""
