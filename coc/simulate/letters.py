"""One city day's letters: what is registered, when, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from coc.domain.instants import HOUR, Bools, Floats, Micros, to_date
from coc.simulate import words
from coc.simulate.chance import Indices, Objects, chosen, objects, rng
from coc.simulate.city import City
from coc.simulate.rhythm import FAR, whole_ms

_KINDS: Final = {"incoming": 0.58, "outgoing": 0.26, "memo": 0.16}
_TYPES: Final = {
    "incoming": {"surat_dinas": 46, "undangan": 25, "laporan": 10, "surat_edaran": 7, "pengumuman": 4, "keputusan": 3,
                 "surat_tugas": 2, "nota_dinas": 2, "berita_acara": 1},
    "outgoing": {"surat_dinas": 40, "undangan": 20, "surat_tugas": 19, "keputusan": 7, "laporan": 6, "surat_edaran": 4,
                 "pengumuman": 3, "berita_acara": 1},
    "memo": {"nota_dinas": 70, "telaahan_staf": 16, "laporan": 14},
}  # fmt: skip
_CATEGORIES: Final = {"general": 0.79, "finance": 0.10, "personnel": 0.08, "legal": 0.03}
_OWN_CATEGORY: Final = {"BPKAD": "finance", "BPPRD": "finance", "BKPSDMD": "personnel", "BAG-HUK": "legal"}
_URGENCIES: Final = {"biasa": 0.64, "penting": 0.17, "segera": 0.14, "amat_segera": 0.035, "unknown": 0.015}
_SECURITIES: Final = {"biasa": 0.86, "terbatas": 0.10, "rahasia": 0.035, "sangat_rahasia": 0.005}
_SENDERS: Final = {"institution": 0.44, "unit": 0.31, "citizen": 0.14, "company": 0.11}
_CODES: Final = {"undangan": "005", "surat_tugas": "800", "keputusan": "188", "surat_edaran": "100", "laporan": "700"}
_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


@dataclass
class Letters:
    """Columns of a day's letters in order of registration; times in microseconds, `FAR` = never."""

    id: Objects
    kind: Objects
    type: Objects
    category: Objects
    urgency: Objects
    urgency_corrected: Objects
    security: Objects
    number: Objects
    subject: Objects
    sender_kind: Objects
    sender: Objects
    unit: Objects
    medium: Objects
    pages: Objects
    copies: Objects
    received_at: Micros
    registered_at: Micros
    shown_at: Micros  # when the feed has it: now and then after its first disposition
    completed_at: Micros
    reopened_at: Micros
    completed_again_at: Micros
    corrected_at: Micros
    counted_at: Micros  # when the archive has counted its pages
    deleted_at: Micros


@dataclass
class Drawn:
    """A day's letters with what their dispositions are planned from."""

    letters: Letters
    unit: Indices
    on_duty: Bools
    urgency_factor: Floats


_URGENCY_FACTOR: Final = {"amat_segera": 0.5, "segera": 0.95, "penting": 1.1, "biasa": 1.0, "unknown": 1.0}


