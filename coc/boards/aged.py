"""The last good boards while the store is in trouble: every figure stays, but no feed stays fresher than it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from coc.boards import codec
from coc.boards.board import Board
from coc.boards.builder import Snapshot
from coc.boards.city import ALL, POPULATIONS
from coc.boards.feeds_board import frame_of, without_ages
from coc.clock import Clock
from coc.domain import reference
from coc.domain.worktime import build_calendars
from coc.ingest.feeds import feeds_of
from coc.settings.models import Realm, Settings
from coc.store import FeedRecord


def aged(snapshot: Snapshot, records: Iterable[FeedRecord], settings: Settings, realm: Realm, clock: Clock) -> Snapshot:
    """The snapshot with its feeds as the clock and the remembered runs make them. Touches no database.

    The epoch stays, for nothing was stored; `stamp` says to the screens that there is something to paint.
    """
    held = snapshot.boards.get(("feeds", ALL))
    rows = [] if held is None or "feeds" not in held.frames else held.frames["feeds"].to_dict("records")
    known = {str(row["name"]): _record(row) for row in rows} | {r.source: r for r in records}
    calendars = build_calendars(settings.calendar, settings.city.time_zone, reference.units())
    next_runs = {str(r["name"]): r["next_run"].to_pydatetime() for r in rows if not pd.isna(r["next_run"])}
    waiting = {str(row["name"]): [tuple(refused) for refused in row["quarantine_reasons"]] for row in rows}
    places = {str(row["name"]): [tuple(place) for place in row.get("quarantine_places") or ()] for row in rows}
    feeds = feeds_of(known, waiting, settings, realm, clock, calendars, next_runs, led=False, places=places)
    frame = frame_of(feeds)
    boards = dict(snapshot.boards)
    for population in POPULATIONS:
        board = boards.get(("feeds", population))
        if board is not None:
            boards["feeds", population] = _with(board, frame)
    raw = codec.dump_frames(without_ages({"feeds": frame}))
    return replace(snapshot, boards=boards, stamp=hashlib.blake2b(raw, digest_size=6).hexdigest())


def _with(board: Board, frame: pd.DataFrame) -> Board:
    return replace(board, frames={**board.frames, "feeds": frame})


def _record(row: dict[Any, Any]) -> FeedRecord:
    """What a board tells of a feed whose record was not read since the start."""
    failures = 2 if row["state"] == "failing" else 0
    return FeedRecord(
        str(row["name"]), failures=failures, last_good_business=_at(row["last_good"]), as_of=_at(row["as_of"])
    )


def _at(value: Any) -> datetime | None:
    return None if pd.isna(value) else pd.Timestamp(value).to_pydatetime()
