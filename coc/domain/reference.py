"""The shipped reference tables of Kota Jambi: units, areas, instructions, Ramadan (`coc/reference`)."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from coc.domain.datasets import COLUMNS, DTYPES, Dataset


def text(name: str) -> str:
    """A shipped table's text, by file name."""
    return resources.files("coc").joinpath("reference", name).read_text(encoding="utf-8")


@cache
def _json(name: str) -> Any:
    return json.loads(text(name))


def _day(value: str | None) -> str | None:
    """`2023` and `2023-01` mean their first day."""
    return None if not value else value + {4: "-01-01", 7: "-01"}.get(len(value), "")


def units() -> pd.DataFrame:
    """The shipped list of units, in the canonical columns of the `units` dataset; dates are ISO text."""
    rows = [
        {
            "code": unit["kode"],
            "name": unit["nama"],
            "kind": unit["kind"],
            "parent": unit.get("parent"),
            "calendar": unit.get("calendar"),
            "valid_from": _day(unit.get("valid_from")),
            "valid_to": _day(unit.get("valid_to")),
            "updated_at": None,
        }
        for unit in _json("units_jambi.json")["opd"]
    ]
    return pd.DataFrame(
        {c.name: pd.Series([r[c.name] for r in rows], dtype=DTYPES[c.kind]) for c in COLUMNS[Dataset.UNITS]}
    )


def areas() -> pd.DataFrame:
    """Kecamatan and kelurahan: code, name, level, parent, valid_from (ISO), lat, lon, tile_col, tile_row (float)."""
    rows = list(csv.DictReader(io.StringIO(text("areas_jambi.csv"))))
    frame = pd.DataFrame(rows)
    for column in ("lat", "lon", "tile_col", "tile_row"):
        frame[column] = pd.to_numeric(frame[column].where(frame[column] != ""), errors="raise").astype("float64")
    frame["valid_from"] = pd.Series([_day(r["valid_from"]) for r in rows], dtype="str")
    return frame


def instructions() -> list[dict[str, Any]]:
    """The instructions a leader gives: kode, frasa, kelompok, wajib_tindak_lanjut, ucapan (spoken variants)."""
    return [dict(row) for row in _json("instructions.json")]


def ramadan() -> dict[int, tuple[date, date]]:
    """First and last day of Ramadan by Gregorian year; the last is the day before Idul Fitri."""
    table = _json("ramadan.json")["ramadan"]
    return {
        int(year): (date.fromisoformat(span["awal"]), date.fromisoformat(span["akhir"])) for year, span in table.items()
    }
