"""The rows on the wire as they stood at an instant, for the oracle that knows every KPI of letters and dispositions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from coc.settings.models import Settings
from tests.e2e.city import MadeCity
from tests.e2e.oracle import follow_up, when
from tests.e2e.worktime_oracle import ZONE
from tests.metrics.oracle import Oracle

Row = dict[str, Any]
MICRO = timedelta(microseconds=1)


def day_end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), ZONE) - MICRO


def oracle_at(city: MadeCity, at: datetime, secret: Sequence[str] = ()) -> Oracle:
    """By what is known today of the rows that were there at `at`; without letters of the `secret` classes."""
    hidden = {x["id"] for x in city.letters if x["security"] in secret}
    everything = {x["id"]: x for x in city.letters}
    letters = [_known(x, at, "completed_at") for x in city.letters if x["id"] not in hidden]
    given = [
        _known(d, at, "completed_at", "cancelled_at") | {"instruction": _instruction(d["instruction"])}
        for d in city.dispositions
        if d["letter_id"] not in hidden and (not secret or d["letter_id"] in everything)
    ]
    return Oracle(
        at,
        [x for x in letters if x["registered_at"] <= at],
        [d for d in given if d["issued_at"] <= at],
        {u["code"]: u["calendar"] or "five_day" for u in city.units},
        city.units,
        Settings().letter_types,
    )


def _known(row: Row, at: datetime, *columns: str) -> Row:
    times = {c: when(row[c]) for c in ("registered_at", "issued_at", "due_at") if c in row}
    done = {c: t if (t := when(row.get(c))) is not None and t <= at else None for c in columns}
    return row | times | done | {"source": "lain", "source_id": row["id"]}


def _instruction(text: str) -> str:
    return "LAKSANAKAN" if follow_up(text) else "ARSIPKAN"
