"""A source whose rows come late, are corrected, re-opened, broken, mended, marked as deleted, or just vanish."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from tests.e2e.city import CODES, UNITS, MadeCity, Row

LATEST = timedelta(minutes=4)  # how late a row may come: less than the overlap of a pull


class Truth:
    """`city` is what the source serves now; `vanished` the ids that it no longer lists."""

    def __init__(self, city: MadeCity, seed: int) -> None:
        self.city, self.rng = city, random.Random(seed)
        self.vanished: set[str] = set()
        self.samples: dict[tuple[str, str], Row] = {}
        self._made = 0

    def turn(self) -> None:
        """Some minutes later, with a handful of changes."""
        self.city.now += timedelta(minutes=self.rng.randint(1, 20))
        for _ in range(self.rng.randint(4, 25)):
            self.rng.choices(
                [self._new, self._correct, self._open_again, self._break, self._mend, self._mark, self._vanish],
                [8, 8, 2, 1, 2, 1, 1],
            )[0]()
        for _ in range(self.rng.randint(5, 30)):
            self._sample()

    def _sample(self) -> None:
        """Of one of three points; an hour late at times, and at times another value for a known moment."""
        late = self.rng.choice([0, 0, 0, 1, 5, 60])
        at = self.city.now.replace(second=0) - timedelta(minutes=late + self.rng.randint(0, 6))
        key = (f"ap-{self.rng.randint(1, 3)}", at.isoformat())
        up = self.rng.random() < 0.7
        self.samples[key] = {"ap": key[0], "at": key[1], "up": up, "clients": 5, "latency_ms": 20.0 if up else None}

    def _stamp(self) -> str:
        late = self.rng.random() < 0.2
        return (self.city.now - (LATEST * self.rng.random() if late else timedelta())).isoformat()

    def _new(self) -> None:
        self._made += 1
        at, now = self._stamp(), self.city.now
        key = f"N-{self._made}"
        self.city.letters.append(
            {
                "id": f"L{key}",
                "kind": self.rng.choice(["incoming", "outgoing", "memo"]),
                "type": "surat_dinas",
                "category": "general",
                "urgency": self.rng.choice(["segera", "biasa"]),
                "security": "biasa",
                "unit": self.rng.choice(UNITS)[0],
                "medium": "electronic",
                "registered_at": (now - timedelta(hours=self.rng.random() * 9)).isoformat(),
                "completed_at": None,
                "updated_at": at,
            }
        )
        row = {
            "id": f"D{key}",
            "letter_id": f"L{key}" if self.rng.random() < 0.9 else f"LN-{self._made + 1}",  # before its letter
            "from_office": "sekda",
            "to_unit": self.rng.choice(UNITS)[0],
            "channel": "voice",
            "instruction": self.rng.choice(CODES),
            "issued_at": (now - timedelta(hours=self.rng.random())).isoformat(),
            "completed_at": None,
            "updated_at": at,
        }
        self.city.dispositions.append(row)

    def _any(self) -> Row:
        return self.rng.choice(self.rng.choice([self.city.letters, self.city.dispositions]))

    def _correct(self) -> None:
        """A completion, or another unit."""
        row = self._any()
        if row.get("medium") == "stone":
            return
        if self.rng.random() < 0.6:
            row["completed_at"] = self.city.now.isoformat()
        else:
            row["unit" if "unit" in row else "to_unit"] = self.rng.choice(UNITS)[0]
        row["updated_at"] = self.city.now.isoformat()

    def _open_again(self) -> None:
        self._any().update(completed_at=None, updated_at=self.city.now.isoformat())

    def _break(self) -> None:
        """A new row that must be refused."""
        self._new()
        self.city.letters[-1]["medium"] = "stone"

    def _mend(self) -> None:
        for row in self.city.letters:
            if row["medium"] == "stone":
                row |= {"medium": "paper", "updated_at": self.city.now.isoformat()}
                return

    def _mark(self) -> None:
        self._any().update(deleted=True, updated_at=self.city.now.isoformat())

    def _vanish(self) -> None:
        rows = self.rng.choice([self.city.letters, self.city.dispositions])
        row = rows.pop(self.rng.randrange(len(rows)))
        self.vanished.add(row["id"])

    def points(self) -> list[Row]:
        return list(self.samples.values())

    def broken(self) -> set[str]:
        return {row["id"] for row in self.city.letters if row["medium"] == "stone"}

    def rows(self, name: str) -> list[Row]:
        rows: list[dict[str, Any]] = getattr(self.city, name)
        return rows
