"""From samples to states: who is up, degraded, down or silent now (DOMAIN, State, Edges).

A `Track` is the samples of one kind as sorted numpy columns; every question is a few passes over it, so that 170,000
samples (a day of 120 points) cost tens of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, SECOND, Bools, Floats, Micros, micros_of, to_index, to_micros
from coc.domain.limits import ApLimits, hold_seconds
from coc.metrics.heads import Heads, Positions, Rows, advance, no_heads, state_code

UP, DEGRADED, DOWN, SILENT = "up", "degraded", "down", "no_data"
STATES: Final = (UP, DEGRADED, DOWN, SILENT)
_NAMES: Final = np.array(STATES, dtype="object")
_ENTITIES: Final = ("entity", "ap", "service", "link")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(Rows):
    """Samples up to `now`, sorted by (entity, at), one per key. `entities`, `vantages`: names by position.

    A service seen from two vantages is two entities; the vantage of the COC's own room is "".
    """

    now: int
    entities: pd.Index[Any]
    vantages: pd.Index[Any]


def track(samples: pd.DataFrame, now: Any) -> Track:
    """Sort samples (entity or ap, service, link; vantage, clients, latency_ms, loss where there are any; at, up, hold).

    Samples after `now` are left out; of two with one key the later row stays. Without `hold` a sample holds 300 s.
    """
    column = next(c for c in _ENTITIES if c in samples.columns)
    at, moment = to_micros(samples["at"]), micros_of(now)
    codes, names, vantages = _keyed(samples, column)
    order = np.lexsort((at, codes))
    codes, at = codes[order], at[order]
    twice = (codes[:-1] == codes[1:]) & (at[:-1] == at[1:])
    good = (codes >= 0) & (at != NAT) & (at <= moment) & ~np.concatenate([twice, [False]])[: len(at)]
    order = order[good]

    def number(name: str, missing: float) -> Floats:
        if name not in samples.columns:
            return np.full(len(order), missing)
        return np.asarray(samples[name].to_numpy(dtype="float64", na_value=np.nan)[order])

    up = samples["up"].astype("boolean").fillna(False).to_numpy(dtype=bool)[order]
    hold = np.rint(number("hold", hold_seconds(0)) * SECOND).astype("int64")
    return Track(
        now=moment,
        entities=names,
        vantages=vantages,
        entity=np.asarray(codes[good], dtype=np.intp),
        taken=at[good],
        up=up,
        hold=hold,
        clients=number("clients", np.nan),
        latency=number("latency_ms", np.nan),
        loss=number("loss", np.nan),
    )


def _keyed(samples: pd.DataFrame, column: str) -> tuple[Positions, pd.Index[Any], pd.Index[Any]]:
    """Of each sample its entity's position (-1: it names none), and the name and vantage of each entity."""
    codes, names = pd.factorize(samples[column])
    if "vantage" not in samples.columns or bool(samples["vantage"].isna().all()):
        return np.asarray(codes, dtype=np.intp), pd.Index(names), pd.Index([""] * len(names), dtype="str")
    of_vantage, vantages = pd.factorize(samples["vantage"].fillna(""))
    named = codes >= 0
    found, place = np.unique(codes[named] * len(vantages) + of_vantage[named], return_inverse=True)
    pairs = np.full(len(codes), -1, dtype=np.intp)
    pairs[named] = place
    return pairs, pd.Index(names)[found // len(vantages)], pd.Index(vantages)[found % len(vantages)]


def present_states(samples: pd.DataFrame | Track, now: Any, limits: ApLimits) -> pd.DataFrame:
    """The present state of each sampled entity: entity, state, flapping, since, clients, latency_ms, at.

    state: up | degraded | down | no_data. Down after `failures` in a row, up again after `successes`; degraded, with
    the same counts over all samples, where latency_ms or loss is over its threshold (null is not); no_data where the
    last sample is older than it holds. flapping: of the last 21 samples, on at 30 % changes, off below 20 %.
    since: the sample that brought the state (no_data: the end of the last one's hold). at: the last sample's.
    """
    t = samples if isinstance(samples, Track) else track(samples, now)
    course = advance(no_heads(len(t.entities)), t, limits)
    who, heads = course.ends()
    entity, at, _ = course.turns()
    since = np.full(len(t.entities), NAT)
    np.maximum.at(since, entity, at)
    return described(heads, pd.Series(t.entities[who], dtype="str"), since[who], t.now)


def described(heads: Heads, entities: pd.Series[Any], since: Micros, now: int) -> pd.DataFrame:
    """`present_states` from heads that are not after `now`; `since`: the sample that brought the state."""
    silent = now - heads["at"] > heads["hold"]
    return pd.DataFrame(
        {
            "entity": entities,
            "state": pd.Series(_NAMES[np.where(silent, 3, state_code(heads))], dtype="str"),
            "flapping": heads["flapping"] & ~silent,
            "since": to_index(np.where(silent, heads["at"] + heads["hold"], since)),
            "clients": pd.Series(heads["clients"]).round().astype("Int64"),
            "latency_ms": heads["latency"],
            "at": to_index(heads["at"]),
        }
    )


@dataclass(frozen=True, slots=True)
class Segments:
    """What each sample says, and from when to when: [start, end), up or down after the 300 s rule."""

    start: Micros
    end: Micros
    up: Bools


def segments(rows: Rows, now: int, min_down_seconds: float) -> Segments:
    """Each sample holds to the next one's `at`, its hold's end or now, whichever is first; what is between is no-data.

    A contiguous known down spell of at most `min_down_seconds`, measured whole, counts as up. One still going on is
    measured to now, so it counts as up until it passes them.
    """
    if not len(rows.taken):
        return Segments(rows.taken, rows.taken, rows.up)
    follows = ~rows.first[1:]
    following = np.concatenate([np.where(follows, rows.taken[1:], np.iinfo("int64").max), [np.iinfo("int64").max]])
    end = np.minimum(np.minimum(rows.taken + rows.hold, following), now)
    goes_on = np.concatenate([[False], follows & ~rows.up[1:] & ~rows.up[:-1] & (end[:-1] == rows.taken[1:])])
    spell = np.cumsum(~goes_on) - 1
    lasted = np.bincount(spell, weights=end - rows.taken)[spell]
    return Segments(rows.taken, end, rows.up | (lasted <= min_down_seconds * SECOND))
