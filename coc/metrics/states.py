"""From samples to states: who is up, degraded, down or silent now, and for how long of a window (DOMAIN, State, Edges).

A `Track` is the samples of one kind as sorted numpy columns; every question is a few passes over it, so that 170,000
samples (a day of 120 points) cost tens of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import HOUR, NAT, SECOND, Bools, Floats, Micros, micros_of, to_index, to_micros
from coc.domain.limits import ApLimits, hold_seconds

UP, DEGRADED, DOWN, SILENT = "up", "degraded", "down", "no_data"
STATES: Final = (UP, DEGRADED, DOWN, SILENT)
_NAMES: Final = np.array(STATES, dtype="object")
_ENTITIES: Final = ("entity", "ap", "service", "link")
# Flapping is a share of the 20 changes that 21 samples can show: on at 30 %, off below 20 %.
_FLAP_CHANGES, _FLAP_ON, _FLAP_OFF = 20, 6, 4

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Track:
    """Samples up to `now`, sorted by (entity, at), one per key. `hold`: microseconds. `entities`: names by position."""

    now: int
    entities: pd.Index[Any]
    entity: Positions
    taken: Micros
    up: Bools
    hold: Micros
    clients: Floats
    latency: Floats
    loss: Floats

    @property
    def first(self) -> Bools:
        """Marks the first sample of each entity."""
        found: Bools = np.concatenate([[True], self.entity[1:] != self.entity[:-1]])[: len(self.entity)]
        return found

    @property
    def last(self) -> Positions:
        """The last sample of each entity, in order of position."""
        return np.flatnonzero(np.concatenate([self.entity[1:] != self.entity[:-1], [True]])[: len(self.entity)])


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
        moment,
        pd.Index(names),
        np.asarray(codes[good], dtype=np.intp),
        at[good],
        up,
        hold,
        number("clients", np.nan),
        number("latency_ms", np.nan),
        number("loss", np.nan),
    )


def _latest(known: Bools) -> Positions:
    """For each row the latest row at or before it that is marked. The first of each entity must be."""
    return np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))


def _hysteresis(first: Bools, bad: Bools, to_bad: int, to_good: int) -> Bools:
    """After each sample: is the state bad? `to_bad` bad ones in a row enter it, `to_good` good ones leave it.

    The first sample of an entity decides its first state.
    """
    if not len(bad):
        return bad
    turn = first | np.concatenate([[True], bad[1:] != bad[:-1]])
    run = np.arange(len(bad)) - _latest(turn) + 1
    decided = first | (run >= np.where(bad, to_bad, to_good))
    return bad[_latest(decided)]


def undecided(samples: pd.DataFrame, limits: ApLimits) -> list[str]:
    """The entities (column entity) whose present state hangs on samples before these: no run of them settles it."""
    if samples.empty:
        return []
    t = track(samples, samples["at"].max())
    poor = (t.latency > limits.degraded.latency_ms) | (t.loss > limits.degraded.loss)
    settled = [_settled(t, bad, limits) for bad in (~t.up, poor)]
    return [str(name) for name in t.entities[~(settled[0] & settled[1])]]


def _settled(t: Track, bad: Bools, limits: ApLimits) -> Bools:
    """For each entity: is there a run long enough to decide its state whatever was before?"""
    turn = t.first | np.concatenate([[True], bad[1:] != bad[:-1]])
    run = np.arange(len(bad)) - _latest(turn) + 1
    long_enough = run >= np.where(bad, limits.failures, limits.successes)
    return np.bincount(t.entity, weights=long_enough, minlength=len(t.entities)) > 0


def _flapping(entry: Bools, up: Bools) -> Bools:
    if not len(up):
        return up
    rows = np.arange(len(up))
    changed = np.concatenate([[False], up[1:] != up[:-1]]) & ~entry
    total = np.cumsum(changed)
    oldest = np.maximum(_latest(entry), rows - _FLAP_CHANGES)
    recent: Micros = total - total[oldest]
    decided = entry | (recent >= _FLAP_ON) | (recent < _FLAP_OFF)
    on: Bools = recent >= _FLAP_ON
    return on[_latest(decided)]


def present_states(samples: pd.DataFrame | Track, now: Any, limits: ApLimits) -> pd.DataFrame:
    """The present state of each sampled entity: entity, state, flapping, since, clients, latency_ms, at.

    state: up | degraded | down | no_data. Down after `failures` in a row, up again after `successes`; degraded, with
    the same counts over all samples, where latency_ms or loss is over its threshold (null is not); no_data where the
    last sample is older than it holds. flapping: of the last 21 samples, on at 30 % changes, off below 20 %.
    since: the sample that brought the state (no_data: the end of the last one's hold). at: the last sample's.
    """
    t = samples if isinstance(samples, Track) else track(samples, now)
    first, last = t.first, t.last
    down = _hysteresis(first, ~t.up, limits.failures, limits.successes)
    poor = (t.latency > limits.degraded.latency_ms) | (t.loss > limits.degraded.loss)
    degraded = _hysteresis(first, poor, limits.failures, limits.successes)
    code = np.where(down, 2, np.where(degraded, 1, 0))
    began = _latest(first | np.concatenate([[True], code[1:] != code[:-1]])[: len(code)])
    silent = t.now - t.taken[last] > t.hold[last]
    return pd.DataFrame(
        {
            "entity": pd.Series(t.entities[t.entity[last]], dtype="str"),
            "state": pd.Series(_NAMES[np.where(silent, 3, code[last])], dtype="str"),
            "flapping": _flapping(first, t.up)[last] & ~silent,
            "since": to_index(np.where(silent, t.taken[last] + t.hold[last], t.taken[began[last]])),
            "clients": pd.Series(t.clients[last]).round().astype("Int64"),
            "latency_ms": t.latency[last],
            "at": to_index(t.taken[last]),
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
