"""Public WiFi: access points now, by hour and over the windows of availability."""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset
from coc.metrics import series

SUBJECT = Subject(
    "wifi",
    ("wifi",),
    frozenset({Dataset.AP_SAMPLES, Dataset.ACCESS_POINTS, Dataset.SITES}),
    {"by_hour": series.wifi_by_hour, "availability": series.wifi_availability, "points": series.points},
)
