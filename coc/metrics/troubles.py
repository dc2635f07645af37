"""What was wrong with each access point, link and service, one by one, and which sources were silent.

Down times come from the changes of state of the last 31 days; silences from known time, of the last 8 days. A source of
which no entity is heard is silent itself: its points are no_data then, and nothing is said of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import SAMPLED, Dataset
from coc.domain.instants import DAY, HOUR, NAT, SECOND, Bools, Micros, to_micros
from coc.metrics.buckets import FIVE_MINUTES
from coc.metrics.city import City
from coc.metrics.closures import Closures
from coc.metrics.facts import now_of, once
from coc.metrics.heads import FLAP_CHANGES, Positions
from coc.metrics.maintenance import MAINTENANCE, windows_of
from coc.metrics.points import past, population, states
from coc.metrics.spells import (
    ON,
    Spells,
    all_at_once,
    begun_in,
    downs,
    goes_on,
    joined,
    silences,
    spells,
    together,
    without,
)
from coc.metrics.states import DOWN, SILENT

_SILENT_DAYS: Final = 8
_TOGETHER: Final = 180 * SECOND
_HOLD: Final = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Troubles:
    """Of one dataset, by position in `index`: `spells`, in order of entity and start, at most one a flapping time.

    `window`: the row of `City.windows` in whose maintenance a spell lies, -1 for none. `close`: how far apart two
    entities may begin and still do so together: max(2 polling intervals, 3 min). `again`: within that time of its end
    a spell is the same one, the 20 steps over which flapping is measured.
    """

    index: pd.Index[Any]
    spells: Spells
    window: Positions
    close: Micros
    again: Micros
    silent_sources: pd.DataFrame  # source, start, end (microseconds), entities
    unheard: Bools  # by position: its source is silent now


def troubles(city: City, dataset: Dataset) -> Troubles:
    return once(city, f"troubles-{dataset.value}", lambda: _troubles(city, dataset))


def _troubles(city: City, dataset: Dataset) -> Troubles:
    index = population(city, dataset).index
    close, again = _tolerances(city, dataset, index)
    closed, window = declared(city, dataset, index, MAINTENANCE)
    silent, sources, unheard = _without_sources(city, dataset, index, _silences(city, dataset, index), closed, close)
    silent, _ = without(silent, closed.entity, closed.start, closed.end)
    silent = silent.chosen(silent.end - np.maximum(silent.start, 0) >= FIVE_MINUTES)
    fell = _since(city, dataset, downs(city.turns, _of_room(city.turns, dataset), index))
    found = joined(together([fell, silent]), int(again.max(initial=0)))
    found, of = _in_maintenance(found, closed, close, now_of(city))
    return Troubles(index, found, np.where(of >= 0, np.append(window, -1)[of], -1), close, again, sources, unheard)


def _tolerances(city: City, dataset: Dataset, index: pd.Index[Any]) -> tuple[Micros, Micros]:
    """`close` and `again` of each entity. A sample holds three polling intervals, at least 5 minutes."""
    known = past(city, dataset)
    hold = np.full(len(index), _HOLD)
    place = index.get_indexer(known.entities)
    mine = (place >= 0) & known.sampled
    hold[place[mine]] = known.heads["hold"][mine]
    every = np.where(hold > _HOLD, hold // 3, 60 * SECOND)
    return np.maximum(2 * every, _TOGETHER), FLAP_CHANGES * every


def declared(city: City, dataset: Dataset, index: pd.Index[Any], kind: str) -> tuple[Closures, Positions]:
    """`windows_of` what the COC's own room sees."""
    return windows_of(city, dataset, [(name, "") for name in index], kind)


def _of_room(frame: pd.DataFrame, dataset: Dataset) -> Bools:
    """The rows of a dataset as the COC's own room sees it."""
    mine = np.ones(len(frame), dtype=bool)
    for column, word in (("dataset", dataset.value), ("vantage", "")):
        words = frame[column].cat
        mine &= words.codes.to_numpy() == words.categories.get_indexer(pd.Index([word]))[0]
    return mine


def _since(city: City, dataset: Dataset, found: Spells) -> Spells:
    """Turns are of a month: what is down for longer has its real beginning in the present state."""
    state = states(city, dataset)
    since = np.where(state["state"] == DOWN, to_micros(state["since"]), NAT)[found.entity]
    start = np.where((found.end == ON) & (since != NAT), np.minimum(found.start, since), found.start)
    return Spells(found.entity, start, found.end, found.silent, found.downs)


