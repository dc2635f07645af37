"""Two languages from `.po` catalogues (`coc.po`, and one a page), read once: `t("id")("overview.title")`.

No build step, no compiled files.

A message id is a dotted name, and both catalogues hold every id (a test compares them), so that no screen ever mixes
languages. A missing id is a defect of ours: it raises in tests and shows the id on a wall, never a blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

LANGUAGES = ("id", "en")
_LOCALES = Path(__file__).parent / "locales"


class Translator:
    """Messages of one language. Calling it fills `{name}` places; `has` asks whether an id exists."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self.messages = messages

    def __call__(self, message_id: str, **values: Any) -> str:
        text = self.messages.get(message_id, message_id)
        return text.format(**values) if values else text

    def has(self, message_id: str) -> bool:
        return message_id in self.messages


@cache
def t(language: str) -> Translator:
    """The translator of a language; an unknown one is Indonesian."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    messages: dict[str, str] = {}
    for path in sorted((_LOCALES / known / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            messages |= {str(m.id): str(m.string) for m in read_po(file, locale=known) if m.id}
    return Translator(known, messages)
