"""Applications and the city's links: now, by day over 90 days, by vantage, and what went wrong."""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset
from coc.metrics import apps_frames, apps_incidents

SUBJECT = Subject(
    "applications",
    (),
    frozenset({Dataset.SERVICE_SAMPLES, Dataset.SERVICES, Dataset.LINK_SAMPLES, Dataset.LINKS, Dataset.SITES}),
    {
        "listed": apps_frames.listed,
        "days": apps_frames.days,
        "vantages": apps_frames.vantages,
        "incidents": apps_incidents.incidents,
    },
)
