"""The last 24 hours of each access point as a strip: when it was not up."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, Bools, Micros, to_index, to_micros
from coc.metrics.buckets import FIVE_MINUTES
from coc.metrics.city import City
from coc.metrics.facts import Positions, now_of, once
from coc.metrics.points import access_points
from coc.metrics.states import DEGRADED, DOWN, SILENT, UP

_STATES: Final = np.array([DEGRADED, DOWN, SILENT], dtype=object)
_SILENT: Final = 2


def entities(city: City, frame: pd.DataFrame) -> tuple[Positions, Bools]:
    """Of rows by dataset and entity: the place of each in `access_points`, and which are of one of those."""
    index = access_points(city).index
    names, datasets = frame["entity"].array, frame["dataset"].array
    of_word = np.append(index.get_indexer(pd.Index(names.categories, dtype="str")), -1)
    place: Positions = of_word[names.codes]
    wanted = datasets.categories.get_indexer(pd.Index([Dataset.AP_SAMPLES.value]))[0]
    return place, (place >= 0) & (datasets.codes == wanted)


def strips(city: City) -> pd.DataFrame:
    """What of the last 24 h by the clock each access point was not up: ap, start, end, state, by point and start.

    state: degraded or down as the state engine has it; no_data where nothing is known of 5 minutes of the clock or
    more: such a row lies over the others. Of a point that was up all day there is no row.
    """

    def find() -> pd.DataFrame:
        now = now_of(city)
        opens = now - DAY
        parts = [_turned(city, opens, now), _silent(city, opens, now)]
        place, start, end, code = (np.concatenate([p[i] for p in parts]) for i in range(4))
        order = np.lexsort((code, start, place))
        names = access_points(city).index.to_numpy(dtype=object)
        return pd.DataFrame(
            {
                "ap": pd.Series(names[place[order]], dtype="str"),
                "start": to_index(start[order]),
                "end": to_index(end[order]),
                "state": pd.Series(_STATES[code[order]], dtype="str"),
            }
        )

    return once(city, "wifi_strips", find)


_Rows = tuple[Positions, Micros, Micros, npt.NDArray[np.int64]]


def _turned(city: City, opens: int, now: int) -> _Rows:
    """From each change of state to the next one, cut to the window, without what is up."""
    turns = city.turns
    place, mine = entities(city, turns)
    at = to_micros(turns["at"])
    state = turns["state"].cat
    code = np.append([{UP: -1, DEGRADED: 0, DOWN: 1}[w] for w in state.categories], -1)[state.codes.to_numpy()]
    rows = np.flatnonzero(mine)
    place, at, code = place[rows], at[rows], code[rows]
    follows = np.concatenate([place[1:] == place[:-1], [False]])[: len(place)]
    end = np.where(follows, np.append(at[1:], now)[: len(at)], now)
    start = np.maximum(at, opens)
    kept = (code >= 0) & (start < end)
    return place[kept], start[kept], end[kept], code[kept]


def _silent(city: City, opens: int, now: int) -> _Rows:
    """Runs of whole 5 minutes of the clock without known time; at the window's ends of what is left of them."""
    points = len(access_points(city))
    first, last = opens // FIVE_MINUTES, (now - 1) // FIVE_MINUTES
    width = last - first + 1
    minutes = city.known_minutes
    place, mine = entities(city, minutes)
    bucket = to_micros(minutes["at"]) // FIVE_MINUTES - first
    mine &= (bucket >= 0) & (bucket < width)
    known = (minutes["up_seconds"].to_numpy() + minutes["down_seconds"].to_numpy()) > 0
    grid = np.ones((points, width + 2), dtype=np.int8)
    grid[:, 0] = grid[:, -1] = 0  # so that every run has an edge to both sides
    some = mine & known
    grid[place[some], bucket[some] + 1] = 0
    # Row by row one after the other: begins and stops take turns.
    flat = grid.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    row, begin = np.divmod(edges[::2], width + 2)
    stop = edges[1::2] - row * (width + 2)
    start = np.maximum((begin + first) * FIVE_MINUTES, opens)
    end = np.minimum((stop + first) * FIVE_MINUTES, now)
    whole = (end - start >= FIVE_MINUTES) | (start == opens)
    return row[whole], start[whole], end[whole], np.full(int(whole.sum()), _SILENT)
