"""All that the public lens publishes of a made city, as equations over the cells of its units, gives none back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coc.access import Reader
from coc.access.published import TABLES
from coc.boards import Snapshot
from coc.boards.board import CITY, Board
from coc.boards.city import ALL, PUBLIC, Context, cities_of
from coc.boards.subject import compute_subject
from coc.boards.subjects import SUBJECTS
from coc.domain.datasets import COLUMNS, Dataset
from coc.domain.derive import derive
from coc.domain.worktime import build_calendars
from coc.settings.models import Settings
from coc.store.columns import empty_frame
from tests.metrics.cities import EVERYTHING, Row, frame, unit_list, wib

# How many letters each unit has open: large ones, small ones, none; one unit is on no list.
SIZES = {
    "U01": 130, "U02": 96, "U03": 80, "U04": 64, "U05": 60, "U06": 44, "U07": 31, "U08": 22, "U09": 14, "U10": 9,
    "U11": 5, "U12": 3, "U13": 2, "U14": 1, "U15": 0, "U16": 0,
}  # fmt: skip
ELSEWHERE = "LAMA"
INSTANTS = tuple(map(wib, ("2026-03-02T08:10", "2026-03-02T10:00", "2026-03-02T15:30", "2026-03-03T09:00")))
WINDOWS = ("7d", "30d", "90d")
MAIL = [s for s in SUBJECTS if s.of_letters and s.public]
Cell = tuple[datetime, str, str]  # instant, what is counted, unit


@dataclass(frozen=True)
class Made:
    """`whole` and `public`: boards of both populations before any mask. `reader`: what is served."""

    reader: Reader
    whole: dict[str, Board]
    public: dict[str, Board]


def rows(secret: bool) -> tuple[list[Row], list[Row]]:
    """Letters and one disposition each; the same ones whether or not the secret ones are among them."""
    chance, letters, given = random.Random(7), list[Row](), list[Row]()
    start = INSTANTS[0] - timedelta(days=40)
    for unit, open_ in (SIZES | {ELSEWHERE: 3}).items():
        for n in range(open_ * 2):
            at = start + timedelta(minutes=chance.uniform(0, 60 * 24 * 41))
            late = chance.random() < 0.3
            done = at + timedelta(hours=chance.uniform(1, 900)) if n % 2 else None
            row = {
                "source_id": f"{unit}-{n}",
                "unit": unit,
                "registered_at": at,
                "completed_at": done,
                "security": chance.choice(["biasa", "terbatas", "biasa", "rahasia", "sangat_rahasia"]),
                "medium": chance.choice(["electronic", "paper"]),
            }
            due = at + timedelta(days=chance.choice([1, 20, 45] if late else [42, 45, 60]))
            disposition = {"source_id": f"D{unit}-{n}", "letter_id": row["source_id"], "to_unit": unit}
            disposition |= {"issued_at": at, "completed_at": done, "due_at": due, "of": row}
            if secret or row["security"] in ("biasa", "terbatas"):
                letters.append(row)
                given += [disposition] if chance.random() < 0.8 else []
            else:
                chance.random()
    return letters, given


@cache
def made(now: datetime, secret: bool = True) -> Made:
    letters, given = rows(secret)
    letters = [row for row in letters if row["registered_at"] <= now]
    given = [row for row in given if row["issued_at"] <= now]
    settings, units = Settings(), unit_list(tuple(SIZES))
    calendars = build_calendars(settings.calendar, settings.city.time_zone, units)
    frames = {d: empty_frame(COLUMNS[d]) for d in Dataset}
    frames[Dataset.LETTERS] = _until(frame(Dataset.LETTERS, letters), now)
    table = _until(frame(Dataset.DISPOSITIONS, given), now)
    for name in ("security", "urgency", "kind"):
        table[f"letter_{name}"] = pd.Series([row["of"].get(name, "biasa") for row in given], dtype="str")
    table["letter_registered_at"] = table["issued_at"]
    table["letter_deleted"] = pd.Series([False] * len(given), dtype="boolean")
    frames[Dataset.DISPOSITIONS] = table.join(derive(table, calendars, settings.limits))
    context = Context(settings, units, calendars)
    cities = cities_of(frames, {}, context, pd.Timestamp(now).tz_convert("UTC"), EVERYTHING)
    boards = {
        (s.name, population): Board(s.name, population, 1, "", now, now, *compute_subject(s, cities[population]))
        for s in MAIL
        for population in (ALL, PUBLIC)
    }
    snapshot = Snapshot(1, boards, {}, 1, now)
    by = {p: {s.name: boards[s.name, p] for s in MAIL} for p in (ALL, PUBLIC)}
    return Made(Reader(settings, "live", lambda: snapshot), by[ALL], by[PUBLIC])


def _until(table: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """What is completed later is open yet."""
    return table.assign(completed_at=table["completed_at"].where(table["completed_at"] <= pd.Timestamp(now)))


def truth(now: datetime) -> dict[Cell, int]:
    """Every cell that the published tables are about, the remainders among them, and the row of no unit ("")."""
    kpis = pd.concat([b.kpis for b in made(now).public.values()])
    one = kpis[kpis["window"] == "30d"].set_index(["id", "unit"])["value"]
    found: dict[Cell, int] = {}
    for table in TABLES:
        for unit in (*SIZES, CITY):
            counts = {i: int(one[i, unit]) for i in table.ids}
            if unit == CITY:
                counts = {i: counts[i] - sum(int(one[i, u]) for u in SIZES) for i in table.ids}
            rest = counts[table.total] - sum(counts[i] for i in table.parts)
            found |= {(now, i, unit): counts[i] for i in table.parts} | {(now, f"rest of {table.total}", unit): rest}
    return found


def cells_of(now: datetime, kpi: str, unit: str) -> list[Cell]:
    """The cells that a figure is the sum of."""
    table = next(t for t in TABLES if kpi in t.ids)
    counted = [kpi] if kpi != table.total else [*table.parts, f"rest of {kpi}"]
    return [(now, what, u) for what in counted for u in ([unit] if unit else [*SIZES, CITY])]


def published(now: datetime, *, masked: bool = True) -> Iterator[tuple[list[Cell], float]]:
    """Each number that the public lens gets of the tables' figures, by every way that it has."""
    reader, ids = made(now).reader, {i for t in TABLES for i in t.ids}
    for window in WINDOWS:
        for unit in (None, *SIZES):
            for figure in reader.figures("public" if masked else "room", window, unit, ids):
                if figure.value is not None:
                    yield cells_of(now, figure.id, unit or CITY), float(figure.value)
    for row in reader.boards("public", ["disposition"])["disposition"].frames["by_unit"].to_dict("records"):
        for column in ("backlog", "overdue", "due_soon"):
            if not pd.isna(row[column]):
                yield cells_of(now, f"disposition.{column}", row["unit"]), float(row[column])


