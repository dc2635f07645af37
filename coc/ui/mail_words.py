"""Letters and dispositions in words: kinds, offices, units, states, and what each waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd

from coc.domain import reference
from coc.domain.instructions import GROUPS
from coc.metrics.branches import Branch, State, Tree, Wait
from coc.ui.context import Context, moment_of

_PHRASES: Final = {row["kode"]: row["frasa"] for row in reference.instructions()}
_OF_PLACES: Final = ("camat", "lurah")
_ROMAN: Final = {"1": "I", "2": "II", "3": "III", "4": "IV"}
# A state's shape (`coc-icon-...`) and its tone.
SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    State.ISSUED: ("tree-issued", "idle"),
    State.READ: ("tree-read", "idle"),
    State.IN_PROGRESS: ("tree-working", "idle"),
    State.COMPLETED: ("target-met", "good"),
    State.LATE: ("tree-late", "warn"),
    State.CANCELLED: ("disabled", "idle"),
    State.FOR_INFORMATION: ("tree-issued", "idle"),
    State.NOTED: ("target-met", "idle"),
    "open": ("tree-issued", "idle"),
    "overdue": ("target-missed", "bad"),
    "soon": ("late", "warn"),
}


@dataclass(frozen=True)
class MailWords:
    """Words of one view. `names`: of units, by code; `reads`: whether it is recorded when somebody reads."""

    ctx: Context
    names: Mapping[str, str]
    reads: bool = True

    def unit(self, code: object) -> str:
        return self.names.get(str(code), str(code))

    def of(self, what: str, value: object) -> str:
        """A value of a closed set, or a type: its word, else itself, readable."""
        if not isinstance(value, str) or not value:
            return "–"
        message = f"telusur.{what}.{value}"
        return self.ctx.say(message) if self.ctx.say.has(message) else value.replace("_", " ").capitalize()

    def office(self, code: object) -> str:
        """A position, never a person: `kabid:DISDIK:2`, `asisten_1`, `walikota`."""
        if not isinstance(code, str) or not code:
            return ""
        say, parts = self.ctx.say, code.split(":")
        if code.startswith("asisten_"):
            return say("telusur.office.asisten", n=_ROMAN.get(code[8:], code[8:]))
        message = f"telusur.office.{parts[0]}"
        if not say.has(message):
            return code.replace("_", " ").replace(":", " ").capitalize()
        unit = parts[1] if len(parts) > 1 else ""
        if parts[0] in _OF_PLACES and unit in self.names:
            unit = self.names[unit].partition(" ")[2] or self.names[unit]  # of the place, without what it is
        number = parts[2] if len(parts) > 2 else ""
        return " ".join(say(message, unit=unit, n=number).split()) if "{" in say.messages[message] else say(message)

    def instruction(self, code: object) -> str:
        """The phrase of the list in Indonesian, which it is in; elsewhere its group."""
        text = str(code)
        if self.ctx.say.language == "id" and text in _PHRASES:
            return str(_PHRASES[text])
        return self.of("group", GROUPS.get(text, "lainnya"))

    def state(self, branch: Branch) -> str:
        unread = branch.state is State.ISSUED and not self.reads
        return self.ctx.say("telusur.state.unread" if unread else f"telusur.state.{branch.state}")

    def wait(self, branch: Branch) -> str:
        if branch.wait is Wait.NOTHING:
            return ""
        counts = {"done": branch.done, "all": branch.mandatory}
        return self.ctx.say(f"telusur.wait.{branch.wait}", unit=self.unit(branch.row["to_unit"]), **counts)

    def letter_wait(self, wait: Wait, unit: object, tree: Tree) -> str:
        if wait is Wait.NOTHING:
            return ""
        counts = {"done": tree.done, "all": tree.mandatory}
        message = "letter" if wait is Wait.BRANCHES else str(wait)
        return self.ctx.say(f"telusur.wait.{message}", unit=self.unit(unit), **counts)

    def moment(self, at: object) -> str:
        """A time, with its year where that is another one."""
        when = moment_of(at)
        if when is None:
            return "–"
        writer, now = self.ctx.writer, self.ctx.view.now
        there, here = writer.local(when), writer.local(now)
        if there.year == here.year:
            return writer.moment(when, now)
        return f"{writer.long_date(there.date())}, {writer.clock(when)}"

    def took(self, hours: float, days: int) -> str:
        """Working time: hours within two days, days beyond."""
        if days < 2:
            return self.ctx.say("telusur.hours", n=self.ctx.writer.number(hours, 1))
        return self.ctx.say("telusur.working_days", n=self.ctx.writer.number(days))


def words_of(ctx: Context, *, reads: bool = True) -> MailWords:
    names = ctx.frame("correspondence", "names")
    known = {} if names is None else dict(zip(names["code"].astype(str), names["name"].astype(str), strict=True))
    return MailWords(ctx, known, reads)


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values, None where something is missing; times aware."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def branch_rows(frame: pd.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Dispositions as `tree_of` takes them, by their letter's source and id."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in plain_rows(frame):
        found.setdefault((row["source"], row["letter_id"]), []).append(row)
    return found


def _plain(cell: Any) -> Any:
    if cell is None or cell is pd.NaT or (not isinstance(cell, str) and pd.isna(cell)):
        return None
    return cell.to_pydatetime() if isinstance(cell, datetime) and isinstance(cell, pd.Timestamp) else cell
