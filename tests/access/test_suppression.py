"""No small cell of a published table can be worked out: every table that fits what is told is looked at, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.access.suppression import Kind, Masks, suppress

Columns = tuple[tuple[int, ...], ...]
Table = tuple[list[tuple[int, int, int]], tuple[int, int, int]]  # overdue, due soon, the rest: by unit; of no unit


def masked(table: Table) -> Masks:
    rows, off = table
    parts = [[row[part] for row in rows] for part in (0, 1)]
    return suppress([sum(row) for row in rows], parts, sum(off), off[:2])


def fits(values: Any, kind: Kind | None, true: int) -> Any:
    """Whether a cell may have these values; `kind` None: nothing is told of it."""
    if kind is None:
        return values >= 0
    if kind == "":
        return values == true
    return ((values > 0) & (values < 5)) == (kind == "lt5")


class Attacker:
    """Knows the city's totals, what is shown and how each hidden cell is labelled; `off` where no unit holds it."""

    def __init__(self, table: Table) -> None:
        self.rows, self.off = table
        self.masks = masked(table)
        every = [*self.rows, self.off] if any(self.off) else self.rows
        self.totals = tuple(sum(row[c] for row in every) for c in range(3))
        self.options = [self._options(r) for r in range(len(self.rows))]
        if any(self.off):
            self.options.append(np.ones([t + 1 for t in self.totals], dtype=bool))

    def kinds(self, row: int) -> list[Kind | None]:
        """Of overdue, due soon and the total."""
        columns = [*self.masks.parts, self.masks.total]
        # In a column of which nothing is shown, the labels are all alike and say nothing.
        return [None if "" not in column and "lt5" not in column else column[row] for column in columns]

    def _options(self, row: int) -> Any:
        """What the row may be, as marks over (overdue, due soon, rest)."""
        true, kinds = self.rows[row], self.kinds(row)
        cells = np.indices([t + 1 for t in self.totals])
        columns = zip([cells[0], cells[1], cells.sum(axis=0)], kinds, [*true[:2], sum(true)], strict=True)
        return np.logical_and.reduce([fits(*column) for column in columns])

    def possible(self, row: int) -> list[set[int]]:
        """The values that each cell of a row (overdue, due soon, rest, total) may have with everything else."""
        others = np.zeros([t + 1 for t in self.totals], dtype=bool)
        others[0, 0, 0] = True
        for number, options in enumerate(self.options):
            if number != row:
                others = _sums(others, options)
        whole = self.options[row] & others[::-1, ::-1, ::-1]
        found = np.argwhere(whole)
        return [set(found[:, 0]), set(found[:, 1]), set(found[:, 2]), set(found.sum(axis=1))]


def _sums(one: Any, other: Any) -> Any:
    """The sums that stay within the totals."""
    shape = [2 * n for n in one.shape]
    axes = (0, 1, 2)
    folded = np.fft.irfftn(np.fft.rfftn(one, shape, axes) * np.fft.rfftn(other, shape, axes), shape, axes)
    return folded[tuple(slice(0, n) for n in one.shape)] > 0.5


def nothing_is_given_back(table: Table) -> None:
    attacker = Attacker(table)
    rows, masks = attacker.rows, attacker.masks
    every = [*rows, attacker.off] if any(attacker.off) else rows
    for number, row in enumerate(every):
        cells = [*row, sum(row)]
        may = attacker.possible(number)
        for column, value in enumerate(cells):
            assert value in may[column]
            if not 0 < value < 5:
                continue
            assert len(may[column]) >= 2, (table, masks, number, column)
            told = "" in masks.total and number < len(rows) and column != 2
            if told and "" in [*masks.parts, masks.total][column if column < 2 else 2]:
                assert len(may[column] & {1, 2, 3, 4}) >= 3, (table, masks, number, column)
                assert cells[3] < 5 or {1, 2, 3, 4} <= may[column], (table, masks, number, column)


cell = st.one_of(st.just(0), st.integers(0, 4), st.integers(5, 9))
large = st.tuples(st.sampled_from([0, 0, 3, 5, 8, 9]), st.sampled_from([0, 0, 2, 8]), st.sampled_from([0, 6, 8, 11]))
rows = st.lists(st.one_of(st.tuples(cell, cell, cell), large, st.just((0, 0, 0))), min_size=2, max_size=5)
off = st.one_of(st.just((0, 0, 0)), st.tuples(cell, cell, cell))


