"""Who uses the e-office as a habit."""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset

SUBJECT = Subject("adoption", ("adoption",), frozenset({Dataset.LETTERS, Dataset.UNITS}), {})
