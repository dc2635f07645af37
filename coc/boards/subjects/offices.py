"""The leaders' offices one by one: for leaders, and for operators where a leader switches it on."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import offices

SUBJECT = Subject(
    "offices",
    (),
    MAIL,
    {
        "waiting": offices.waiting,
        "first": offices.first,
        "given": offices.given,
        "channels": offices.channels,
        "ledger": offices.ledger,
    },
    public=False,
)
