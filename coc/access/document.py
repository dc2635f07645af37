"""The table of rights as a text that a person can read: `coc access`, and `docs/access.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coc.access.table import BOARDS, EVENTS, RULES, Lenses, Right, Rule
from coc.access.viewer import LENSES

_RIGHTS: Final = {
    Right.ANYONE: "anyone, signed in or not",
    Right.VIEWER: "whoever has a lens",
    Right.SIGNED_IN: "an account's own session",
    Right.MACHINE: "this machine, or a token",
    Right.PROBE: "a token of the role probe, which opens nothing else",
}
_HEAD: Final = """# Who may have what

Made by `coc access --markdown` from the table that the server itself asks (`coc/access/table.py`) and from what each
page says of itself; a test holds the two together. What is not in it is refused, and an undeclared path, page, board,
callback or command stops the start.

A *lens* is what one sees through; it comes from the role of an account or token. The lenses are {lenses}.
What each hides of figures and letter rows is in `docs/privacy.md`. In the demo realm everything is simulated, and
everybody may put on any lens.
"""


def markdown(pages: Mapping[str, tuple[str, Lenses]], commands: Mapping[str, str]) -> str:
    """The whole table. `pages`: path and lenses by name. `commands`: by name what each leaves in the audit log."""
    said = _HEAD.format(lenses=", ".join(LENSES))
    parts = [
        ("Paths", ("path", "for", "lenses", "methods", "leaves in the audit log"), map(_rule, RULES)),
        ("Pages", ("page", "path", "lenses"), (_page(n, *page) for n, page in sorted(pages.items()))),
        ("Boards", ("board", "lenses"), ((f"`{n}`", _lenses(found)) for n, found in sorted(BOARDS.items()))),
        ("Stream events", ("event", "lenses"), ((f"`{n}`", _lenses(found)) for n, found in sorted(EVENTS.items()))),
        (
            "Commands",
            ("command", "leaves in the audit log"),
            ((f"`coc {name}`", f"`{audited}`" if audited else "") for name, audited in commands.items()),
        ),
    ]
    notes = {
        "Pages": "A page's frames, and the Dash callbacks whose first output's id begins with its name, go with it.",
        "Commands": "Whoever can run a command on the machine has the machine's rights; there is nothing to refuse.",
    }
    for title, columns, rows in parts:
        said += f"\n## {title}\n\n" + (f"{notes[title]}\n\n" if title in notes else "") + _table(columns, rows)
    return said


def _rule(rule: Rule) -> tuple[str, ...]:
    writes = " (CSRF token wanted)" if rule.csrf else ""
    audited = f"`{rule.audited}`" if rule.audited else ""
    return f"`{rule.path}`", _RIGHTS[rule.right], _lenses(rule.lenses), ", ".join(rule.methods) + writes, audited


def _page(name: str, path: str, lenses: Lenses) -> tuple[str, ...]:
    return name, f"`{path}`", _lenses(lenses)


def _lenses(found: Lenses) -> str:
    return "all" if found == frozenset(LENSES) else ", ".join(lens for lens in LENSES if lens in found)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_lines(columns, rows)) + "\n"


def _lines(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
