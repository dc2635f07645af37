"""Public WiFi point by point: where, how long, how well and how much it is used; for the page of WiFi."""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset
from coc.metrics import wifi_frames as wifi
from coc.metrics import wifi_strips, wifi_use

SUBJECT = Subject(
    "network",
    (),
    frozenset({Dataset.AP_SAMPLES, Dataset.ACCESS_POINTS, Dataset.SITES}),
    {
        "points": wifi.points,
        "causes": wifi.causes,
        "windows": wifi.windows,
        "areas": wifi.areas,
        "kinds": wifi.kinds,
        "strips": wifi_strips.strips,
        "hours": wifi_use.hours,
        "sites": wifi_use.sites,
    },
)
