"""From which office dispositions come, to which unit they go, how long they stay there, and by what means.

Offices are positions; those of one kind (kepala:DISDIK, kepala:DINKES) count together. Figures of a single leader's
office are not for everybody in the house (DOMAIN, Privacy): `folded` counts the leaders' offices as one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from coc.domain.datasets import CHANNELS, DEVICES
from coc.domain.instants import Floats
from coc.metrics import cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import OUTSIDE, texts, units_of
from coc.metrics.facts import CITY, LEADERS, Coded, Positions, disposition_column, dispositions, once, scopes

LEADING: Final = "leaders"  # the leaders' offices as one
REST: Final = "*"  # what is too small to be told by itself
TOP_UNITS: Final = 7
TOP_OFFICES: Final = 3
GIVERS: Final = 5  # offices whose means are told
_MANY: Final = 24  # kinds of office that are told apart for a unit


def handover(city: City, *, folded: bool = True) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: unit, window, office, to, count, done, hours.

    The city's rows (unit "") have the units that were given most and the offices that gave most, the rest as "*", and
    all units together as `to` "". A unit's rows have itself as `to`. done: those nf and completed; hours: the median of
    their working hours of follow-up (to_unit's calendar), NaN where none is known. No row for a pair without any.
    """
    rows, office, order = dispositions(city), offices(city, folded=folded), cubes.in_hours_order(city)
    span = cubes.issued_spans(city)
    chosen = order[(span < OUTSIDE)[order]]
    unit, giver, span = rows.unit[chosen], office.places[chosen], span[chosen]
    known = cubes.recorded(city, "disposition.followup_hours_p50")
    hours = np.where(rows.nf[chosen] & known, rows.hours[chosen], np.nan)
    width = len(office.words)
    listed = np.flatnonzero(unit)
    of_units = _pairs(unit[listed] * width + giver[listed], hours[listed], span[listed], len(scopes(city)) * width)
    parts = [_of_units(city, office, of_units)]
    for place, window in enumerate(WINDOWS):
        inside = span <= place
        parts.append(_of_city(city, office, window, unit[inside], giver[inside], hours[inside]))
    return pd.concat(parts, ignore_index=True)


def _pairs(key: Positions, hours: Floats, span: Positions, size: int) -> list[tuple[Floats, ...]]:
    """By window, of rows in the order of their hours: how many of each key, how many of known hours, their median."""
    known = np.flatnonzero(~np.isnan(hours))
    known = known[cubes.grouped(key[known])]
    counts = cubes.by_window(span, [key], [size])
    found: list[tuple[Floats, ...]] = []
    for place in range(len(WINDOWS)):
        inside = known[span[known] <= place]
        (median,) = cubes.quantiles(key[inside], hours[inside], (0.5,), size)
        done = np.bincount(key[inside], minlength=size)
        found.append((counts[place].astype("float64"), done.astype("float64"), median))
    return found


def _of_units(city: City, office: Coded, pairs: list[tuple[Floats, ...]]) -> pd.DataFrame:
    width = len(office.words)
    places = [np.flatnonzero(count) for count, _, _ in pairs]
    some = np.concatenate(places)
    of = np.repeat(np.arange(len(WINDOWS)), [len(p) for p in places])
    unit = units_of(city, some // max(width, 1))
    values = [np.concatenate([pair[i][p] for pair, p in zip(pairs, places, strict=True)]) for i in range(3)]
    return _frame(unit, texts(WINDOWS, of), texts(office.words, some % max(width, 1)), unit, *values)


def _of_city(city: City, office: Coded, window: str, unit: Positions, giver: Positions, hours: Floats) -> pd.DataFrame:
    to, to_words = _top(unit, len(scopes(city)), TOP_UNITS)
    giver, names = _top(giver, len(office.words), TOP_OFFICES)
    words = [REST if t < 0 else str(scopes(city)[t]) for t in to_words]
    # Unit 0 is no unit of the list: it is of the rest.
    words = [REST if w == CITY else w for w in words]
    row = np.concatenate([np.arange(len(to))] * 2)
    line = np.concatenate([to, np.full(len(to), len(words))])
    width = len(names)
    key = line * max(width, 1) + giver[row]
    size = (len(words) + 1) * max(width, 1)
    count, done, median = _pairs(key, hours[row], np.zeros(len(row), dtype=np.intp), size)[0]
    some = np.flatnonzero(count)
    offices_ = [REST if n < 0 else office.words[n] for n in names]
    return _frame(
        texts(("",), np.zeros(len(some), dtype=np.intp)),
        texts((window,), np.zeros(len(some), dtype=np.intp)),
        texts(offices_, some % max(width, 1)),
        texts([*words, CITY], some // max(width, 1)),
        count[some],
        done[some],
        median[some],
    )


def _top(of: Positions, size: int, most: int) -> tuple[Positions, list[int]]:
    """Each row's place among the `most` most frequent and the rest; and what each place is, -1 for the rest."""
    count = np.bincount(of, minlength=size)
    order = np.argsort(-count, kind="stable")
    kept = [int(i) for i in order[:most] if count[i]]
    place = np.full(size, len(kept), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    return place[of], [*kept, -1]


def _frame(
    unit: pd.Series[str],
    window: pd.Series[str],
    office: pd.Series[str],
    to: pd.Series[str],
    count: Floats,
    done: Floats,
    hours: Floats,
) -> pd.DataFrame:
    whole = {"count": count.astype("int64"), "done": done.astype("int64"), "hours": hours}
    return pd.DataFrame({"unit": unit, "window": window, "office": office, "to": to, **whole})


def means(city: City, *, folded: bool = True) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: unit, window, office, channel, device, count; no empty cell.

    Null is "unknown". The city's rows tell the offices that gave most apart, the rest as "*"; a unit's rows have all
    together as "". There are rows of units where the leaders' offices are folded: the others have the same.
    """
    rows, office = dispositions(city), offices(city, folded=folded)
    span = cubes.issued_spans(city)
    chosen = np.flatnonzero(span < OUTSIDE)
    span, sizes = span[chosen], (len(CHANNELS), len(DEVICES))
    giver, names = _top(office.places[chosen], len(office.words), GIVERS)
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
