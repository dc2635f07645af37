"""A failure's detail in the viewer's words.

Connectors and pulls say details in the English of the command line, and so are they stored. The English catalogue holds
the same sentences (`detail.said.*`): one that is found there is said again from its parts in the viewer's language.
Paths, names, codes and a source's own words stay as they are.
"""

from __future__ import annotations

import re
import string
from functools import cache
from typing import Final

from coc.ui.context import Context
from coc.ui.i18n import t

_QUOTED: Final = frozenset({"source_error", "http_status"})  # their details are the source's own words
_SAID: Final = "detail.said."
_OF: Final = re.compile(r"\b(\d+) of (\d+)(?: ([a-z_]+))?\b")
_LASTS: Final = re.compile(r"(\d+) (h|min|s)\b")


def detail_words(ctx: Context, code: str, detail: str) -> str:
    """What is known of it in the viewer's language, counts and durations included; the rest unchanged."""
    if code in _QUOTED:
        return detail
    for message, sentence in _sentences():
        found = sentence.fullmatch(detail)
        if found:
            return ctx.say(message, **{name: _amounts(ctx, part) for name, part in found.groupdict().items()})
    return _amounts(ctx, detail)


def _amounts(ctx: Context, text: str) -> str:
    def part_of(found: re.Match[str]) -> str:
        n, m = (ctx.writer.number(float(found[i])) for i in (1, 2))
        return f"{ctx.say('detail.of', n=n, m=m)}{_things(ctx, found[3])}"

    return _LASTS.sub(lambda m: f"{m[1]} {ctx.say(f'detail.{m[2]}')}", _OF.sub(part_of, text))


def _things(ctx: Context, name: str | None) -> str:
    """What was counted: datasets by their names on the page."""
    if name is None:
        return ""
    message = next((m for m in (f"detail.{name}", f"dataset.{name}") if ctx.say.has(m)), None)
    return f" {ctx.say(message) if message else name}"


@cache
def _sentences() -> list[tuple[str, re.Pattern[str]]]:
    """Message id and pattern of each known sentence; those that leave least open come first."""
    english = {m: text for m, text in t("en").messages.items() if m.startswith(_SAID)}
    fixed = {m: sum(len(words) for words, *_ in string.Formatter().parse(text)) for m, text in english.items()}
    return [(m, _pattern(english[m])) for m in sorted(english, key=lambda m: -fixed[m])]


def _pattern(text: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(text)
    return re.compile("".join(re.escape(words) + (f"(?P<{name}>.+?)" if name else "") for words, name, *_ in parts))
