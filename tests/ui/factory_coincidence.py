"""What was down on the day on which figures moved: as the board has it, on a normal day nothing."""

from __future__ import annotations

import pandas as pd

_MOVED = (
    ("correspondence.registered_today", 61.0, 184.0),
    ("disposition.net_flow", 48.0, 151.5),
    ("disposition.followup_hours_p50", 11.25, 6.5),
)
_DOWN = (
    ("service", "sipadek", "SIPADEK", 3.4, 0.45),
    ("link", "lk-telanaipura", "Serat Optik Telanaipura", 2.5, 0.33),
    ("area", "15.71.01", "Telanaipura", 1.5, 0.2),
)
_COLUMNS = ["kpi", "day", "value", "usual", "kind", "entity", "name", "hours", "share"]


def frames(moved: int = 0) -> dict[str, dict[str, pd.DataFrame]]:
    """`moved`: beside how many figures there is something to tell."""
    rows = [(kpi, "2026-03-10", value, usual, *down) for kpi, value, usual in _MOVED[:moved] for down in _DOWN]
    return {"coincidence": {"beside": pd.DataFrame(rows, columns=_COLUMNS)}}
