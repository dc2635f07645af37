"""Where dispositions wait, how long they take, when and how they are given; the leaders' offices as one."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import handling, handover, rhythm

SUBJECT = Subject(
    "handling",
    (),
    MAIL,
    {
        "ages": handling.ages,
        "ageing": handling.ageing,
        "lines": handling.lines,
        "spread": handling.spread,
        "balance": rhythm.balance,
        "week": rhythm.week,
        "handover": handover.handover,
        "means": handover.means,
    },
    public=False,
)
