"""From samples to states: who is up, degraded, down or silent now, and for how long of a window (DOMAIN, State, Edges).

A `Track` is the samples of one kind as sorted numpy columns; every question is a few passes over it, so that 170,000
samples (a day of 120 points) cost tens of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import HOUR, NAT, SECOND, Bools, Floats, Micros, micros_of, to_index, to_micros
from coc.domain.limits import ApLimits, hold_seconds
from coc.metrics.heads import Heads, Rows, advance, no_heads, state_code

UP, DEGRADED, DOWN, SILENT = "up", "degraded", "down", "no_data"
STATES: Final = (UP, DEGRADED, DOWN, SILENT)
_NAMES: Final = np.array(STATES, dtype="object")
_ENTITIES: Final = ("entity", "ap", "service", "link")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(Rows):
    """Samples up to `now`, sorted by (entity, at), one per key. `entities`: names by position."""

    now: int
    entities: pd.Index[Any]


def track(samples: pd.DataFrame, now: Any) -> Track:
    """Sort samples (entity or ap, service, link; at, up, hold seconds; clients, latency_ms, loss where there are any).

    Samples after `now` are left out; of two with one key the later row stays. Without `hold` a sample holds 300 s.
    """
    column = next(c for c in _ENTITIES if c in samples.columns)
    at, moment = to_micros(samples["at"]), micros_of(now)
    codes, names = pd.factorize(samples[column])
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
        entities=pd.Index(names),
        entity=np.asarray(codes[good], dtype=np.intp),
        taken=at[good],
        up=up,
        hold=hold,
        clients=number("clients", np.nan),
        latency=number("latency_ms", np.nan),
        loss=number("loss", np.nan),
    )


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
    """`present_states` from heads whose last samples are not after `now`; `since`: the sample that brought the state."""
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


def segments(t: Track, min_down_seconds: float) -> Segments:
    """Each sample holds to the next one's `at`, its hold's end or now, whichever is first; what is between is no-data.

    A contiguous known down spell of at most `min_down_seconds`, measured whole, counts as up. One still going on is
    measured to now, so it counts as up until it passes them.
    """
    if not len(t.taken):
        return Segments(t.taken, t.taken, t.up)
    follows = ~t.first[1:]
    following = np.concatenate([np.where(follows, t.taken[1:], np.iinfo("int64").max), [np.iinfo("int64").max]])
    end = np.minimum(np.minimum(t.taken + t.hold, following), t.now)
    goes_on = np.concatenate([[False], follows & ~t.up[1:] & ~t.up[:-1] & (end[:-1] == t.taken[1:])])
    spell = np.cumsum(~goes_on) - 1
    lasted = np.bincount(spell, weights=end - t.taken)[spell]
    return Segments(t.taken, end, t.up | (lasted <= min_down_seconds * SECOND))


def _overlap(s: Segments, first: int, last: int) -> Micros:
    known: Micros = np.maximum(np.minimum(s.end, last) - np.maximum(s.start, first), 0)
    return known


def availability(samples: pd.DataFrame | Track, now: Any, hours: float, limits: ApLimits) -> pd.DataFrame:
    """Known time of each sampled entity in the last `hours` by the clock: entity, up_seconds, down_seconds, coverage.

    As measured, without hysteresis; coverage = known time / window (0..1). Spells are measured whole, so `samples`
    should reach back a little further than the window.
    """
    t = samples if isinstance(samples, Track) else track(samples, now)
    s, window = segments(t, limits.min_down_seconds), round(hours * HOUR)
    known = _overlap(s, t.now - window, t.now)
    size = len(t.entities)
    up = np.bincount(t.entity, weights=np.where(s.up, known, 0), minlength=size)
    down = np.bincount(t.entity, weights=np.where(s.up, 0, known), minlength=size)
    frame = pd.DataFrame(
        {
            "entity": pd.Series(t.entities, dtype="str"),
            "up_seconds": up / SECOND,
            "down_seconds": down / SECOND,
            "coverage": (up + down) / window,
        }
    )
    return frame.iloc[np.unique(t.entity)].reset_index(drop=True)


def availability_by_hour(
    samples: pd.DataFrame | Track, now: Any, hours: int, limits: ApLimits | None = None, entities: int | None = None
) -> pd.DataFrame:
    """The last `hours` clock hours, the running one included: at (the hour's start, UTC), up_share, coverage, clients.

    up_share = up / (up + down), NaN where nothing is known. coverage = known time / (`entities`, default all sampled, x
    the hour as far as it has passed). clients: the mean number connected over the known time of all together, the sum
    of each one's time-weighted mean.
    """
    t = samples if isinstance(samples, Track) else track(samples, now)
    s = segments(t, (limits or ApLimits()).min_down_seconds)
    size = len(np.unique(t.entity)) if entities is None else entities
    running = (t.now - 1) // HOUR * HOUR  # at 10:00 sharp the hour that just ended
    starts = running - HOUR * np.arange(hours - 1, -1, -1)
    clients = np.nan_to_num(t.clients)
    rows = []
    for start in starts.tolist():
        end = min(start + HOUR, t.now)
        near = np.flatnonzero((s.end > start) & (s.start < end))
        known = np.minimum(s.end[near], end) - np.maximum(s.start[near], start)
        total, up = float(known.sum()), float(known[s.up[near]].sum())
        elapsed = end - start
        rows.append(
            (
                up / total if total else np.nan,
                total / (size * elapsed) if size and elapsed else np.nan,
                float(np.dot(clients[near], known)) / elapsed if total else np.nan,
            )
        )
    table = np.array(rows, dtype="float64").reshape(-1, 3)
    return pd.DataFrame(
        {"at": to_index(starts), "up_share": table[:, 0], "coverage": table[:, 1], "clients": table[:, 2]}
    )
