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
    """`profiles`: of units that do not work five days. `units`: those of the list (code, valid_from, valid_to)."""

    def __init__(
        self,
        now: datetime,
        letters: list[Row],
        dispositions: list[Row],
        profiles: dict[str, str],
        units: Iterable[Row] = (),
        letter_types: Iterable[str] = (),
    ) -> None:
        self.now, self.profiles, self.units, self.letter_types = now, profiles, list(units), list(letter_types)
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
        subject, name = kpi.split(".")
        if subject == "adoption":
            return getattr(self, name)(unit)  # type: ignore[no-any-return]
        name = name.rpartition("_p")[0] if name[-2:].isdigit() else name
        return getattr(self, name)(  # type: ignore[no-any-return]
            given if subject == "disposition" else letters, start, kpi
        )

    def state(self, kpi: str, unit: str, window: str) -> str:
        if kpi == "disposition.days_to_clear":
            rows = [d for d in self.dispositions if unit in ("", d["to_unit"])]
            arrivals, departures, _ = self._ten_days(rows)
            apart = abs(arrivals - departures) > 0.25 * max(arrivals, departures)
            return "no_outflow" if not departures else "unstable" if apart else "ok"
        return "no_data" if self.value(kpi, unit, window) is None else "ok"

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

    def registered_per_working_day(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        days, day = 0, start
        while day < midnight(self.now):
            days += bool(spans(day.date(), "five_day"))
            day += timedelta(days=1)
        registered = sum(start <= x["registered_at"] < midnight(self.now) for x in rows)
        return registered / days if days else None

    def paperless_rate_all(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        of = [x["medium"] for x in rows if start <= x["registered_at"] <= self.now]
        return of.count("electronic") / len(of) if of else None

    def sheets_saved(self, rows: list[Row], start: datetime, _kpi: str) -> float:
        sheets = 0
        for x in rows:
            if x["medium"] == "electronic" and start <= x["registered_at"] <= self.now:
                sheets += (2 if x["pages"] is None else x["pages"]) * (3 if x["copies"] is None else x["copies"])
        return sheets

    def _came_and_went(self, rows: list[Row]) -> tuple[list[datetime], list[datetime]]:
        needing = [d for d in rows if d["instruction"] not in CLOSES_WHEN_READ]
        ends = [[t for t in (d["completed_at"], d["cancelled_at"]) if t is not None] for d in needing]
        return [d["issued_at"] for d in needing], [min(e) for e in ends if e]

    def net_flow(self, rows: list[Row], start: datetime, _kpi: str) -> float:
        came, went = ([t for t in times if start <= t <= self.now] for times in self._came_and_went(rows))
        return len(came) - len(went)

    def _ten_days(self, rows: list[Row]) -> tuple[int, int, float]:
        day, working = midnight(self.now), 0
        while working < 10:
            day -= timedelta(days=1)
            working += bool(spans(day.date(), "five_day"))
        came, went = (sum(day <= t < midnight(self.now) for t in times) for times in self._came_and_went(rows))
        return came, went, went / 10

    def days_to_clear(self, rows: list[Row], _start: datetime, _kpi: str) -> float | None:
        a_day = self._ten_days(rows)[2]
        return len(self._open(rows)) / a_day if a_day else None

    def outside_hours_share(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        issued = [d["issued_at"] for d in rows if start <= d["issued_at"] <= self.now and d["cancelled_at"] is None]
        outside = 0
        for at in issued:
            day = midnight(at)
            outside += not any(
                day + timedelta(minutes=a) <= at < day + timedelta(minutes=b) for a, b in spans(day.date(), "five_day")
            )
        return outside / len(issued) if issued else None

    def first_disposition_hours(self, rows: list[Row], start: datetime, _kpi: str) -> float | None:
        waits = []
        for x in rows:
            mine = [
                d
                for d in self.dispositions
                if (d["source"], d["letter_id"]) == (x["source"], x["source_id"]) and d["cancelled_at"] is None
            ]
            if x["kind"] != "incoming" or not mine:
                continue
            first = min(d["issued_at"] for d in mine)
            offices = {d["from_office"] for d in mine if d["issued_at"] == first}
            if start <= first <= self.now and offices & {"walikota", "wakil_walikota", "sekda"}:
                waits.append(working_hours(x["registered_at"], first, "five_day"))
        return quantile(waits, 0.5)

    def _valid(self, unit: str) -> list[str]:
        today = self.now.astimezone(JAKARTA).date().isoformat()
        return [
            u["code"]
            for u in self.units
            if unit in ("", u["code"]) and (u["valid_from"] or today) <= today <= (u["valid_to"] or today)
        ]

    def rate(self, unit: str) -> float | None:
        weeks, monday = [], midnight(self.now)
        while monday.weekday():
            monday -= timedelta(days=1)
        while len(weeks) < 4:
            monday -= timedelta(days=7)
            if sum(bool(spans((monday + timedelta(days=i)).date(), "five_day")) for i in range(7)) >= 3:
                weeks.append((monday, monday + timedelta(days=7)))
        valid = self._valid(unit)
        active = [
            u
            for u in valid
            if all(sum(x["unit"] == u and a <= x["registered_at"] < b for x in self.letters) >= 3 for a, b in weeks)
        ]
        return len(active) / len(valid) if valid else None

    def breadth(self, unit: str) -> float | None:
        start, shares = midnight(self.now, 89), []
        for u in self._valid(unit):
            seen = {x["type"] for x in self.letters if x["unit"] == u and start <= x["registered_at"] <= self.now}
            shares.append(len(seen & set(self.letter_types)) / len(self.letter_types))
        return sum(shares) / len(shares) if shares else None


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