def _silences(city: City, dataset: Dataset, index: pd.Index[Any]) -> Spells:
    """Every silence, also before an entity's first sample; those of a day ago and longer to the hour's sums."""
    now = now_of(city)
    day = -(-(now - DAY) // HOUR) * HOUR
    start = (now - _SILENT_DAYS * DAY) // HOUR * HOUR + HOUR
    ends = (now // HOUR * HOUR, now // FIVE_MINUTES * FIVE_MINUTES)
    hours, minutes = (
        silences(known, _of_room(known, dataset), index, opens, closes, width)
        for known, opens, closes, width in (
            (city.known_hours, start, ends[0], HOUR),
            (city.known_minutes, day, ends[1], FIVE_MINUTES),
        )
    )
    hours = hours.chosen((hours.end != ON) & (hours.start < day))
    state = states(city, dataset)
    quiet = np.flatnonzero((state["state"] == SILENT) & state["since"].notna())
    since = to_micros(state["since"])[quiet]
    present = spells(quiet, since, np.full(len(quiet), ON), silent=True)
    return joined(together([hours, minutes.chosen(minutes.start != NAT), present]), FIVE_MINUTES)


def _without_sources(
    city: City, dataset: Dataset, index: pd.Index[Any], silent: Spells, closed: Closures, close: Micros
) -> tuple[Spells, pd.DataFrame, Bools]:
    """The silences that are not their source's, the sources' own, whose source is silent now."""
    names, source = _sources(city, dataset, index)
    heard = states(city, dataset)["since"].notna().to_numpy(dtype=bool)
    source = np.where(heard, source, -1)
    sizes = np.bincount(source[source >= 0], minlength=len(names))
    # Of maintenance nothing is known either: where all of a source is in it, the source is not silent.
    shut = all_at_once(spells(closed.entity, closed.start, closed.end, silent=True), source, sizes)
    found, _ = without(spells(*all_at_once(silent, source, sizes), silent=True), *shut)
    found = found.chosen((found.start != NAT) & (found.end - np.maximum(found.start, 0) >= FIVE_MINUTES))
    which, start, end = found.entity, found.start, found.end
    frame = pd.DataFrame({"source": names[which], "start": start, "end": end, "entities": sizes[which]})
    # Each entity of a silent source, with the time in which its own silence is the source's.
    row, who = _members(which, source)
    first, last = start[row] - close[who], end[row]
    of = begun_in(silent, who, first, last)
    mine = of >= 0
    over = np.where(mine, np.append(last, 0)[of], silent.start)
    rest = ~mine | (silent.end > np.where(over == ON, ON, over + close[silent.entity]))
    left = Spells(silent.entity, over, silent.end, silent.silent, silent.downs)
    # What was silent before the first of what is known was not there yet.
    return left.chosen(rest & (left.start != NAT)), frame, np.isin(source, which[end == ON])


def _members(which: Positions, source: Positions) -> tuple[Positions, Positions]:
    """Pairs of (row of `which`, entity) of the same source."""
    order = np.argsort(source, kind="stable")
    low, high = (np.searchsorted(source[order], which, side=side) for side in ("left", "right"))
    count = high - low
    row = np.repeat(np.arange(len(which)), count)
    return row, order[low[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)]


def _sources(city: City, dataset: Dataset, index: pd.Index[Any]) -> tuple[np.ndarray[Any, Any], Positions]:
    """The names of sources, and the one that samples each entity, -1 where it is unknown."""
    sampled = city.sampled[city.sampled["dataset"] == dataset.value]
    if sampled.empty:
        own = {Dataset.AP_SAMPLES: city.ap_samples, Dataset.SERVICE_SAMPLES: city.service_samples}
        frame = own.get(dataset, city.link_samples)
        sampled = frame.rename(columns={SAMPLED[dataset][0]: "entity"})
    sampled = sampled.drop_duplicates("entity", keep="last")
    codes, names = pd.factorize(sampled["source"], sort=True)
    place = pd.Index(sampled["entity"]).get_indexer(index)
    return np.asarray(names, dtype=object), np.append(codes, -1)[place].astype(np.intp)


def _in_maintenance(found: Spells, closed: Closures, close: Micros, now: int) -> tuple[Spells, Positions]:
    """Cut at its window's end what began in maintenance; of each spell the window that has it, -1 for none.

    What comes back a moment after the window is of it.
    """
    first = closed.start - close[closed.entity]
    of = begun_in(found, closed.entity, first, closed.end)
    ends = np.where(of >= 0, np.append(closed.end, ON)[of], ON)
    later = goes_on(found, ends, close, now)
    inside = Spells(found.entity, found.start, np.where(later, ends, found.end), found.silent, found.downs)
    rest = Spells(found.entity, ends, found.end, found.silent, found.downs).chosen(later)
    whole = together([inside, rest])
    marks = np.concatenate([of, np.full(len(rest), -1, dtype=np.intp)])
    starts, who = (np.concatenate([getattr(p, n) for p in (inside, rest)]) for n in ("start", "entity"))
    return whole, marks[np.lexsort((starts, who))]