def given_back(equations: list[tuple[list[Cell], float]], cells: list[Cell]) -> set[Cell]:
    """The cells that the equations leave no choice."""
    places = {cell: n for n, cell in enumerate(cells)}
    matrix = np.zeros((len(equations), len(cells)))
    for n, (parts, _) in enumerate(equations):
        for cell in parts:
            matrix[n, places[cell]] += 1
    _, strengths, basis = np.linalg.svd(np.unique(matrix, axis=0))
    free = basis[(strengths > 1e-9).sum() :]
    return {cell for cell, n in places.items() if not (np.abs(free[:, n]) > 1e-9).any()}


def small_cells(now: datetime) -> set[Cell]:
    return {cell for cell, value in truth(now).items() if 0 < value < 5}


def test_no_small_cell_follows_from_all_that_is_published_over_time() -> None:
    cells = [cell for now in INSTANTS for cell in truth(now)]
    known = given_back([e for now in INSTANTS for e in published(now)], cells)
    small = {cell for now in INSTANTS for cell in small_cells(now)}
    assert len(small) > 40  # the city is such that there is something to hide
    assert not small & known
    assert len(known) > 100  # and something is shown


def test_without_the_masks_the_same_equations_give_every_cell_back() -> None:
    now = INSTANTS[1]
    assert small_cells(now) <= given_back(list(published(now, masked=False)), list(truth(now)))


@pytest.mark.parametrize("now", INSTANTS)
def test_what_is_published_is_true(now: datetime) -> None:
    values = truth(now)
    assert all(sum(values[cell] for cell in parts) == value for parts, value in published(now))


@pytest.mark.parametrize("window", WINDOWS)
def test_of_a_unit_the_public_gets_the_listed_counts_and_no_other_figure(window: Any) -> None:
    listed = {i for table in TABLES for i in table.ids}
    for unit in SIZES:
        for figure in made(INSTANTS[1]).reader.figures("public", window, unit):
            if figure.id.split(".")[0] in ("disposition", "correspondence") and figure.id not in listed:
                assert figure.value is None, figure
                assert figure.state in ("masked", "not_applicable"), figure


def test_no_frame_of_the_public_but_the_published_table_knows_units() -> None:
    for now in INSTANTS:
        for board in made(now).reader.boards("public", [s.name for s in MAIL]).values():
            for name, table in board.frames.items():
                assert name in ("by_unit", "masks") or not {"unit", "to_unit", "owner_unit"} & set(table.columns)


@pytest.mark.parametrize("now", INSTANTS)
def test_the_public_sees_the_same_city_whether_or_not_it_has_secret_letters(now: datetime) -> None:
    one, other = made(now), made(now, secret=False)
    assert len(rows(True)[0]) > len(rows(False)[0]) + 100
    names = [s.name for s in MAIL]
    for name, board in one.reader.boards("public", names).items():
        same = other.reader.boards("public", names)[name]
        pd.testing.assert_frame_equal(board.kpis, same.kpis)
        for frame_name, table in board.frames.items():
            pd.testing.assert_frame_equal(table, same.frames[frame_name])
    assert not one.whole["disposition"].kpis.equals(other.whole["disposition"].kpis)
