"""From which office dispositions come, to which unit they go, how long they stay there, and by what means.

Offices are positions; those of one kind (kepala:DISDIK, kepala:DINKES) count together. Figures of a single leader's
office are not for everybody in the house (DOMAIN, Privacy): `folded` counts the leaders' offices as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from coc.domain.datasets import CHANNELS, DEVICES
from coc.domain.instants import Floats
from coc.metrics import cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import OUTSIDE, Counts, texts, units_of
from coc.metrics.facts import LEADERS, Coded, Positions, disposition_column, dispositions, once, scopes

LEADING: Final = "leaders"  # the leaders' offices as one
REST: Final = "*"  # what is too small to be told by itself
TOP_UNITS: Final = 7
TOP_OFFICES: Final = 3
GIVERS: Final = 5  # offices whose means are told
_MANY: Final = 24  # kinds of office that are told apart for a unit


def handover(city: City, *, folded: bool = True) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: unit, window, office, to, count, done, hours.

    The city's rows (unit "") have the units that were given most and the offices that gave most, the rest as "*"; and
    all units together as `to` "", there each office and once more the rest. A unit's rows have itself as `to`.
    done: those nf and completed; hours: the median of their working hours of follow-up (to_unit's calendar), NaN where
    none is known. No row for a pair without any.
    """
    office, size = offices(city, folded=folded), len(scopes(city))
    span = cubes.issued_spans(city)
    chosen = np.flatnonzero(span < OUTSIDE)
    keys, width = [dispositions(city).unit[chosen], office.places[chosen]], len(office.words)
    counts = cubes.by_window(span[chosen], keys, (size, width))
    parts = []
    for place in range(len(WINDOWS)):
        done = _done(city, place)
        giver = office.places[done.row]
        parts.append((place, *_of_city(counts[place], done, giver)))
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
    counts: Counts, done: _Done, giver: Positions
) -> tuple[Positions, Positions, Positions, Counts, Counts, Floats]:
    """The matrix of a window: unit, office, to, count, done, hours. Units and offices are places, -1 the rest.

    Units off the list stand in the first place of `counts`: they are of the rest.
    """
    to, units = _top(np.concatenate([[0], counts[1:].sum(axis=1)]), TOP_UNITS)
    total = counts.sum(axis=0)
    total[-1] = 0  # the office of all the kinds too many to tell is of the rest
    by, givers = _top(total, TOP_OFFICES)
    width, kinds = len(givers), len(total)
    cells = np.zeros((len(units), width), dtype="int64")
    np.add.at(cells, (to[:, None], by[None, :]), counts)
    all_cells = np.append(total, cells[:, -1].sum())  # each office, then the rest of them
    answered, median = done.medians(to[done.unit] * width + by[giver], cells.size)
    of_each, of_rest = done.medians(giver, kinds), done.medians(by[giver], width)
    first, second = np.flatnonzero(cells), np.flatnonzero(all_cells)
    return (
        np.zeros(len(first) + len(second), dtype=np.intp),
        np.concatenate([np.array(givers, dtype=np.intp)[first % width], np.append(np.arange(kinds), -1)[second]]),
        np.concatenate([np.array(units, dtype=np.intp)[first // width], np.zeros_like(second)]),
        np.concatenate([cells.ravel()[first], all_cells[second]]),
        np.concatenate([answered[first], np.append(of_each[0], of_rest[0][-1])[second]]),
        np.concatenate([median[first], np.append(of_each[1], of_rest[1][-1])[second]]),
    )


def _top(count: Counts, most: int) -> tuple[Positions, list[int]]:
    """The place of each among the `most` largest counts and the rest; and what each place is, -1 for the rest."""
    order = np.argsort(-count, kind="stable")
    kept = [int(i) for i in order[:most] if count[i]]
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
    place, names = _top(np.bincount(office.places[chosen], minlength=len(office.words)), GIVERS)
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

    Kinds beyond the first `_MANY` are "*".
    """

    def find() -> Coded:
        held = disposition_column(city, "from_office")
        kinds = [_kind(word, folded=folded) for word in held.words]
        words = sorted(set(kinds))[:_MANY]
        words = [*words, REST]
        places = np.array([words.index(k) if k in words else len(words) - 1 for k in kinds], dtype=np.intp)
        return Coded(tuple(words), np.append(places, len(words) - 1)[held.places])

    return once(city, f"offices-{folded}", find)


def _kind(office: str, *, folded: bool) -> str:
    kind = office.partition(":")[0].strip().lower()
    return LEADING if folded and (kind in LEADERS or kind.startswith("asisten")) else kind
