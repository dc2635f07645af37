"""The state engine: what is known of each entity after its last sample, moved on by the samples that came.

A head holds all that later samples can depend on, so samples in order cost only themselves, and a late one is a replay
from an earlier head until both courses meet again. Pure numpy; whoever keeps heads keeps them elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from coc.domain.instants import HOUR, NAT, SECOND, Bools, Floats, Micros
from coc.domain.limits import ApLimits

Positions: TypeAlias = npt.NDArray[np.intp]
Heads: TypeAlias = npt.NDArray[np.void]

# Flapping is a share of the 20 changes that 21 samples can show: on at 30 %, off below 20 %.
FLAP_CHANGES: Final = 20
_FLAP_ON, _FLAP_OFF = 6, 4
_ALL_CHANGES: Final = (1 << FLAP_CHANGES) - 1
_MOST_CLIENTS: Final = 1_000_000  # of one access point: so that a day's sum stays an exact integer

# `at`, `up`, `clients`, `latency`, `loss`, `hold` (microseconds): the last sample's. `down`, `slow`: decided by
# hysteresis; `run`: the samples in a row that say the same `up`, `poor_run` the same `poor`, counted to the larger
# limit. `changes`: one bit for each of the last 20 steps between samples, the newest lowest, set where `up` changed.
# `spell`: since when it is down without a gap, NAT while up.
HEAD: Final = np.dtype(
    [
        ("at", "i8"),
        ("up", "?"),
        ("hold", "i8"),
        ("clients", "f8"),
        ("latency", "f8"),
        ("loss", "f8"),
        ("down", "?"),
        ("run", "i4"),
        ("slow", "?"),
        ("poor", "?"),
        ("poor_run", "i4"),
        ("flapping", "?"),
        ("changes", "i4"),
        ("spell", "i8"),
    ]
)


def no_heads(n: int) -> Heads:
    """Heads of `n` entities of which no sample is known: `at` is NAT."""
    heads = np.zeros(n, dtype=HEAD)
    heads["at"] = heads["spell"] = NAT
    for name in ("clients", "latency", "loss"):
        heads[name] = np.nan
    return heads


def same_heads(one: Heads, other: Heads) -> Bools:
    """Whether two heads are equal in every field, entity by entity: then all that follows is equal."""
    found = np.ones(len(one), dtype=bool)
    for name in HEAD.names or ():
        a, b = one[name], other[name]
        found &= (a == b) | ((a != a) & (b != b)) if HEAD[name].kind == "f" else a == b
    return found


def state_code(heads: Heads) -> npt.NDArray[np.int64]:
    """Up, degraded or down as 0, 1, 2, silence aside: positions in `states.STATES`."""
    return np.where(heads["down"], 2, np.where(heads["slow"], 1, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Samples sorted by (entity, taken), one a key. `entity`: a position; `hold`: microseconds; NaN where unknown."""

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
        return firsts(self.entity)

    @property
    def last(self) -> Positions:
        """The last sample of each entity, in order of position."""
        return np.flatnonzero(np.concatenate([self.entity[1:] != self.entity[:-1], [True]])[: len(self.entity)])

    def chosen(self, rows: Any) -> Rows:
        """Some of them, in the same order."""
        return Rows(**{name: getattr(self, name)[rows] for name in ROWS})

    def named(self, positions: Positions) -> Rows:
        """The same samples of entities that have other positions, in the same order."""
        return replace(self, entity=positions[self.entity])


ROWS: Final = ("entity", "taken", "up", "hold", "clients", "latency", "loss")


NO_ROWS: Final = Rows(
    entity=np.zeros(0, dtype=np.intp),
    taken=np.zeros(0, dtype="int64"),
    up=np.zeros(0, dtype=bool),
    hold=np.zeros(0, dtype="int64"),
    clients=np.zeros(0),
    latency=np.zeros(0),
    loss=np.zeros(0),
)


def merged_rows(held: Rows, fresh: Rows) -> Rows:
    """Both, sorted; of two with one key the fresh one stays."""
    if not len(held.taken):
        return fresh
    both = Rows(**{name: np.concatenate([getattr(held, name), getattr(fresh, name)]) for name in ROWS})
    order = np.lexsort((both.taken, both.entity))  # stable: the fresh one comes after the held one
    same = (both.entity[order][1:] == both.entity[order][:-1]) & (both.taken[order][1:] == both.taken[order][:-1])
    return both.chosen(order[~np.concatenate([same, [False]])[: len(order)]])


