"""Dispositions: backlog by unit and age, follow-up, channels."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import series
from coc.metrics.trend import trend

SUBJECT = Subject(
    "disposition",
    ("disposition",),
    MAIL,
    {
        "by_unit": series.backlog_by_unit,
        "by_age": series.backlog_by_age,
        "channels": lambda city: series.channels(city, "30d"),
        "trend": lambda city: trend(city, "disposition."),
    },
)
