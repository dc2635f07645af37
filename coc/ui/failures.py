"""Why a pull failed and how to mend it, in the viewer's words: the codes of `data_connectors.base.FAILURES`, twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coc.ui.i18n import Translator

# The source asked for time: nothing that a person must act on, its feed says by its age how late it is.
PUT_OFF: Final = frozenset({"rate_limited", "incomplete"})
# What stands until a person decides, whatever the feed's state.
STANDING: Final = frozenset({"mass_deletion"})


@dataclass(frozen=True, slots=True)
class Failure:
    what: str
    mend: str


def failure(say: Translator, code: str) -> Failure:
    """The two sentences of a failure code; an unknown one keeps its code in sight."""
    if not say.has(f"failure.{code}.what"):
        return Failure(say("failure.unknown.what", code=code), say("failure.unknown.mend"))
    return Failure(say(f"failure.{code}.what"), say(f"failure.{code}.mend"))
