"""Every KPI recomputed from the rows on the wire, one plain loop each, from DOMAIN's sentences alone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from tests.e2e.worktime_oracle import ZONE, end_of_working_day_after, hours

Row = dict[str, Any]
NO_FOLLOW_UP = {"UNTUK_DIKETAHUI", "UNTUK_PERHATIAN", "ARSIPKAN"}
TEXTS = {"mohon segera ditindaklanjuti": True, "untuk diketahui saja": False, "hm": True, "arsip dan laksanakan": True}


def when(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def follow_up(instruction: str) -> bool:
    return TEXTS.get(instruction, instruction.upper() not in NO_FOLLOW_UP)


class Oracle:
    """`units`, `letters`, `dispositions`: the feed's rows. `now`: aware."""

    def __init__(self, units: list[Row], letters: list[Row], dispositions: list[Row], now: datetime) -> None:
        self.now = now
        self.profile = {u["code"]: u["calendar"] or "five_day" for u in units}
        gone = {r["id"] for r in letters if r.get("deleted")}
        self.urgency = {r["id"]: r["urgency"] for r in letters}
        self.letters = [r for r in letters if not r.get("deleted")]
        self.dispositions = [r for r in dispositions if not r.get("deleted") and r["letter_id"] not in gone]

    def start(self, window: str) -> datetime:
        today = self.now.astimezone(ZONE).date()
        return datetime.combine(today - timedelta(days=int(window[:-1]) - 1), time(), ZONE)

    def due(self, d: Row) -> datetime | None:
        if d.get("due_at"):
            return when(d["due_at"])
        urgency, issued = self.urgency.get(d["letter_id"]), when(d["issued_at"])
        assert issued
        clock = {"amat_segera": 24, "segera": 48, "penting": 72}
        if urgency in clock:
            return issued + timedelta(hours=clock[urgency])
        return end_of_working_day_after(issued, 5, self.profile[d["to_unit"]]) if urgency == "biasa" else None

    def value(self, kpi: str, unit: str | None, window: str) -> float | None:
        group, name = kpi.split(".")
        if group == "correspondence":
            mine = [r for r in self.letters if unit is None or r["unit"] == unit]
            return self._letter_kpi(name, mine, window)
        mine = [d for d in self.dispositions if unit is None or d["to_unit"] == unit]
        return self._disposition_kpi(name, mine, window)

    def _letter_kpi(self, name: str, mine: list[Row], window: str) -> float | None:
        today = self.start("1d")
        if name in ("registered_today", "completed_today"):
            field = name.replace("today", "at")
            return float(sum(1 for r in mine if r.get(field) and today <= when(r[field]) <= self.now))
        if name == "paperless_rate":
            eligible = [
                r
                for r in mine
                if self.start(window) <= when(r["registered_at"]) <= self.now
                and r["category"] not in ("finance", "personnel", "legal")
            ]
            return sum(r["medium"] == "electronic" for r in eligible) / len(eligible) if eligible else None
        assert name == "undispositioned"
        handled = {d["letter_id"] for d in self.dispositions if not d.get("cancelled_at")}
        return float(
            sum(
                1
                for r in mine
                if r["kind"] == "incoming"
                and not r.get("completed_at")
                and r["id"] not in handled
                and hours(when(r["registered_at"]), self.now, "five_day") > 8
            )
        )

    def _disposition_kpi(self, name: str, mine: list[Row], window: str) -> float | None:
        nf = [d for d in mine if follow_up(d["instruction"]) and not d.get("cancelled_at")]
        backlog = [d for d in nf if not d.get("completed_at")]
        if name == "backlog":
            return float(len(backlog))
        if name == "overdue":
            return float(sum(1 for d in backlog if self.due(d) and self.now > self.due(d)))
        if name == "due_soon":
            return float(sum(1 for d in backlog if self._due_soon(d)))
        start = self.start(window)
        if name == "on_time_rate":
            due = [d for d in nf if self.due(d) and start <= self.due(d) <= self.now]
            met = [d for d in due if d.get("completed_at") and when(d["completed_at"]) <= self.due(d)]
            return len(met) / len(due) if due else None
        done = [d for d in nf if d.get("completed_at") and start <= when(d["completed_at"]) <= self.now]
        took = [hours(when(d["issued_at"]), when(d["completed_at"]), self.profile[d["to_unit"]]) for d in done]
        return float(np.quantile(took, int(name[-2:]) / 100)) if took else None

    def _due_soon(self, d: Row) -> bool:
        due, issued = self.due(d), when(d["issued_at"])
        return bool(due and due >= issued and self.now <= due and due - self.now <= 0.2 * (due - issued))
