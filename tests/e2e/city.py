"""A made-up city for the wire: seeded, small, full of boundary rows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.e2e.oracle import TEXTS
from tests.e2e.worktime_oracle import ZONE

Row = dict[str, Any]
UNITS = [("DISDIK", None), ("DINKES", "six_day"), ("KOMINFO", "five_day"), ("KEC-01", None), ("SEPI", None)]
CODES = ["LAKSANAKAN", "tindak_lanjuti", "UNTUK_DIKETAHUI", "ARSIPKAN", "HADIRI", *TEXTS]


@dataclass
class MadeCity:
    now: datetime
    units: list[Row] = field(default_factory=list)
    letters: list[Row] = field(default_factory=list)
    dispositions: list[Row] = field(default_factory=list)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(rng: random.Random, now: datetime, days: int) -> datetime:
    """Any second, but often a boundary: midnight, a break's edge, now itself, the start of a window."""
    day = (now - timedelta(days=rng.randint(0, days))).replace(hour=0, minute=0, second=0, microsecond=0)
    edge = rng.choice([(0, 0), (7, 30), (12, 0), (12, 30), (15, 0), (16, 0), (11, 30), (23, 59)])
    at = day + (
        timedelta(hours=edge[0], minutes=edge[1]) if rng.random() < 0.4 else timedelta(seconds=rng.randrange(86400))
    )
    return min(at, now) if rng.random() < 0.97 else now


def make(seed: int, now: datetime, letters: int = 300) -> MadeCity:
    rng = random.Random(seed)
    city = MadeCity(now.astimezone(ZONE))
    for code, calendar in UNITS:
        row = {"code": code, "name": f"Unit {code}", "kind": "department", "parent": None, "calendar": calendar}
        city.units.append(row | {"valid_from": None, "valid_to": None, "updated_at": "2025-01-01T00:00:00+07:00"})
    for i in range(letters):
        city.letters.append(_letter(rng, i, city.now))
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            city.dispositions.append(_disposition(rng, len(city.dispositions), city))
    for i in range(5):  # their letter never arrives
        row = _disposition(rng, 90_000 + i, city)
        city.dispositions.append(row | {"letter_id": f"NEVER-{i}"})
    return city


def _later(rng: random.Random, at: datetime, now: datetime, odds: float) -> datetime | None:
    if rng.random() > odds:
        return None
    later = at + timedelta(hours=rng.choice([0, 0.5, 24, 48, 72, rng.uniform(0, 300)]))
    return min(later, now)


def _letter(rng: random.Random, i: int, now: datetime) -> Row:
    at = _instant(rng, now, 120)
    done = _later(rng, at, now, 0.5)
    return {
        "id": f"L-{i}",
        "kind": rng.choice(["incoming", "incoming", "outgoing", "memo"]),
        "type": rng.choice(["surat_dinas", "undangan", "tak_terdaftar"]),
        "category": rng.choice(["general", "general", "finance", "personnel", "legal", "unknown"]),
        "urgency": rng.choice(["amat_segera", "segera", "penting", "biasa", "biasa", "unknown"]),
        "security": rng.choice(["biasa", "rahasia", None]),
        "subject": "rahasia sekali",
        "unit": rng.choice(UNITS[:-1])[0],
        "medium": rng.choice(["electronic", "electronic", "paper"]),
        "pages": rng.choice([None, 0, 3]),
        "copies": rng.choice([None, 1]),
        "registered_at": _iso(at),
        "completed_at": _iso(done),
        "updated_at": _iso(max(at, done or at)),
        "deleted": rng.random() < 0.04,
    }


def _disposition(rng: random.Random, i: int, city: MadeCity) -> Row:
    letter = city.letters[-1]
    at = max(datetime.fromisoformat(letter["registered_at"]), _instant(rng, city.now, 60))
    done, gone = _later(rng, at, city.now, 0.55), _later(rng, at, city.now, 0.06)
    own = rng.random()
    due = at + timedelta(days=rng.randint(-1, 6)) if own < 0.3 else city.now if own < 0.33 else None
    return {
        "id": f"D-{i}",
        "letter_id": letter["id"],
        "parent_id": None,
        "from_office": rng.choice(["walikota", "sekda", "kepala:DISDIK"]),
        "to_unit": rng.choice(UNITS[:-1])[0],
        "channel": rng.choice(["text", "voice", "scanned_signature"]),
        "device": rng.choice(["phone", None, "laptop"]),
        "instruction": rng.choice(CODES),
        "issued_at": _iso(at),
        "due_at": _iso(due),
        "completed_at": _iso(done),
        "cancelled_at": _iso(gone),
        "updated_at": _iso(max(t for t in (at, done, gone) if t)),
        "deleted": rng.random() < 0.03,
    }
