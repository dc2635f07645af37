"""The leaders' offices, and what may become of an instruction that one of them gives or gets."""

from __future__ import annotations

from typing import Final

OFFICES: Final = ("walikota", "wakil_walikota", "sekda", "asisten_1", "asisten_2", "asisten_3")
ON_TIME, LATE, DONE, WAITING, OVERDUE = "on_time", "late", "done", "waiting", "overdue"
LEDGER: Final = (ON_TIME, LATE, DONE, WAITING, OVERDUE)