def firsts(entity: Positions) -> Bools:
    found: Bools = np.concatenate([[True], entity[1:] != entity[:-1]])[: len(entity)]
    return found


def latest(known: Bools) -> Positions:
    """For each row the latest row at or before it that is marked. The first of each entity must be."""
    return np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Known time [start, end): `up` and `down` say how often it counts as either, `clients` how many were connected.

    A correction takes time back from one and gives it to the other: -1 and 1.
    """

    entity: Positions
    start: Micros
    end: Micros
    up: npt.NDArray[np.int64]
    down: npt.NDArray[np.int64]
    clients: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Course:
    """The samples of an `advance`, the head each entity began with in front (`seed`), and what was known after each."""

    rows: Rows
    seed: Bools
    entry: Bools
    fields: dict[str, npt.NDArray[Any]]

    def heads(self, places: Positions) -> Heads:
        """What was known after these rows."""
        heads = np.zeros(len(places), dtype=HEAD)
        heads["at"] = self.rows.taken[places]
        for name in ("up", "hold", "clients", "latency", "loss"):
            heads[name] = getattr(self.rows, name)[places]
        for name in ("down", "run", "slow", "poor", "poor_run", "flapping", "spell"):
            heads[name] = self.fields[name][places]
        heads["changes"] = self._changes(places)
        return heads

    def _changes(self, places: Positions) -> npt.NDArray[np.int64]:
        began = latest(self.entry)[places]
        since = places - began
        shifted = self.fields["before"][began] << np.minimum(since, FLAP_CHANGES)
        found = np.where(since < FLAP_CHANGES, shifted & _ALL_CHANGES, 0)
        for back in range(FLAP_CHANGES):
            mine = since > back
            found |= np.where(mine & self.fields["changed"][np.where(mine, places - back, 0)], 1 << back, 0)
        return found

    def ends(self) -> tuple[Positions, Heads]:
        """The entities that had samples, and their heads after the last."""
        places = self.rows.last
        return self.rows.entity[places], self.heads(places)

    def turns(self) -> tuple[Positions, Micros, npt.NDArray[np.int64]]:
        """The samples that brought a state: entity, at, code (`state_code`). An entity's first sample is one."""
        code = self.fields["code"]
        moved = self.entry | np.concatenate([[True], code[1:] != code[:-1]])[: len(code)]
        found = np.flatnonzero(moved & ~self.seed)
        return self.rows.entity[found], self.rows.taken[found], code[found]

    def marks(self) -> tuple[Positions, Micros, Heads]:
        """What was known before the first sample of each clock hour that has one: entity, hour, head."""
        hour = self.rows.taken // HOUR
        fresh = np.concatenate([[False], hour[1:] != hour[:-1]])[: len(hour)]
        found = np.flatnonzero(fresh & ~self.entry)
        return self.rows.entity[found], hour[found] * HOUR, self.heads(found - 1)

    def pieces(self) -> Pieces:
        """The time up to each entity's last sample that these samples settle, with what they correct of earlier time.

        The hold of the last one is not in it, and a down spell that goes on counts as up until it is long enough.
        """
        rows, fields = self.rows, self.fields
        known = np.flatnonzero(fields["end"] > rows.taken)
        down = fields["long"][known]
        clients = np.minimum(np.nan_to_num(rows.clients[known]), _MOST_CLIENTS).astype("int64")
        # A spell that began before these samples was up as far as it had come; now that it is long it never was.
        taken_back = np.flatnonzero(fields["grown"])
        ones, none = np.ones(len(taken_back), dtype="int64"), np.zeros(len(taken_back), dtype="int64")
        return Pieces(
            np.concatenate([rows.entity[known], rows.entity[taken_back]]),
            np.concatenate([rows.taken[known], fields["spell"][taken_back]]),
            np.concatenate([fields["end"][known], rows.taken[taken_back]]),
            np.concatenate([(~down).astype("int64"), -ones]),
            np.concatenate([down.astype("int64"), ones]),
            np.concatenate([clients, none]),
        )


