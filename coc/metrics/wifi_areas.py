"""Where a site lies: its kecamatan by the reference table, whatever way a register writes it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain import reference

AREA: Final = ("area", "area_name", "area_lat", "area_lon", "column", "row")


def districts() -> pd.DataFrame:
    """The kecamatan of the reference table: `AREA`; lat, lon of the middle, column and row on the tile map."""
    return _districts().copy()


@cache
def _districts() -> pd.DataFrame:
    areas = reference.areas()
    mine = areas[areas["tile_col"].notna()]
    columns = ("code", "name", "lat", "lon", "tile_col", "tile_row")
    return pd.DataFrame({new: mine[old].to_numpy() for new, old in zip(AREA, columns, strict=True)})


def placed(areas: pd.Series[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The kecamatan of each site's area, as code and as name.

    A kelurahan lies in its kecamatan; codes and names both do, with or without the word for a district. What the table
    does not know keeps its own words; a null is "".
    """
    codes, words = pd.factorize(areas)
    found = np.array([*map(_place, words), ("", "")], dtype=object).reshape(-1, 2)
    return found[codes, 0], found[codes, 1]


def _place(words: str) -> tuple[str, str]:
    return _places().get(_bare(words), (words, words))


@cache
def _places() -> dict[str, tuple[str, str]]:
    """By code and by name, the kecamatan that a kecamatan or kelurahan is or lies in."""
    areas = reference.areas()
    names = dict(zip(areas["code"], areas["name"], strict=True))
    found: dict[str, tuple[str, str]] = {}
    for code, name, level, parent in zip(*(areas[c] for c in ("code", "name", "level", "parent")), strict=True):
        mine = str(code) if level == "kecamatan" else str(parent)
        if mine in names:
            found[str(code)] = found[_bare(str(name))] = (mine, str(names[mine]))
    # A kelurahan may bear the name of another kecamatan: then the kecamatan is meant.
    for code, name in zip(_districts()["area"], _districts()["area_name"], strict=True):
        found[_bare(str(name))] = (str(code), str(name))
    return found


def _bare(name: str) -> str:
    return re.sub(r"^(kecamatan|kec\.?|kelurahan|kel\.?)\s+", "", name.strip().casefold())
