"""What else was down on a day on which a figure of letters or dispositions moved."""

from coc.boards.subject import MAIL, Subject
from coc.domain.datasets import SAMPLES, Dataset
from coc.metrics.coincidence import coincidences

_PLACES = {Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.LINKS, Dataset.SERVICES}

SUBJECT = Subject("coincidence", (), MAIL | frozenset(SAMPLES) | _PLACES, {"beside": coincidences})