@settings(max_examples=60, deadline=None)
@given(st.tuples(rows, off))
def test_no_cell_of_one_to_four_can_be_worked_out(table: Table) -> None:
    nothing_is_given_back(table)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=7), st.integers(0, 6))
def test_nor_in_a_table_of_one_column(values: list[int], off_list: int) -> None:
    masks = suppress(values, (), off_list)
    assert all(kind for kind, value in zip(masks.total, values, strict=True) if 0 < value < 5)
    if "" in masks.total:
        hidden = [v for v, kind in zip(values, masks.total, strict=True) if kind]
        assert not hidden or max(hidden) >= 5
        assert not 0 < off_list < 5 or hidden
    else:
        assert all(kind == "complement" for kind in masks.total)


def alike(sums: tuple[int, ...], units: int) -> Iterator[list[Columns]]:
    """Tables with these sums of their columns, in groups that are published alike; the last column is the rest."""
    found: dict[Any, list[Columns]] = {}
    for columns in product(*(_splits(total, units) for total in sums)):
        whole = tuple(map(sum, zip(*columns, strict=True)))
        masks = suppress(whole, columns[:-1])
        cells = zip([whole, *columns[:-1]], [masks.total, *masks.parts], strict=True)
        shown = tuple(kind or value for values, kinds in cells for value, kind in zip(values, kinds, strict=True))
        found.setdefault(shown, []).append((whole, *columns))
    yield from found.values()


def _splits(total: int, units: int) -> Iterator[tuple[int, ...]]:
    if units == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in _splits(total - first, units - 1))


@pytest.mark.parametrize("total", [6, 9, 10, 13, 18])
def test_who_knows_this_program_knows_no_small_cell_either(total: int) -> None:
    for tables in alike((total,), 4):
        told = any(kind == "lt5" for kind in masked_alike(tables[0]).total)
        for unit in range(4):
            may = {whole[unit] for whole, *_ in tables}
            if may & {1, 2, 3, 4}:
                assert len(may & {1, 2, 3, 4} if told else may) >= (3 if told else 2), tables


def masked_alike(columns: Columns) -> Masks:
    return suppress(columns[0], columns[1:-1])


@pytest.mark.parametrize("sums", [(9, 9), (11, 9), (8, 2), (13, 4)])
def test_nor_one_of_a_table_with_parts(sums: tuple[int, int]) -> None:
    for tables in alike(sums, 3):
        masks = masked_alike(tables[0])
        for place, unit in product(range(3), range(3)):
            may = {columns[place][unit] for columns in tables}
            if may & {1, 2, 3, 4}:
                assert len(may) >= 2, (masks, tables)


def test_a_table_without_small_cells_is_shown_whole() -> None:
    masks = suppress([40, 0, 12], [[20, 0, 5], [5, 0, 7]])
    assert set(masks.total) | set(masks.parts[0]) | set(masks.parts[1]) == {""}


def test_with_a_small_cell_goes_the_first_row_that_can_cover_it() -> None:
    assert suppress([3, 0, 40, 9]).total == ("lt5", "", "complement", "")
    assert suppress([3, 5, 9, 40]).total == ("lt5", "complement", "complement", "")  # 8 are not 4 and a large one


def test_of_a_row_every_cell_goes_and_each_says_what_it_is() -> None:
    masks = suppress([30, 60, 70, 80], [[2, 10, 20, 30]])
    assert masks.total == ("complement", "complement", "", "")
    assert masks.parts == (("lt5", "complement", "", ""),)


@pytest.mark.parametrize("values", [[3, 0, 5], [1, 1, 0], [2, 3, 4]])
def test_where_nothing_can_cover_it_the_whole_table_goes_and_says_nothing(values: list[int]) -> None:
    assert suppress(values).total == ("complement",) * 3


def test_a_part_that_is_small_everywhere_is_withheld_and_the_rest_is_shown() -> None:
    masks = suppress([40, 50, 60, 0], [[10, 20, 30, 0], [1, 2, 3, 0]])
    assert masks.total == ("",) * 4
    assert masks.parts == (("",) * 4, ("complement",) * 4)


def test_few_letters_of_no_listed_unit_are_hidden_behind_a_listed_one() -> None:
    assert suppress([20, 30], off=2).total == ("complement", "")


def test_a_part_is_shown_with_its_whole_where_withholding_it_would_hide_nothing() -> None:
    # All that is open in the first unit is due soon: the city's total would give it back.
    masks = suppress([0, 9], [[0, 0], [0, 2]])
    assert masks.parts[1] == ("complement", "complement")
    assert masks.total == ("complement", "complement")
