"""The board of /opd: the made-up quarter of /disposisi and some weeks of letters, counted by the real frame makers."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pandas as pd

from coc.boards.board import Board
from coc.boards.subjects import adoption, units
from coc.domain.datasets import Dataset
from coc.metrics import compute
from coc.metrics.city import City
from tests.metrics.cities import LETTER_TYPES, frame
from tests.ui import factory_disposisi


@cache
def made(now: datetime) -> City:
    """All units of the shipped list; some have the habit, some wrote in one week only, some never."""
    chance, city = random.Random(3), factory_disposisi.made(now)
    rows = []
    for n, code in enumerate(city.units["code"]):
        for week in range(0 if n % 5 == 0 else 1 if n % 3 == 0 else 12):
            for _ in range(chance.randint(2, 9)):
                at = now - timedelta(days=7 * week + chance.uniform(0, 6))
                kind, medium = chance.choice(LETTER_TYPES), chance.choice(["electronic", "paper"])
                row = {"source_id": f"U{len(rows)}", "unit": code, "registered_at": at}
                rows.append(row | {"type": kind, "medium": medium})
    return replace(city, letters=frame(Dataset.LETTERS, rows), letter_types=LETTER_TYPES)


@cache
def frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    city = made(now)
    return {"units": {name: make(city) for name, make in units.SUBJECT.frames.items()}, "adoption": {}}


def with_units(held: dict[str, Board], now: datetime) -> dict[str, Board]:
    """The KPI boards with a row for every unit, as the real ones have."""
    kpis = compute(made(now))
    found = dict(held)
    for name in ("correspondence", "disposition", adoption.SUBJECT.name):
        board = held[name]
        mine = kpis[kpis["id"].str.startswith(f"{name}.")]
        known = set(zip(board.kpis["id"], board.kpis["unit"], strict=True))
        more = mine[[key not in known for key in zip(mine["id"], mine["unit"], strict=True)]]
        found[name] = replace(board, kpis=pd.concat([board.kpis, more], ignore_index=True))
    return found
