"""The leaders' figure that everybody may see; those of an office are another board's."""

from coc.boards.subject import MAIL, Subject

SUBJECT = Subject("leaders", ("leaders",), MAIL, {})
