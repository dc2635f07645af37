"""A list of dispositions behind a figure, and one letter's tree, as somebody who may see them would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd

from coc.access.items import Behind, LetterTree
from coc.access.questions import Asked
from coc.domain.datasets import COLUMNS, DTYPES, Column, Dataset
from coc.store.tables import DERIVED
from coc.ui import items_page, letter_tree
from coc.ui.context import Context
from coc.ui.items_asked import Address
from tests.ui import factory

HOUR = timedelta(hours=1)
_LONG = "Permohonan data pendukung penyusunan laporan penyelenggaraan pemerintahan daerah tahun anggaran berjalan " * 3
_UNITS = ("DISDIK", "DPUPR", "KEL-08.1003", "DISDUKCAPIL", "RSUD-HAM", "KEC-09")
_OFFICES = ("walikota", "sekda", "asisten_2", "kepala:DISDIK", "kabid:DISDIK:2", "lurah:KEL-08.1003", "pos_baru")


def skeleton(page: str, state: str) -> Callable[[Context], list[Any]] | None:
    """What a page's layout shows in a state; None where its own skeleton will do."""
    if page == "telusur":
        return lambda ctx: items_page.listed(ctx, ADDRESS, behind(state))
    if page == "telusur_surat":
        return lambda ctx: letter_tree.absent(ctx) if state == "empty" else letter_tree.shown(ctx, tree(state))
    return None


ADDRESS = Address(
    Asked("disposition.overdue", unit="DISDIK", chosen={"channel": "voice", "office": "walikota"}),
    2,
    ("“zz” is told.",),
)


def behind(state: str = "normal") -> Behind:
    many = state == "large"
    rows = [] if state == "empty" else [_listed(i, long=many) for i in range(14)]
    frame = _frame(Dataset.DISPOSITIONS, rows).join(
        _frame(Dataset.LETTERS, [_letter(i, long=many) for i in range(len(rows))])
        .add_prefix("letter_")
        .drop(columns=["letter_source"])
    )
    frame.loc[3:3, [c for c in frame if c.startswith("letter_") and c != "letter_id"]] = None
    parts = {f"age:{age}": 12_345 if many else 7 for age in ("0-1", "2-3", "4-5", "gt5")}
    branches = frame[[c for c in frame if not c.startswith("letter_") or c == "letter_id"]]
    return Behind(Dataset.DISPOSITIONS, 123_456 if many else len(rows), None, None, parts, frame, branches, reads=True)


def tree(state: str = "normal") -> LetterTree:
    """Branches five deep, of every state, one without its parent."""
    long = state == "large"
    parents = [None, 0, 1, 2, 3, 1, 0, None, 99]
    rows = [
        _listed(i, long=long) | {"letter_id": "L-0", "parent_id": None if p is None else f"D-{p}"}
        for i, p in enumerate(parents)
    ]
    letters = _frame(Dataset.LETTERS, [_letter(0, long=long)])
    return LetterTree(_aged(letters), _frame(Dataset.DISPOSITIONS, rows), reads=True)


def _letter(i: int, *, long: bool) -> dict[str, Any]:
    return {
        "source_id": f"L-{i}",
        "kind": ("incoming", "memo", "outgoing")[i % 3],
        "type": "telaahan_staf" if i % 2 else "undangan",
        "category": "personnel",
        "urgency": ("amat_segera", "unknown", "biasa")[i % 3],
        "security": "terbatas",
        "number": None
        if i == 1
        else ("045.2/1234567890123456789/SETDA/III/2026" if long else f"045/{i}/SETDA/III/2026"),
        "subject": _LONG if long else "Undangan rapat koordinasi" if i % 2 else None,
        "sender_kind": "citizen",
        "sender": "Kementerian Pendayagunaan Aparatur Negara dan Reformasi Birokrasi" if long else None,
        "unit": "DISDIK",
        "medium": "electronic",
        "registered_at": factory.NOW - 80 * HOUR,
    }


def _listed(i: int, *, long: bool) -> dict[str, Any]:
    """Its state goes with its number."""
    times: dict[str, Any] = [
        {},
        {"read_at": factory.NOW - 50 * HOUR},
        {"read_at": factory.NOW - 50 * HOUR, "started_at": factory.NOW - 49 * HOUR},
        {"completed_at": factory.NOW - 10 * HOUR},
        {"completed_at": factory.NOW - 60 * HOUR},
        {"cancelled_at": factory.NOW - 20 * HOUR},
    ][i % 6]
    return {
        "source_id": f"D-{i}",
        "letter_id": f"L-{i}",
        "from_office": _OFFICES[i % len(_OFFICES)],
        "to_unit": _UNITS[i % len(_UNITS)],
        "to_office": "kabid:DISDIK:2" if i % 2 else None,
        "channel": "voice",
        "instruction": "BICARAKAN_BERSAMA" if i % 2 else "UNTUK_DIKETAHUI" if i % 5 == 4 else "LAKSANAKAN",
        "instruction_text": _LONG if long else None,
        "issued_at": factory.NOW - (60 + i) * HOUR,
        "due": factory.NOW + (-40 + 9 * i) * HOUR,
        "needs_follow_up": i % 5 != 4,
        **times,
    }


def _frame(dataset: Dataset, rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = [*COLUMNS[dataset], *(DERIVED if dataset is Dataset.DISPOSITIONS else ())]
    made = pd.DataFrame({c.name: _series(c, [row.get(c.name) for row in rows]) for c in columns})
    made.insert(0, "source", "sipadek")
    return _aged(made) if dataset is Dataset.DISPOSITIONS else made


def _series(column: Column, values: list[Any]) -> pd.Series[Any]:
    kind = DTYPES[column.kind]
    if kind.startswith("datetime"):
        return pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
    return pd.Series(values, dtype=kind)  # type: ignore[call-overload]


def _aged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(age_hours=[7.5 + 11 * i for i in range(len(frame))], age_days=range(len(frame)))
