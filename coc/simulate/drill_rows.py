"""What drills make of rows: a feed's, and a register's. The same rows at every asking, by seed and id."""

from __future__ import annotations

import csv
import io
import math
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

Row = dict[str, Any]
Change = Callable[[Row], None]

FEW, MANY = 0.0005, 0.08  # shares of rows that hide: below and above what the COC believes at once (2 %)
# Microseconds: rows changed up to half an hour before the drill are spoiled too, so that some are seen at once.
BEFORE: Final = 30 * 60 * 1_000_000
AHEAD_HOURS: Final = 7
_FAR: Final = "2099-12-31T08:00:00.000+07:00"


def lot(seed: int, key: str) -> int:
    """A number for a key that is the same at every asking."""
    return zlib.crc32(f"{seed}|{key}".encode())


def hidden(seed: int, keys: Iterable[str], share: float, at_least: int = 1) -> frozenset[str]:
    """The share of keys whose lot is lowest."""
    every = sorted(keys, key=lambda key: lot(seed, key))
    return frozenset(every[: max(at_least, math.ceil(share * len(every)))])


def _put(field: str, value: Any) -> Change:
    def change(row: Row) -> None:
        row[field] = value

    return change


def _renamed(field: str, other: str) -> Change:
    def change(row: Row) -> None:
        row[other] = row.pop(field)

    return change


_GARBAGE: Final[dict[str, tuple[Change, ...]]] = {
    "letters": (
        _put("kind", "faks"), _put("unit", None), _put("pages", "dua lembar"), _put("registered_at", _FAR),
        _put("pages", "NaN"), _put("unit", "ENTAH"), _put("copies", -3), _put("received_at", "31/12/2026 08.00"),
    ),
    "dispositions": (
        _put("channel", "telepati"), _put("instruction", None), _put("issued_at", _FAR), _put("to_unit", "ENTAH"),
        _put("read_at", "NaN"), _put("completed_at", "2001-01-01T08:00:00.000+07:00"), _put("device", 7),
    ),
    "sites": (
        _put("status", "entah"), _put("kapasitas", "banyak"), _put("opd", "ENTAH"), _put("terpasang", "kemarin"),
        _put("kapasitas", "NaN"),
    ),
}  # fmt: skip
_DRIFT: Final[dict[str, Change]] = {
    "letters": _renamed("completed_at", "selesai_pada"),
    "dispositions": _renamed("channel", "saluran"),
    "sites": _renamed("status", "keadaan"),
}
_NEW_VALUE: Final[dict[str, Change]] = {
    "letters": _put("urgency", "kilat"),
    "dispositions": _put("channel", "hologram"),
}


def garbage(seed: int, dataset: str, rows: list[Row], key: str, since: str) -> list[str]:
    """Spoil a third of the rows changed at or after `since` (ISO), each in its own way; their ids."""
    ways = _GARBAGE.get(dataset, ())
    found = []
    for row in rows if ways else ():
        drawn = lot(seed, row[key])
        if drawn % 3 == 0 and row.get("updated_at", since) >= since:
            ways[drawn // 3 % len(ways)](row)
            found.append(row[key])
    return found


def drift(dataset: str, rows: list[Row], key: str) -> list[str]:
    """Rename a field in every row; their ids."""
    change = _DRIFT.get(dataset)
    for row in rows if change else ():
        assert change is not None  # there are rows
        change(row)
    return [row[key] for row in rows] if change else []


def new_value(seed: int, dataset: str, rows: list[Row], key: str, since: str) -> list[str]:
    """Give every other row changed at or after `since` a word that no list knows; their ids."""
    change = _NEW_VALUE.get(dataset)
    struck = [r for r in rows if change and lot(seed, r[key]) % 2 == 0 and r["updated_at"] >= since]
    for row in struck:
        assert change is not None  # else none is struck
        change(row)
    return [row[key] for row in struck]


def ahead(rows: list[Row], key: str, since: str) -> list[str]:
    """Stamps made at or after `since` are seven hours late, as a clock that jumped writes them; the rows' ids.

    A due date is thought of by people and stays.
    """
    found = []
    for row in rows:
        wrong = {k: v for k, v in row.items() if k.endswith("_at") and k != "due_at" and v and v >= since}
        for name, at in wrong.items():
            row[name] = (datetime.fromisoformat(at) + timedelta(hours=AHEAD_HOURS)).isoformat(timespec="milliseconds")
        if wrong:
            found.append(row[key])
    return found


def read_csv(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_csv(rows: list[Row]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
