"""From which office dispositions come, to which unit they go, how long they stay there, and by what means.

Offices are positions; those of one kind (kepala:DISDIK and kepala:DINKES) count together. Figures of a single leader's
office are not for everybody in the house (DOMAIN, Privacy): `folded` counts the leaders' offices as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from coc.domain.datasets import CHANNELS, DEVICES
from coc.domain.instants import Bools, Floats
from coc.metrics import cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import OUTSIDE, Counts, texts, units_of
from coc.metrics.facts import LEADERS, Coded, Positions, disposition_column, dispositions, once, positions, scopes

LEADING: Final = "leaders"  # the leaders' offices as one
OWN: Final = "own"  # a unit's own office
REST: Final = "*"  # what is too small to be told by itself
TOP_UNITS: Final = 7
TOP_OFFICES: Final = 3
GIVERS: Final = 5  # offices whose means are told
_MANY: Final = 24  # kinds of office that are told apart for a unit


def handover(city: City, *, folded: bool = True) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: unit, window, office, to, count, done, hours.

    A unit's rows have itself as `to`; what its own offices gave is of the office "own". The city's rows (unit "") leave
    that out: there are the units that were given most, the leaders' offices and those that gave most, the rest as "*";
    and all units together as `to` "", there each office, "own" too, and once more the rest.
    done: those nf and completed; hours: the median of their working hours of follow-up (to_unit's calendar), NaN where
    none is known. No row for a pair without any.
    """
    office, size = _givers(city, folded=folded), len(scopes(city))
    span = cubes.issued_spans(city)
    chosen = np.flatnonzero(span < OUTSIDE)
    keys, width = [dispositions(city).unit[chosen], office.places[chosen]], len(office.words)
    counts = cubes.by_window(span[chosen], keys, (size, width))
    leading = sum(map(_leads, office.words))
    parts = []
    for place in range(len(WINDOWS)):
        done = _done(city, place)
        giver = office.places[done.row]
        parts.append((place, *_of_city(counts[place], done, giver, leading)))
        unit, by = cubes.rows_where(counts[place][1:])
        some = (unit + 1) * width + by
        answered, median = done.medians(done.unit * width + giver, size * width)
        parts.append((place, unit + 1, by, unit + 1, counts[place].ravel()[some], answered[some], median[some]))
    window = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
    unit, by, to, count, finished, median = (np.concatenate([part[i] for part in parts]) for i in range(1, 7))
    return pd.DataFrame(
        {
            "unit": units_of(city, unit),
            "window": texts(WINDOWS, window),
            "office": texts([*office.words, REST], by),
            "to": texts([*scopes(city), REST], to),  # -1 is the last
            "count": count,
            "done": finished,
            "hours": median,
        }
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What was issued in a window, needs follow-up and is completed, in the order of its hours."""

    row: Positions
    unit: Positions
    hours: Floats

    def take(self, rows: Bools) -> _Done:
        return _Done(self.row[rows], self.unit[rows], self.hours[rows])

    def medians(self, key: Positions, size: int) -> tuple[Counts, Floats]:
        """Of each key how many, and their median."""
        order = cubes.grouped(key)
        count = np.bincount(key, minlength=size).astype("int64")
        (median,) = cubes.quantiles(count, self.hours[order], (0.5,))
        return count, median


def _done(city: City, place: int) -> _Done:
    def find() -> _Done:
        rows, order = dispositions(city), cubes.in_hours_order(city)
        known = rows.nf & ~np.isnan(rows.hours) & (cubes.issued_spans(city) <= place)
        if not cubes.recorded(city, "disposition.followup_hours_p50"):
            known[:] = False
        row = order[known[order]]
        return _Done(row, rows.unit[row], rows.hours[row])

    return once(city, f"handed-{place}", find)


def _of_city(
    counts: Counts, done: _Done, giver: Positions, leading: int
) -> tuple[Positions, Positions, Positions, Counts, Counts, Floats]:
    """The matrix of a window: unit, office, to, count, done, hours. Units and offices are places, -1 the rest.

    Units off the list stand in the first place of `counts`: they are of the rest. The first `leading` offices are the
    leaders'; the last but one is a unit's own.
    """
    own = counts.shape[1] - 2
    foreign = counts.copy()
    foreign[:, own] = 0
    to, units = _top(np.concatenate([[0], foreign[1:].sum(axis=1)]), TOP_UNITS)
    total = foreign.sum(axis=0)
    total[-1] = 0  # the office of all the kinds too many to tell is of the rest
    by, givers = _top(total, TOP_OFFICES, leading)
    width, kinds = len(givers), len(total)
    cells = np.zeros((len(units), width), dtype="int64")
    np.add.at(cells, (to[:, None], by[None, :]), foreign)
    all_cells = np.append(counts.sum(axis=0), cells[:, -1].sum())  # each office, then the rest of them
    all_cells[kinds - 1] = 0
    of_each = done.medians(giver, kinds)
    done, giver = done.take(giver != own), giver[giver != own]
    answered, median = done.medians(to[done.unit] * width + by[giver], cells.size)
    of_rest = done.medians(by[giver], width)
    first, second = np.flatnonzero(cells), np.flatnonzero(all_cells)
    return (
        np.zeros(len(first) + len(second), dtype=np.intp),
        np.concatenate([np.array(givers, dtype=np.intp)[first % width], np.append(np.arange(kinds), -1)[second]]),
        np.concatenate([np.array(units, dtype=np.intp)[first // width], np.zeros_like(second)]),
        np.concatenate([cells.ravel()[first], all_cells[second]]),
        np.concatenate([answered[first], np.append(of_each[0], of_rest[0][-1])[second]]),
        np.concatenate([median[first], np.append(of_each[1], of_rest[1][-1])[second]]),
    )


def _top(count: Counts, most: int, leading: int = 0) -> tuple[Positions, list[int]]:
    """The place of each among `most` and the rest; and what each place is, -1 for the rest.

    The first `leading` come before all others, then the largest counts.
    """
    order = np.lexsort((-count, np.arange(len(count)) >= leading))
    kept = [int(i) for i in order if count[i]][:most]
    place = np.full(len(count), len(kept), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    return place, [*kept, -1]


def means(city: City, *, folded: bool = True) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: unit, window, office, channel, device, count; no empty cell.

    Null is "unknown". The city's rows tell the offices that gave most apart, the rest as "*"; a unit's rows have all
    together as "". There are rows of units where the leaders' offices are folded: the others have the same.
    """
    rows, office = dispositions(city), offices(city, folded=folded)
    span = cubes.issued_spans(city)
    chosen = np.flatnonzero(span < OUTSIDE)
    span, sizes = span[chosen], (len(CHANNELS), len(DEVICES))
    given = np.bincount(office.places[chosen], minlength=len(office.words))
    given[-1] = 0
    place, names = _top(given, GIVERS, sum(map(_leads, office.words)))
    giver = place[office.places[chosen]]
    means_ = [_listed(city, c, words)[chosen] for c, words in (("channel", CHANNELS), ("device", DEVICES))]
    words = [*(REST if n < 0 else office.words[n] for n in names), ""]
    of_city = cubes.by_window(span, [giver, *means_], (len(words), *sizes))
    window, by, channel, device = cubes.rows_where(of_city)
    unit, count = np.zeros(len(by), dtype=np.intp), of_city[window, by, channel, device]
    if folded:
        of_units = cubes.by_window(span, [rows.unit[chosen], *means_], (len(scopes(city)), *sizes))
        of_units[:, 0] = 0
        more = cubes.rows_where(of_units)
        window, unit, channel, device = (
            np.concatenate(p) for p in zip((window, unit, channel, device), more, strict=True)
        )
        by = np.concatenate([by, np.full(len(more[0]), len(words) - 1)])
        count = np.concatenate([count, of_units[more]])
    return pd.DataFrame(
        {
            "unit": units_of(city, unit),
            "window": texts(WINDOWS, window),
            "office": texts(words, by),
            "channel": texts(CHANNELS, channel),
            "device": texts(DEVICES, device),
            "count": count,
        }
    )


def _listed(city: City, column: str, words: tuple[str, ...]) -> Positions:
    """A column's places in a closed list that ends with "unknown"."""
    held = disposition_column(city, column)
    known = [words.index(w) if w in words else len(words) - 1 for w in held.words]
    return np.array([*known, len(words) - 1], dtype=np.intp)[held.places]


def offices(city: City, *, folded: bool) -> Coded:
    """The kind of office of each disposition: what stands before the colon of its code; `folded`: one for all leaders.

    The leaders' come first; kinds beyond the first `_MANY` are "*", the last.
    """

    def find() -> Coded:
        held = disposition_column(city, "from_office")
        kinds = [_kind(word, folded=folded) for word in held.words]
        words = [*sorted(set(kinds), key=lambda kind: (not _leads(kind), kind))[:_MANY], REST]
        places = np.array([words.index(k) if k in words else len(words) - 1 for k in kinds], dtype=np.intp)
        return Coded(tuple(words), np.append(places, len(words) - 1)[held.places])

    return once(city, f"offices-{folded}", find)


def _givers(city: City, *, folded: bool) -> Coded:
    """As `offices`, with what an office gave to its own unit as "own", the last but one."""

    def find() -> Coded:
        held, kinds = disposition_column(city, "from_office"), offices(city, folded=folded)
        units = pd.Series([word.partition(":")[2].partition(":")[0] for word in held.words], dtype="str")
        of = np.append(positions(city, units), 0)[held.places]
        rest = len(kinds.words) - 1
        places = np.where(kinds.places == rest, rest + 1, kinds.places)
        places[(of > 0) & (of == dispositions(city).unit)] = rest
        return Coded((*kinds.words[:-1], OWN, REST), places)

    return once(city, f"givers-{folded}", find)


def _leads(kind: str) -> bool:
    return kind == LEADING or kind in LEADERS


def _kind(office: str, *, folded: bool) -> str:
    kind = office.partition(":")[0].strip().lower()
    return LEADING if folded and (kind in LEADERS or kind.startswith("asisten")) else kind
