"""Of the cubes of the board `handling` the rows that a viewer chose: unit and window; named, in the order drawn."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from coc.figures.look import Words
from coc.figures.rows import fitting

CITY = ""
EVERY = "all"
URGENCIES = ("amat_segera", "segera", "penting", "biasa", "unknown", "absent")
SLOWEST = 4  # units named beside the urgencies
ENOUGH = 5  # followed up in the window: fewer say little of a unit


def holding(ages: pd.DataFrame, scope: str, names: Mapping[str, str]) -> pd.DataFrame:
    """row, bucket, backlog, overdue, mine: by unit; `mine`: the chosen one's."""
    units = ages[ages["unit"] != CITY]
    return units.assign(row=[fitting(names.get(u, u), u) for u in units["unit"]], mine=units["unit"] == scope)


def ageing(bins: pd.DataFrame, lines: pd.DataFrame | None, scope: str) -> pd.DataFrame:
    """urgency, beyond, count, hours, line."""
    return bins[bins["unit"] == scope].assign(line=line_of(lines, scope))


def line_of(lines: pd.DataFrame | None, scope: str) -> float:
    """The hours within which 85 % are followed up: the scope's, NaN where nothing is open or none is known."""
    found = lines.loc[lines["unit"] == scope, "hours"] if lines is not None else pd.Series(dtype="float64")
    return float(found.iloc[0]) if len(found) else float("nan")


def spread(cube: pd.DataFrame, scope: str, window: str, names: Mapping[str, str], say: Words) -> pd.DataFrame:
    """row, part, count, p50, p85, p95: the whole; each urgency; and of the city its slowest units."""
    mine = cube[cube["window"] == window]
    by_urgency = mine[mine["unit"] == scope].set_index("urgency")
    whole = by_urgency.loc[by_urgency.index == EVERY].assign(row=say("spread.all"), part="whole")
    some = [u for u in URGENCIES if u in by_urgency.index]
    urgent = by_urgency.loc[some].assign(row=[say(f"urgency.{u}") for u in some], part="urgency")
    if scope:
        city = mine[(mine["unit"] == CITY) & (mine["urgency"] == EVERY)].assign(row=say("spread.city"), part="whole")
        return pd.concat([whole, city, urgent], ignore_index=True)
    units = mine[(mine["unit"] != CITY) & (mine["urgency"] == EVERY) & (mine["count"] >= ENOUGH)]
    units = units.sort_values(["p85", "unit"], ascending=[False, True]).head(SLOWEST)
    slow = units.assign(row=[fitting(names.get(u, u), u) for u in units["unit"]], part="unit")
    return pd.concat([whole, urgent, slow], ignore_index=True)


def balance(steps: pd.DataFrame, scope: str, window: str) -> pd.DataFrame:
    """day, arrived, departed, backlog, working: the window's days, or its weeks; days on which nothing moved too."""
    step = "week" if window == "90d" else "day"
    kept = steps[steps["step"] == step]
    days = kept.loc[kept["unit"] == CITY, ["day", "working"]].sort_values("day")
    days = days.tail(7) if window == "7d" else days
    if not scope:
        return days.merge(kept[kept["unit"] == CITY].drop(columns="working"), on="day")
    mine = kept[kept["unit"] == scope].sort_values("day")
    if mine.empty:
        return mine
    whole = kept.loc[kept["unit"] == CITY, ["day"]].sort_values("day").merge(mine, on="day", how="left")
    # Where nothing moved the backlog stays; before the first move it is what that one found.
    first = mine.iloc[0]
    before = int(first["backlog"] - first["arrived"] + first["departed"])
    held = whole["backlog"].astype("float64").ffill().fillna(before)
    moved = whole[["arrived", "departed"]].astype("float64").fillna(0)
    filled = pd.DataFrame({"day": whole["day"], "backlog": held}).join(moved)
    return days.merge(filled, on="day").astype({"arrived": int, "departed": int, "backlog": int})


def handover(
    edges: pd.DataFrame, lines: pd.DataFrame | None, scope: str, window: str, names: Mapping[str, str], say: Words
) -> pd.DataFrame:
    """office, to, name, count, hours, slow: the city's matrix; of a unit its offices beside those of all units."""
    here = edges[edges["window"] == window]
    mine = here[here["unit"] == scope]
    if scope and len(mine):
        whole = here[(here["unit"] == CITY) & (here["to"] == CITY) & here["office"].isin(mine["office"])]
        mine = pd.concat([mine, whole], ignore_index=True)
    special = {CITY: say("desk.units"), "*": say("desk.rest_units")}
    named = [special.get(u) or fitting(names.get(u, u), u, 162) for u in mine["to"]]
    return mine.assign(name=named, slow=line_of(lines, CITY))


def means(cube: pd.DataFrame, scope: str, window: str) -> pd.DataFrame:
    """office, channel, device, count: by office; of a unit all of them together, beside the city's ("city")."""
    mine = of(cube, scope, window)
    if not scope or mine.empty:
        return mine
    return pd.concat([mine, of(cube, CITY, window).assign(office="city")], ignore_index=True)


def of(cube: pd.DataFrame, scope: str, window: str) -> pd.DataFrame:
    """The scope's rows of the window."""
    return cube[(cube["unit"] == scope) & (cube["window"] == window)]
