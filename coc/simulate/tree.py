"""Who hands a letter to whom: the disposition tree of a day's letters, wave by wave from the leaders down."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from coc.domain.instants import DAY, HOUR, Bools, Floats, Micros
from coc.simulate import words
from coc.simulate.chance import Indices, Objects, chosen, objects, rng
from coc.simulate.city import LEADERS, City
from coc.simulate.letters import Drawn
from coc.simulate.rhythm import OFFSET, whole_ms

# What the receiver of a disposition does with it: heads and the Sekda hand it on, divisions sometimes, staff never.
_HEAD, _SEKDA, _DIVISION, _STAFF = range(4)
_LONGEST: Final = 20 * DAY  # nothing is handed on later: the feed keeps what belongs together
_WAVES: Final = 4

_PACE: Final = {
    "walikota": 2.6,
    "wakil_walikota": 2.2,
    "sekda": 0.9,
    "asisten_1": 1.8,
    "asisten_2": 2.0,
    "asisten_3": 1.9,
}
_EVENING: Final = {"walikota": 0.42, "wakil_walikota": 0.3, "sekda": 0.18}
_OTHERS: Final = ""
_CHANNELS: Final = {
    "walikota": {"voice": 42, "text": 31, "scanned_signature": 21, "e_signature": 6},
    "wakil_walikota": {"voice": 34, "text": 38, "scanned_signature": 22, "e_signature": 6},
    "sekda": {"text": 56, "voice": 20, "scanned_signature": 15, "e_signature": 9},
    _OTHERS: {"text": 76, "scanned_signature": 11, "e_signature": 8, "voice": 4, "unknown": 1},
}
_DEVICES: Final = {
    "walikota": {"phone": 74, "laptop": 16, "desktop": 10},
    "wakil_walikota": {"phone": 66, "laptop": 22, "desktop": 12},
    "sekda": {"desktop": 45, "laptop": 30, "phone": 25},
    _OTHERS: {"desktop": 50, "laptop": 27, "phone": 20, "unknown": 3},
}
_SPOKEN: Final = {"voice": {"spoken": 0.8, "code": 0.2}, _OTHERS: {"code": 0.83, "typed": 0.17}}


@dataclass
class Nodes:
    """Dispositions as issued; `parent` and `letter` are rows of this day, -1 for a root."""

    letter: Indices
    parent: Indices
    from_office: Objects
    to_unit: Indices
    to_office: Objects
    role: Indices
    issued: Micros
    channel: Objects
    device: Objects
    instruction: Objects
    follow_up: Bools

    def __len__(self) -> int:
        return len(self.letter)

    def take(self, rows: Indices | Bools) -> Nodes:
        return Nodes(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def joined(parts: list[Nodes]) -> Nodes:
    return Nodes(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Nodes)})


class Planner:
    """Plans one day's tree; every draw comes from the day's own generator."""

    def __init__(self, city: City, drawn: Drawn, day: int) -> None:
        self.city, self.drawn, self.units, self.rhythm = city, drawn, city.units, city.rhythm
        self.draws = rng(city.seed, "tree", day)
        able = np.where(np.isin(self.units.kinds, ("subdistrict", "hospital")), 0.25, 1.0) * self.units.volume
        able[self.units.index["SETDA"]] = 0
        self._targets = able / able.sum()

    def plan(self) -> Nodes:
        waves = [self._roots()]
        start = 0
        for _ in range(_WAVES):
            children = self._handed_on(waves[-1], start)
            start += len(waves[-1])
            if not len(children):
                break
            waves.append(children)
        return self._pruned(joined(waves))

    def _roots(self) -> Nodes:
        letters, draws = self.drawn.letters, self.draws
        size = len(letters.id)
        wanted = np.where(letters.kind == "incoming", 0.985, np.where(letters.kind == "memo", 0.3, 0.0))
        letter = np.flatnonzero(draws.random(size) < wanted)
        unit = self.drawn.unit[letter]
        of_city = (unit == self.units.index["SETDA"]) | (
            (self.units.kinds[unit] == "office") & (draws.random(len(letter)) < 0.5)
        )
        office = np.where(of_city, chosen(draws, LEADERS, len(letter)), self.units.head_office[unit])
        slow = draws.random(len(letter)) < 0.045
        pace = np.where(of_city, [_PACE.get(o, 1.0) for o in office], 1.9 * np.sqrt(self.units.pace[unit] / 4.7))
        hours = np.where(slow, draws.uniform(10, 45, len(letter)), pace * np.exp(draws.normal(0, 0.8, len(letter))))
        on_duty = self.drawn.on_duty[letter]
        issued = self.rhythm.later(letters.registered_at[letter], np.where(on_duty, 0.35 * hours, hours), on_duty)
        issued, at_home = self._at_home(office, issued, on_duty)
        fan = np.where(
            of_city,
            chosen(draws, {1: 0.5, 2: 0.28, 3: 0.15, 4: 0.07}, len(letter)),
            chosen(draws, {1: 0.52, 2: 0.3, 3: 0.13, 4: 0.05}, len(letter)),
        ).astype("int64")
        row = np.repeat(np.arange(len(letter)), fan)
        own = self.drawn.unit[letter][row]
        to_unit = np.where(of_city[row], draws.choice(len(self._targets), size=len(row), p=self._targets), own)
        role = np.where(of_city[row], _HEAD, np.where(self.units.kelurahan[own], _STAFF, _DIVISION))
        through_sekda = np.isin(office[row], ("walikota", "wakil_walikota")) & (draws.random(len(row)) < 0.2)
        to_unit[through_sekda], role[through_sekda] = self.units.index["SETDA"], _SEKDA
        return self._issued(
            letter[row], np.full(len(row), -1), office[row], to_unit, role, issued[row], at_home=at_home[row]
        )

    def _at_home(self, office: Objects, issued: Micros, on_duty: Bools) -> tuple[Micros, Bools]:
        """Leaders give part of their dispositions in the evening, some on the weekend."""
        draws = self.draws
        share = np.array([_EVENING.get(o, 0.0) for o in office])
        at_home = ~on_duty & (draws.random(len(office)) < share)
        friday = ((issued + OFFSET) // DAY + 3) % 7 == 4
        moved = (
            issued + np.where(friday & (draws.random(len(office)) < 0.5), draws.integers(1, 3, len(office)), 0) * DAY
        )
        return np.where(at_home, self.rhythm.evening(moved, draws), issued), at_home

    def _handed_on(self, nodes: Nodes, start: int) -> Nodes:
        draws = self.draws
        chance = np.array([0.78, 1.0, 0.3, 0.0])[nodes.role]
        row = np.flatnonzero(nodes.follow_up & (draws.random(len(nodes)) < chance))
        row = np.repeat(row, chosen(draws, {1: 0.62, 2: 0.38}, len(row)).astype("int64"))
        role, unit = nodes.role[row], nodes.to_unit[row]
        office = np.where(role == _DIVISION, nodes.to_office[row], self.units.head_office[unit])
        onward = draws.choice(len(self._targets), size=len(row), p=self._targets)
        village = (self.units.kinds[unit] == "district") & (draws.random(len(row)) < 0.45)
        kelurahan = self._kelurahan_of(unit)
        to_unit = np.where(role == _SEKDA, onward, np.where(village, kelurahan, unit))
        to_role = np.select(
            [role == _SEKDA, village & (role == _HEAD), (role == _HEAD) & ~self.units.kelurahan[unit]],
            [_HEAD, _HEAD, _DIVISION],
            _STAFF,
        )
        hours = 1.5 * np.sqrt(self.units.pace[unit] / 4.7) * np.exp(draws.normal(0, 0.8, len(row)))
        on_duty = self.drawn.on_duty[nodes.letter[row]]
        issued = self.rhythm.later(nodes.issued[row], np.where(on_duty, 0.3 * hours, hours), on_duty)
        return self._issued(nodes.letter[row], row + start, office, to_unit, to_role, issued)

    def _kelurahan_of(self, unit: Indices) -> Indices:
        """One of a kecamatan's kelurahan; the unit itself where it has none."""
        found = unit.copy()
        for parent in np.unique(unit[self.units.kinds[unit] == "district"]):
            mine = np.flatnonzero(self.units.parents == parent)
            mask = unit == parent
            found[mask] = self.draws.choice(mine, size=int(mask.sum()))
        return found

    def _issued(
        self,
        letter: Indices,
        parent: Indices,
        office: Objects,
        to_unit: Indices,
        role: Indices,
        issued: Micros,
        at_home: Bools | None = None,
    ) -> Nodes:
        draws, size = self.draws, len(letter)
        channel, device = objects([""] * size), objects([""] * size)
        known = np.isin(office, list(_CHANNELS))
        for name in _CHANNELS:
            mask = office == name if name else ~known
            channel[mask] = chosen(draws, _CHANNELS[name], int(mask.sum()))
            device[mask] = chosen(draws, _DEVICES[name], int(mask.sum()))
        if at_home is not None:
            channel = np.where(at_home & (draws.random(size) < 0.8), "voice", channel)
            device = np.where(at_home & (draws.random(size) < 0.93), "phone", device)
        instruction = self._instructions(channel)
        number = draws.integers(1, 5, size)
        return Nodes(
            letter=letter,
            parent=parent,
            from_office=office,
            to_unit=to_unit,
            to_office=objects(
                self._receiver(int(r), int(u), int(n)) for r, u, n in zip(role, to_unit, number, strict=True)
            ),
            role=role,
            issued=whole_ms(issued + (draws.uniform(1, 45, size) * 1e6).astype("int64")),
            channel=channel,
            device=device,
            instruction=instruction,
            follow_up=np.array([words.needs_follow_up(i) for i in instruction], dtype=bool),
        )

    def _instructions(self, channel: Objects) -> Objects:
        manner = np.where(
            channel == "voice",
            chosen(self.draws, _SPOKEN["voice"], len(channel)),
            chosen(self.draws, _SPOKEN[_OTHERS], len(channel)),
        )
        found = objects([""] * len(channel))
        for name in ("code", "typed", "spoken"):
            mask = manner == name
            found[mask] = chosen(self.draws, words.instructions(name), int(mask.sum()))
        return found

    def _receiver(self, role: int, unit: int, number: int) -> str:
        code = self.units.codes[unit]
        if role in (_HEAD, _SEKDA):
            return str(self.units.head_office[unit])
        return f"kabid:{code}:{number}" if role == _DIVISION else f"staf:{code}"

    def _pruned(self, nodes: Nodes) -> Nodes:
        """Without what would be issued after the letter is deleted, or too long after its registration."""
        letters = self.drawn.letters
        kept = nodes.issued < np.minimum(
            letters.deleted_at[nodes.letter], letters.registered_at[nodes.letter] + _LONGEST
        )
        for _ in range(_WAVES):
            kept &= (nodes.parent < 0) | kept[nodes.parent]
        position = np.cumsum(kept) - 1
        nodes = nodes.take(kept)
        nodes.parent = np.where(nodes.parent < 0, -1, position[nodes.parent])
        return nodes


def gap(draws: np.random.Generator, median: Floats | float, spread: float, size: int) -> Floats:
    """Hours, lognormal around a median."""
    return np.asarray(median * np.exp(draws.normal(0, spread, size)))


__all__ = ["HOUR", "Nodes", "Planner", "gap", "joined"]
