"""What `handling` tells of the leaders' offices as one, by office."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import handover

SUBJECT = Subject(
    "desks",
    (),
    MAIL,
    {
        "handover": lambda city: handover.handover(city, folded=False),
        "means": lambda city: handover.means(city, folded=False),
    },
    public=False,
)
