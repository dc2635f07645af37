"""The boards of the page of letters: a small city's rows, counted as the product counts them, so that all agrees."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pandas as pd

from coc.boards.board import KPI_COLUMNS, Board
from coc.boards.subjects.letters import SUBJECT
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.limits import Limits
from coc.domain.reference import units
from coc.domain.worktime import build_calendars
from coc.metrics.city import WINDOWS, City
from tests.metrics import cities

VALUES = {
    "correspondence.registered_per_working_day": 246.38095238095238,
    "correspondence.paperless_rate_all": 0.8121546961325967,
    "correspondence.sheets_saved": 21934.0,
}
_TYPES = (
    "surat_dinas", "undangan", "nota_dinas", "laporan", "surat_tugas", "surat_edaran", "keputusan", "pengumuman",
    "telaahan_staf", "berita_acara", "surat_kuasa", "rekomendasi teknis bangunan gedung",
)  # fmt: skip
_SCALE = 7  # of the counts: a city's letters from a seventh of the rows
_PEOPLE = ("incoming", "incoming", "incoming", "outgoing", "memo")


def added(held: dict[str, Board], now: datetime) -> dict[str, Board]:
    """These boards with the board `letters`, and with what else the page shows of `correspondence`."""
    mail = held["correspondence"]
    rows = [(kpi, unit, w, value, "ok") for kpi, value in VALUES.items() for unit in ("", "DISDIK") for w in WINDOWS]
    kpis = pd.concat([mail.kpis, pd.DataFrame(rows, columns=list(KPI_COLUMNS))], ignore_index=True)
    known = units()
    names = pd.DataFrame({"code": known["code"], "name": known["name"], "kind": known["kind"]})
    letters = replace(mail, name="letters", kpis=mail.kpis.iloc[0:0], frames=dict(_frames(now)))
    return held | {
        "correspondence": replace(mail, kpis=kpis, frames=mail.frames | {"names": names}),
        "letters": letters,
    }


def large(held: dict[str, Board]) -> dict[str, Board]:
    """The same with fifty times as many letters."""
    letters = held["letters"]
    return held | {"letters": replace(letters, frames=_times(letters.frames, 50))}


@cache
def _frames(now: datetime) -> dict[str, pd.DataFrame]:
    city = _city(now)
    return _times({name: make(city) for name, make in SUBJECT.frames.items()}, _SCALE)


def _times(frames: dict[str, pd.DataFrame], factor: int) -> dict[str, pd.DataFrame]:
    kept = {"working_days", "ramadan_days", "weeks"}
    return {
        name: frame.assign(
            **{c: frame[c] * factor for c in frame.select_dtypes("integer").columns if c not in kept},
        )
        for name, frame in frames.items()
    }


def _city(now: datetime) -> City:
    rng = random.Random(11)
    known = units()
    calendars = build_calendars(CalendarSettings(), "Asia/Jakarta", known)
    codes = known["code"].tolist()
    habits = {code: rng.uniform(0.3, 0.99) for code in codes}
    letters, given = [], []
    for back in range(89, -1, -1):
        day = now - timedelta(days=back)
        open_ = bool(calendars.default.is_working_day([calendars.today(day)])[0])
        for n in range(rng.randint(28, 40) if open_ else rng.randint(0, 2)):
            unit = codes[min(int(rng.expovariate(0.12)), len(codes) - 1)]
            at = day - timedelta(minutes=rng.randint(0, 400))
            name = f"{back}-{n}"
            kind, took = rng.choice(_PEOPLE), timedelta(hours=rng.expovariate(1 / 60))
            letters.append(
                {
                    "source_id": name,
                    "kind": kind,
                    "type": _TYPES[min(int(rng.expovariate(0.45)), len(_TYPES) - 1)],
                    "category": rng.choices(("general", "finance", "personnel", "legal"), (8, 1, 1, 1))[0],
                    "urgency": rng.choices(("amat_segera", "segera", "penting", "biasa", "unknown"), (1, 4, 4, 14, 1))[
                        0
                    ],
                    "unit": unit,
                    "medium": "electronic" if rng.random() < habits[unit] else "paper",
                    "registered_at": at,
                    "completed_at": at + took if at + took < now else None,
                }
            )
            first = at + timedelta(hours=rng.expovariate(1 / 9) + 200 * (rng.random() < 0.02))
            if kind == "incoming" and first < now and first < at + took:
                given.append({"letter_id": name, "to_unit": unit, "issued_at": first})
    made = cities.city(now, letters, given, limits=Limits(), letter_types=_TYPES)
    names = dict(zip(known["code"], known["name"], strict=True))
    return replace(made, units=known, calendars=calendars, unit_names=names)
