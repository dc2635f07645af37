"""What a probe saw and has not told yet, on disk: bounded, the oldest go first, and how many went is remembered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS samples (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, sample TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_DROPPED: Final = "dropped"


class Buffer:
    """`keep`: how many samples there may be. Survives a power cut: what was put in is on the disk."""

    def __init__(self, path: Path, keep: int) -> None:
        self.keep = keep
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM samples").fetchone()[0])

    @property
    def dropped(self) -> int:
        """How many were lost and not told of yet."""
        return int(self.recall(_DROPPED) or 0)

    def put(self, samples: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Add (kind, sample) at the end; the oldest beyond `keep` are dropped and counted."""
        rows = [(kind, orjson.dumps(sample).decode()) for kind, sample in samples]
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO samples (kind, sample) VALUES (?, ?)", rows)
            over = len(self) - self.keep
            if over > 0:
                oldest = "SELECT id FROM samples ORDER BY id LIMIT ?"
                self._db.execute(f"DELETE FROM samples WHERE id IN ({oldest})", (over,))
                self._note(_DROPPED, str(self.dropped + over))

    def oldest(self, most: int) -> list[tuple[int, str, dict[str, Any]]]:
        """(number, kind, sample), the oldest first."""
        found = self._db.execute("SELECT id, kind, sample FROM samples ORDER BY id LIMIT ?", (most,))
        return [(number, kind, orjson.loads(text)) for number, kind, text in found]

    def told(self, until: int, dropped: int) -> None:
        """Forget the samples up to that number, and as many lost ones: the COC has heard of them."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM samples WHERE id <= ?", (until,))
            self._note(_DROPPED, str(max(self.dropped - dropped, 0)))

    def remember(self, name: str, value: str) -> None:
        with self._db:
            self._note(name, value)

    def recall(self, name: str) -> str | None:
        found = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def _note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept (name, value) VALUES (?, ?)", (name, value))
