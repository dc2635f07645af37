"""Units: the list with its tile map, their weeks of habit and past, ages, types of letters, the city's median."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import units_frames as units
from coc.metrics import units_past as past

SUBJECT = Subject(
    "units",
    (),
    MAIL,
    {
        "list": units.listed,
        "weeks": past.weeks,
        "past": past.past,
        "before": past.before,
        "ages": units.ages,
        "types": units.types,
        "medians": units.medians,
    },
    public=False,
)
