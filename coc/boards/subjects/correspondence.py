"""Letters: today's counts, paperless rates, what waits for its first disposition; their flow by day."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import series
from coc.metrics.trend import trend

SUBJECT = Subject(
    "correspondence",
    ("correspondence",),
    MAIL,
    {
        "flow": series.flow,
        "corrected": series.corrected,
        "trend": lambda city: trend(city, "correspondence."),
        "names": series.unit_names,
    },
)
