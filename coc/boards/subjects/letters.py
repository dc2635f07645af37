"""Letters by unit: their flow by day, their mix, paper and age; for the page of letters."""

from coc.boards.subject import MAIL, Subject
from coc.metrics import letters_frames

SUBJECT = Subject(
    "letters",
    (),
    MAIL,
    {
        "days": letters_frames.days,
        "flow": letters_frames.flow,
        "stages": letters_frames.stages,
        "mix": letters_frames.mix,
        "paperless": letters_frames.paperless,
        "waiting": letters_frames.waiting,
        "compared": letters_frames.compared,
    },
    public=False,
)