def draw(city: City, day: int) -> Drawn:
    """The day's letters, still without their lives (`coc.simulate.lives` plans those)."""
    draws, units, size = rng(city.seed, "letters", day), city.units, city.rhythm.volume(day)
    registered = city.rhythm.registration_times(day, size)
    on_duty = city.rhythm.off_hours(registered, day)
    weights, duty = city.registering(day), units.on_duty
    unit = np.where(
        on_duty,
        draws.choice(len(duty), size=size, p=duty / duty.sum()),
        draws.choice(len(weights), size=size, p=weights / weights.sum()),
    )
    orders = units.orders_only[unit]
    kind = np.where(orders, "outgoing", chosen(draws, _KINDS, size))
    kind = np.where(on_duty & (draws.random(size) < 0.7), "incoming", kind)
    letter_type = objects([""] * size)
    for name, table in _TYPES.items():
        mask = kind == name
        letter_type[mask] = chosen(draws, table, int(mask.sum()))
    letter_type[orders] = "surat_tugas"
    category = _category(city, draws, unit, letter_type)
    urgency = chosen(draws, _URGENCIES, size)
    corrected = draws.random(size) < 0.012
    hurried = chosen(draws, {"segera": 0.7, "amat_segera": 0.3}, size)
    sender_kind = np.where(kind == "incoming", chosen(draws, _SENDERS, size), "unit")
    known_pages = draws.random(size) < 0.7
    pages = objects(int(p) for p in np.minimum(draws.geometric(0.38, size), 40))
    letters = Letters(
        id=objects(f"S{to_date(day):%Y%m%d}-{n:04d}" for n in range(1, size + 1)),
        kind=objects(kind),
        type=letter_type,
        category=category,
        urgency=urgency,
        urgency_corrected=np.where(corrected, hurried, urgency),
        security=chosen(draws, _SECURITIES, size),
        number=_numbers(city, unit, letter_type, day),
        subject=objects(_one(draws, words.subjects(t)) for t in letter_type),
        sender_kind=objects(sender_kind),
        sender=objects(
            _one(draws, words.senders(s)) if k == "incoming" else None for s, k in zip(sender_kind, kind, strict=True)
        ),
        unit=units.codes[unit],
        medium=_medium(city, draws, unit, category, day),
        pages=pages,
        copies=chosen(draws, {3: 0.5, 2: 0.2, 1: 0.15, 5: 0.1, None: 0.05}, size),
        received_at=np.where(
            kind == "incoming", whole_ms(registered - (draws.gamma(1.6, 0.5, size) * HOUR).astype("int64")), FAR
        ),
        registered_at=registered,
        shown_at=registered.copy(),
        completed_at=np.full(size, FAR),
        reopened_at=np.full(size, FAR),
        completed_again_at=np.full(size, FAR),
        corrected_at=np.where(
            corrected, whole_ms(registered + (draws.uniform(1, 30, size) * HOUR).astype("int64")), FAR
        ),
        counted_at=np.where(known_pages, registered, FAR),
        deleted_at=np.where(
            draws.random(size) < 0.003,
            whole_ms(registered + (draws.uniform(0.3, 20, size) * HOUR).astype("int64")),
            FAR,
        ),
    )
    factor = np.array([_URGENCY_FACTOR[u] for u in letters.urgency_corrected])
    return Drawn(letters=letters, unit=unit, on_duty=on_duty, urgency_factor=factor)


def _one(draws: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(draws.random() * len(choices))]


def _category(city: City, draws: np.random.Generator, unit: Indices, letter_type: Objects) -> Objects:
    category = chosen(draws, _CATEGORIES, len(unit))
    own = objects(_OWN_CATEGORY.get(code) for code in city.units.codes[unit])
    category = np.where((own != None) & (draws.random(len(unit)) < 0.45), own, category)  # noqa: E711 - elementwise
    decree = (letter_type == "keputusan") & (draws.random(len(unit)) < 0.7)
    return np.where(decree, "legal", category)


def _medium(city: City, draws: np.random.Generator, unit: Indices, category: Objects, day: int) -> Objects:
    """The paper-exempt categories stay on paper; of the rest about six in seven have left it, a little more each month.

    In January old habits come back: each budget year begins with paper again.
    """
    date = to_date(day)
    share = 0.85 + 0.055 * (date.timetuple().tm_yday / 366)
    odds = share / (1 - share) * city.units.digital[unit]
    electronic = draws.random(len(unit)) < np.where(category == "general", odds / (1 + odds), 0.07)
    return np.where(electronic, "electronic", "paper").astype(object)


def _numbers(city: City, unit: Indices, letter_type: Objects, day: int) -> Objects:
    date, codes = to_date(day), city.units.codes
    return objects(
        f"{_CODES.get(t, '045')}/{(day * 7 + n * 3) % 2900 + 11}/{codes[u]}/{_ROMAN[date.month - 1]}/{date.year}"
        for n, (u, t) in enumerate(zip(unit, letter_type, strict=True))
    )