def advance(heads: Heads, rows: Rows, limits: ApLimits) -> Course:
    """Move the entities of `rows` on, each from `heads[entity]`; its samples must all be later than that head's.

    The first sample of an entity without a head decides its first state (DOMAIN, Edges).
    """
    lead = np.flatnonzero(rows.first)
    who = rows.entity[lead]
    held = heads["at"][who] != NAT
    seeds, places = heads[who[held]], lead[held]
    seed = np.zeros(len(rows.entity) + len(seeds), dtype=bool)
    seed[places + np.arange(len(places))] = True

    def joined(values: npt.NDArray[Any], of_seeds: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = np.empty(len(seed), dtype=values.dtype)
        found[seed], found[~seed] = of_seeds, values
        return found

    every = Rows(
        entity=joined(rows.entity, who[held]),
        taken=joined(rows.taken, seeds["at"]),
        **{name: joined(getattr(rows, name), seeds[name]) for name in ("up", "hold", "clients", "latency", "loss")},
    )
    entry = every.first
    poor = joined((rows.latency > limits.degraded.latency_ms) | (rows.loss > limits.degraded.loss), seeds["poor"])
    one = np.ones(len(rows.entity), dtype="int64")
    down, run = _hysteresis(entry, ~every.up, joined(one, seeds["run"]), seed, seeds["down"], limits)
    slow, poor_run = _hysteresis(entry, poor, joined(one, seeds["poor_run"]), seed, seeds["slow"], limits)
    changed = np.concatenate([[False], every.up[1:] != every.up[:-1]])[: len(seed)] & ~entry
    before = joined(np.zeros(len(rows.entity), dtype="int64"), seeds["changes"])
    fields = {
        "down": down,
        "run": run,
        "slow": slow,
        "poor": poor,
        "poor_run": poor_run,
        "code": np.where(down, 2, np.where(slow, 1, 0)),
        "changed": changed,
        "before": before,
        "flapping": _flapping(entry, changed, before, seed, seeds["flapping"]),
        **_spells(every, entry, joined(np.full(len(rows.entity), NAT), seeds["spell"]), seed, limits),
    }
    return Course(every, seed, entry, fields)


def _hysteresis(
    entry: Bools, bad: Bools, carried: Micros, seed: Bools, of_seeds: Bools, limits: ApLimits
) -> tuple[Bools, Micros]:
    """After each sample: is the state bad, and how many in a row (up to the larger limit) say what this one says?

    `failures` bad ones in a row enter it, `successes` good ones leave it.
    """
    if not len(bad):
        return bad, carried
    turn = entry | np.concatenate([[True], bad[1:] != bad[:-1]])
    began = latest(turn)
    run = np.arange(len(bad)) - began + carried[began]
    decided = entry | (run >= np.where(bad, limits.failures, limits.successes))
    value = bad.copy()
    value[seed] = of_seeds
    return value[latest(decided)], np.minimum(run, max(limits.failures, limits.successes))


def _flapping(entry: Bools, changed: Bools, before: Micros, seed: Bools, of_seeds: Bools) -> Bools:
    if not len(changed):
        return changed
    rows, began, total = np.arange(len(changed)), latest(entry), np.cumsum(changed)
    since = rows - began
    left = np.maximum(FLAP_CHANGES - since, 0)  # of the steps before the entry, how many are among the last 20
    recent: Micros = total - total[np.maximum(began, rows - FLAP_CHANGES)]
    recent = recent + np.bitwise_count(before[began] & ((1 << left) - 1))
    decided = entry | (recent >= _FLAP_ON) | (recent < _FLAP_OFF)
    on: Bools = recent >= _FLAP_ON
    on[seed] = of_seeds
    return on[latest(decided)]


def _spells(rows: Rows, entry: Bools, spell: Micros, seed: Bools, limits: ApLimits) -> dict[str, npt.NDArray[Any]]:
    """`end` of each sample (the last one's own time), `spell`: since when it is down, `long`: counts as down time.

    `grown` marks the seeds whose spell was too short to count and no longer is.
    """
    if not len(rows.taken):
        return {"end": rows.taken, "spell": spell, "long": entry, "grown": entry}
    following = np.concatenate([np.where(entry[1:], rows.taken[:-1], rows.taken[1:]), rows.taken[-1:]])
    end = np.minimum(rows.taken + rows.hold, following)
    joins = ~entry[1:] & ~rows.up[1:] & ~rows.up[:-1] & (end[:-1] == rows.taken[1:])
    begins = np.concatenate([[True], ~joins])
    began = latest(begins)
    since = np.where(seed & ~rows.up, spell, rows.taken)[began]
    carried = np.where(seed & ~rows.up, rows.taken - spell, 0)
    lasted = np.bincount(np.cumsum(begins) - 1, weights=end - rows.taken + carried)[np.cumsum(begins) - 1]
    enough = lasted > limits.min_down_seconds * SECOND
    return {
        "end": end,
        "spell": np.where(rows.up, NAT, since),
        "long": ~rows.up & enough,
        "grown": seed & ~rows.up & enough & (carried <= limits.min_down_seconds * SECOND) & (carried > 0),
    }
