"""DOMAIN's formulas again, row by row in plain Python: slow, and sharing no line with the product.

Rows are dicts of canonical names with aware datetimes; a unit is a code with the name of its profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import coc
from tests.domain.minutes import JAKARTA, nth_day_end, spans

Row = dict[str, Any]
CLOSES_WHEN_READ = {
    i["kode"]
    for i in json.loads((Path(coc.__file__).parent / "reference" / "instructions.json").read_text())
    if not i["wajib_tindak_lanjut"]
}
HOUR = timedelta(hours=1)


def midnight(at: datetime, days_before: int = 0) -> datetime:
    day = at.astimezone(JAKARTA).date() - timedelta(days=days_before)
    return datetime(day.year, day.month, day.day, tzinfo=JAKARTA)


def working_hours(a: datetime, b: datetime, profile: str) -> float:
    total, day = timedelta(0), midnight(a)
    while day <= b:
        for start, end in spans(day.date(), profile):
            first, last = max(a, day + timedelta(minutes=start)), min(b, day + timedelta(minutes=end))
            total += max(last - first, timedelta(0))
        day += timedelta(days=1)
    return total / HOUR


def quantile(values: list[float], q: float) -> float | None:
    if not values:
        return None
    ranked = sorted(values)
    place = q * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


class Oracle:
    def __init__(self, now: datetime, letters: list[Row], dispositions: list[Row], profiles: dict[str, str]) -> None:
        self.now, self.profiles = now, profiles
        self.letters = [x for x in letters if not x["deleted"]]
        everything = {(x["source"], x["source_id"]): x for x in letters}
        self.dispositions = []
        for row in dispositions:
            letter = everything.get((row["source"], row["letter_id"]))
            if row["deleted"] or (letter is not None and letter["deleted"]):
                continue
            self.dispositions.append({**row, "due": self._due(row, letter)})

    def _due(self, row: Row, letter: Row | None) -> datetime | None:
        if row["due_at"] is not None:
            return row["due_at"]  # type: ignore[no-any-return]
        urgency = letter["urgency"] if letter else None
        hours = {"amat_segera": 24, "segera": 48, "penting": 72}
        if urgency in hours:
            return row["issued_at"] + hours[urgency] * HOUR  # type: ignore[no-any-return]
        return nth_day_end(row["issued_at"], 5, self.profile(row["to_unit"])) if urgency == "biasa" else None

    def profile(self, unit: str) -> str:
        return self.profiles.get(unit, "five_day")

    def value(self, kpi: str, unit: str, window: str) -> float | None:
        start = midnight(self.now, int(window[:-1]) - 1)
        letters = [x for x in self.letters if unit in ("", x["unit"])]
        given = [d for d in self.dispositions if unit in ("", d["to_unit"])]
        return getattr(
            self,
            kpi.split(".")[1].rpartition("_p")[0]
            if "_p5" in kpi or "_p8" in kpi or "_p9" in kpi
            else kpi.split(".")[1],
        )(  # type: ignore[no-any-return]
            letters if kpi.startswith("corr") else given, start, kpi
        )

    def registered_today(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        return sum(midnight(self.now) <= x["registered_at"] <= self.now for x in rows)

    def completed_today(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        return sum(x["completed_at"] is not None and midnight(self.now) <= x["completed_at"] <= self.now for x in rows)

    def paperless_rate(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        of = [
            x
            for x in rows
            if start <= x["registered_at"] <= self.now and x["category"] not in ("finance", "personnel", "legal")
        ]
        return sum(x["medium"] == "electronic" for x in of) / len(of) if of else None

    def undispositioned(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        count = 0
        for x in rows:
            mine = [
                d
                for d in self.dispositions
                if (d["source"], d["letter_id"]) == (x["source"], x["source_id"]) and d["cancelled_at"] is None
            ]
            if x["kind"] == "incoming" and x["completed_at"] is None and not mine:
                count += working_hours(x["registered_at"], self.now, "five_day") > 8
        return count

    def _nf(self, rows: Iterable[Row]) -> list[Row]:
        return [d for d in rows if d["instruction"] not in CLOSES_WHEN_READ and d["cancelled_at"] is None]

    def _open(self, rows: Iterable[Row]) -> list[Row]:
        return [d for d in self._nf(rows) if d["completed_at"] is None]

    def backlog(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        return len(self._open(rows))

    def overdue(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        return sum(d["due"] is not None and self.now > d["due"] for d in self._open(rows))

    def due_soon(self, rows: list[Row], _start: datetime, _kpi: str) -> float:
        count = 0
        for d in self._open(rows):
            if d["due"] is not None and d["due"] >= self.now and d["due"] >= d["issued_at"]:
                count += (d["due"] - self.now) * 5 <= d["due"] - d["issued_at"]
        return count

    def on_time_rate(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        of = [d for d in self._nf(rows) if d["due"] is not None and start <= d["due"] <= self.now]
        good = sum(d["completed_at"] is not None and d["completed_at"] <= d["due"] for d in of)
        return good / len(of) if of else None

    def followup_hours(self, rows: list[Row], start: datetime, kpi: str) -> float | None:
        hours = [
            working_hours(d["issued_at"], d["completed_at"], self.profile(d["to_unit"]))
            for d in self._nf(rows)
            if d["completed_at"] is not None and start <= d["completed_at"] <= self.now
        ]
        return quantile(hours, int(kpi[-2:]) / 100)


def state_of(samples: list[Row], now: datetime, hold: float) -> str:
    """up | degraded | down | no_data of one point, n = 3, m = 2."""
    rows = sorted((s for s in samples if s["at"] <= now), key=lambda s: s["at"])
    if not rows or (now - rows[-1]["at"]).total_seconds() > hold:
        return "no_data"

    def machine(bad: list[bool]) -> bool:
        state, run = bad[0], 0
        for i, value in enumerate(bad):
            run = run + 1 if i and value == bad[i - 1] else 1
            if run >= (3 if value else 2):
                state = value
        return state

    if machine([not s["up"] for s in rows]):
        return "down"
    poor = [(s["latency_ms"] or 0) > 500 or (s["loss"] or 0) > 0.2 for s in rows]
    return "degraded" if machine(poor) else "up"


def known_seconds(samples: list[Row], now: datetime, hours: float, hold: float) -> tuple[float, float]:
    """Seconds up and down in the last `hours`; spells of 300 s or less are up."""
    rows = sorted((s for s in samples if s["at"] <= now), key=lambda s: s["at"])
    pieces: list[tuple[datetime, datetime, bool]] = []
    for i, s in enumerate(rows):
        end = min(s["at"] + timedelta(seconds=hold), now)
        if i + 1 < len(rows):
            end = min(end, rows[i + 1]["at"])
        pieces.append((s["at"], end, s["up"]))
    spells: list[tuple[datetime, datetime, bool]] = []
    for start, end, up in pieces:
        if spells and not up and not spells[-1][2] and spells[-1][1] == start:
            spells[-1] = (spells[-1][0], end, False)
        else:
            spells.append((start, end, up))
    opens, totals = now - hours * HOUR, {True: 0.0, False: 0.0}
    for start, end, up in spells:
        up = up or (end - start).total_seconds() <= 300
        totals[up] += max((end - max(start, opens)).total_seconds(), 0.0)
    return totals[True], totals[False]
