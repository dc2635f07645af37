"""Why a pull failed and how to mend it, in the viewer's words: the codes of `data_connectors.base.FAILURES`, twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from coc.ui.i18n import Translator

# The source asked for time: nothing that a person must act on, its feed says by its age how late it is.
PUT_OFF: Final = frozenset({"rate_limited", "incomplete"})
_OF: Final = re.compile(r"(\d+) of (\d+)(?: (targets|series|services))?\b")
_LASTS: Final = re.compile(r"(\d+) (h|min|s)\b")


@dataclass(frozen=True, slots=True)
class Failure:
    what: str
    mend: str


def failure(say: Translator, code: str) -> Failure:
    """The two sentences of a failure code; an unknown one keeps its code in sight."""
    if not say.has(f"failure.{code}.what"):
        return Failure(say("failure.unknown.what", code=code), say("failure.unknown.mend"))
    return Failure(say(f"failure.{code}.what"), say(f"failure.{code}.mend"))


def detail_words(say: Translator, detail: str) -> str:
    """A detail with its counts and durations in the viewer's language; names, paths and codes stay as they are."""
    said = _OF.sub(lambda m: say("detail.of", n=m[1], m=m[2]) + (f" {say(f'detail.{m[3]}')}" if m[3] else ""), detail)
    return _LASTS.sub(lambda m: f"{m[1]} {say(f'detail.{m[2]}')}", said)
