"""City applications now, and their latency over the day."""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset
from coc.metrics import series

SUBJECT = Subject(
    "apps",
    ("apps",),
    frozenset({Dataset.SERVICE_SAMPLES, Dataset.SERVICES}),
    {"latency": series.app_latency, "services": series.services},
)
