"""What a lens hides of a board (DOMAIN, Privacy). Masking is done here, on the server, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from coc.access.published import by_unit, kinds_of, masked_kpis, masks_frame
from coc.access.viewer import Lens
from coc.boards.board import Board

# Not for the public lens: rows of units, but for the published table, and a column that says whose a row is.
_ROWS_OF_UNITS: Final = ("unit", "to_unit")
_OWNERS: Final = ("owner_unit",)
_PUBLISHED_FRAME: Final = ("disposition", "by_unit")
# Columns of the feeds frame that each lens does not see; hosts are an administrator's alone.
_REASONS: Final = ("error_code", "error_detail", "notes", "failing_since")
_COUNTS: Final = ("quarantined", "quarantine_open", "quarantine_reasons", "quarantine_places")
_RUNS: Final = ("next_run", "started", "seconds", "rows_in", "stored", "unchanged")
_HIDDEN: Final[dict[Lens, tuple[str, ...]]] = {
    "admin": (),
    "operator": (),
    "head": (*_REASONS, *_COUNTS),
    "leader": (*_REASONS, *_COUNTS),
    "room": (*_REASONS, *_COUNTS, *_RUNS),
    "public": (*_REASONS, *_COUNTS, *_RUNS),
}
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?")
_HOST_IS_THE_DETAIL: Final = frozenset({"redirected", "unreachable", "certificate"})
WITHHELD: Final = "…"


def masked_board(board: Board, lens: Lens, hosts: Collection[str]) -> Board:
    """The board as the lens may see it. `hosts`: names of the configured sources, which an operator is not shown."""
    if board.name == "feeds":
        return replace(board, frames={n: masked_feeds(f, lens, hosts) for n, f in board.frames.items()})
    if lens != "public":
        return board
    kinds = kinds_of(board.kpis)
    frames = {
        n: by_unit(f, kinds) if (board.name, n) == _PUBLISHED_FRAME else _without_units(f)
        for n, f in board.frames.items()
    }
    return replace(board, kpis=masked_kpis(board.kpis, kinds), frames={**frames, "masks": masks_frame(kinds)})


def _without_units(frame: pd.DataFrame) -> pd.DataFrame:
    if any(c in frame.columns for c in _ROWS_OF_UNITS):
        return frame.iloc[0:0]
    hidden = [c for c in _OWNERS if c in frame.columns]
    return frame.assign(**dict.fromkeys(hidden)) if hidden else frame


def masked_feeds(frame: pd.DataFrame, lens: Lens, hosts: Collection[str]) -> pd.DataFrame:
    hidden = [c for c in _HIDDEN[lens] if c in frame.columns]
    found = frame.assign(**{c: _missing(frame[c]) for c in hidden})
    if lens == "admin":
        return found
    if "error_detail" in found.columns and "error_detail" not in hidden:
        details = [without_hosts(d, c, hosts) for d, c in zip(found["error_detail"], found["error_code"], strict=True)]
        found = found.assign(error_detail=pd.Series(details, index=found.index, dtype="object"))
    if "notes" in found.columns and "notes" not in hidden:
        notes = [[[c, without_hosts(d, c, hosts)] for c, d in pairs or ()] for pairs in found["notes"]]
        found = found.assign(notes=pd.Series(notes, index=found.index, dtype="object"))
    return found


def _missing(column: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.Series(pd.NaT, index=column.index, dtype=column.dtype)
    return pd.Series([None] * len(column), index=column.index, dtype="object")


def without_hosts(detail: Any, code: Any, hosts: Collection[str]) -> str | None:
    """A detail whose addresses are withheld: URLs, numbers of machines, and the configured sources' names."""
    if not isinstance(detail, str) or not detail:
        return None if detail is None or pd.isna(detail) else ""
    if code in _HOST_IS_THE_DETAIL:
        return WITHHELD
    said = _ADDRESS.sub(WITHHELD, _URL.sub(WITHHELD, detail))
    for host in sorted(hosts, key=len, reverse=True):
        said = re.sub(re.escape(host) + r"(?::\d+)?(?:/\S*)?", WITHHELD, said, flags=re.IGNORECASE)
    return said
