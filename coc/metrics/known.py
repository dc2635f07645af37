"""Frames of what is known of everything sampled: its changes of state, and its known time by clock bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import SAMPLES, Dataset
from coc.domain.instants import DAY, HOUR, SECOND, Micros, to_index
from coc.metrics.buckets import FIVE_MINUTES, WIDTHS, Sums
from coc.metrics.heads import Positions
from coc.metrics.states import DEGRADED, DOWN, UP

_DATASETS: Final = pd.Index([d.value for d in SAMPLES], dtype="str")
_STATE_WORDS: Final = pd.Index([UP, DEGRADED, DOWN], dtype="str")  # by `heads.state_code`
TURN_DAYS: Final = 31
# How far back known time is held, by width: hours of access points, of the rest; days are of access points alone.
MINUTES_BACK: Final = DAY + FIVE_MINUTES
AP_HOURS_BACK: Final = 8 * DAY
HOURS_BACK: Final = 91 * DAY
DAYS_BACK: Final = 91 * DAY


def turns_open(now: int) -> int:
    """When the window of the turns opens: at the start of a clock hour."""
    return (now - TURN_DAYS * DAY) // HOUR * HOUR


def opens(dataset: Dataset, width: int, now: int) -> int | None:
    """The first bucket that is held of a dataset; None: no bucket of this width is."""
    if width == FIVE_MINUTES:
        back = MINUTES_BACK
    elif width == HOUR:
        back = AP_HOURS_BACK if dataset is Dataset.AP_SAMPLES else HOURS_BACK
    elif dataset is Dataset.AP_SAMPLES:
        back = DAYS_BACK
    else:
        return None
    return -(-(now - back) // width) * width


@dataclass(frozen=True, slots=True)
class Turns:
    """The samples that brought a state: `code` as `heads.state_code` gives it."""

    entity: Positions
    at: Micros
    code: npt.NDArray[np.int64]

    def chosen(self, rows: Any) -> Turns:
        return Turns(self.entity[rows], self.at[rows], self.code[rows])


NO_TURNS: Final = Turns(np.zeros(0, dtype=np.intp), np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64"))


def since(turns: Turns, opening: int) -> Turns:
    """Those after `opening`, and of each entity the last one before, moved there. They come sorted by (entity, at)."""
    follows = np.concatenate([turns.entity[1:] == turns.entity[:-1], [False]])[: len(turns.at)]
    inside = turns.at > opening
    kept = turns.chosen(inside | ~follows | np.concatenate([inside[1:], [True]])[: len(inside)])
    return Turns(kept.entity, np.maximum(kept.at, opening), kept.code)


NO_NAMES: Final[pd.Index[Any]] = pd.Index([], dtype="str")


@dataclass(frozen=True, slots=True)
class Part:
    """What one dataset adds to a frame: `rows` name its entities by position."""

    dataset: Dataset
    entities: pd.Index[Any]
    vantages: pd.Index[Any]
    rows: Sums | Turns


def known_frame(parts: Sequence[Part]) -> pd.DataFrame:
    """Columns dataset, entity, vantage (categorical; "": the COC's room), at (UTC, the bucket's start), up_seconds,
    down_seconds, client_seconds (the number of clients, integrated over the known time).
    """
    sums = [part.rows for part in parts if isinstance(part.rows, Sums)]
    seconds = {
        f"{name}_seconds": np.concatenate([np.zeros(0), *(getattr(s, column) / SECOND for s in sums)])
        for name, column in (("up", "up"), ("down", "down"), ("client", "clients"))
    }
    return pd.DataFrame({**_keys(parts), **seconds}, copy=False)


def turns_frame(parts: Sequence[Part]) -> pd.DataFrame:
    """Columns dataset, entity, vantage (categorical; "": the COC's room), at (UTC), state; by entity and time."""
    none = np.zeros(0, dtype="int64")
    code = np.concatenate([none, *(part.rows.code for part in parts if isinstance(part.rows, Turns))])
    return pd.DataFrame({**_keys(parts), "state": _words(code, _STATE_WORDS)}, copy=False)


def no_reasons() -> pd.DataFrame:
    """Columns service, vantage, at (of a turn to down), status, reason."""
    kinds = {"service": "str", "vantage": "str", "at": "datetime64[us, UTC]", "status": "Int64", "reason": "str"}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in kinds.items()})


class Known(NamedTuple):
    """What a `City` holds of it."""

    turns: pd.DataFrame
    minutes: pd.DataFrame
    hours: pd.DataFrame
    days: pd.DataFrame
    reasons: pd.DataFrame
    sampled: pd.DataFrame


def nothing_known() -> Known:
    minutes, hours, days = (known_frame([]) for _ in WIDTHS)
    return Known(turns_frame([]), minutes, hours, days, no_reasons(), nothing_sampled())


def nothing_sampled() -> pd.DataFrame:
    """Which source brings the samples of what: columns dataset, entity, source."""
    return pd.DataFrame({name: pd.Series([], dtype="str") for name in ("dataset", "entity", "source")})


def _keys(parts: Sequence[Part]) -> dict[str, Any]:
    none = np.zeros(0, dtype="int64")
    names: pd.Index[Any] = NO_NAMES
    vantages = pd.Index([""], dtype="str")
    for part in parts:
        names = names.append(part.entities.astype("str")).unique()
        vantages = vantages.append(part.vantages.astype("str")).unique()

    # Whoever came first: the same things known give the same frame.
    names, vantages = names.sort_values(), vantages.sort_values()

    def codes(index: pd.Index[Any], texts: str) -> npt.NDArray[np.int64]:
        found = (index.get_indexer(getattr(part, texts).astype("str"))[part.rows.entity] for part in parts)
        return np.concatenate([none, *found])

    sizes = [len(part.rows.at) for part in parts]
    datasets = [SAMPLES.index(part.dataset) for part in parts]
    return {
        "dataset": _words(np.repeat(np.array(datasets, dtype="int64"), sizes), _DATASETS),
        "entity": _words(codes(names, "entities"), names),
        "vantage": _words(codes(vantages, "vantages"), vantages),
        "at": to_index(np.concatenate([none, *(part.rows.at for part in parts)])),
    }


def _words(codes: npt.NDArray[np.int64], words: pd.Index[Any]) -> Any:
    return pd.Categorical.from_codes(codes, words)
