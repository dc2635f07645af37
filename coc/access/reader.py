"""The only way pages and API read boards: the lens decides the population and what is masked."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import pandas as pd

from coc.access.masks import masked_board
from coc.access.table import BOARDS
from coc.access.viewer import MACHINE_LENSES, Lens
from coc.alerts.board import firing_count
from coc.boards import Snapshot
from coc.boards.board import CITY, KPI_COLUMNS, Board
from coc.boards.city import ALL, PUBLIC
from coc.domain import reference
from coc.ingest import sentence
from coc.metrics import KpiSpec, registered
from coc.settings.models import Realm, Settings

SHOWN_STATES: Final = ("ok", "unstable")
_WHOLE: Final = ("count", "sheets")


@dataclass(frozen=True, slots=True)
class Figure:
    """One KPI as the API gives it. `value` is null unless `state` is ok or unstable."""

    id: str
    value: float | int | None
    measure: str
    unit: str | None
    window: str
    as_of: datetime | None
    computed_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class _Held:
    """What was made of one board for one lens; good while `source` is the board."""

    source: Board
    shown: Board
    index: dict[tuple[str, str, str], tuple[float, str]]


class Reader:
    """Reads the snapshot that `snapshot()` gives; keeps what it made of a board until the board changes."""

    def __init__(self, settings: Settings, realm: Realm, snapshot: Callable[[], Snapshot | None]) -> None:
        self.settings, self.realm, self._snapshot = settings, realm, snapshot
        self._hosts = hosts_of(settings)
        self._made: dict[tuple[str, Lens], _Held] = {}
        self._units: tuple[Board | None, frozenset[str]] = (None, frozenset())
        self._listed: dict[str, tuple[Board, frozenset[str]]] = {}

    def epoch(self, lens: Lens) -> int:
        """The newest epoch that changed something the lens may see."""
        snapshot = self._snapshot()
        if lens == "public":
            return max(self.board_epochs(lens).values(), default=0)
        return snapshot.epoch if snapshot else 0

    def board_epochs(self, lens: Lens) -> dict[str, int]:
        """By board, the epoch of its last change: for the public lens of what the public may see of it.

        Else a screen in the street would tell when a secret letter came.
        """
        snapshot = self._snapshot()
        if snapshot is None or lens != "public":
            return dict(snapshot.epochs) if snapshot else {}
        return {name: b.epoch for (name, population), b in snapshot.boards.items() if population == PUBLIC}

    def boards(self, lens: Lens, names: Iterable[str]) -> dict[str, Board]:
        """Each board as the lens may see it; an empty one where none was built yet."""
        snapshot = self._snapshot()
        return {name: self._held(name, lens, snapshot).shown for name in names}

    def units(self) -> frozenset[str]:
        """The codes of the units that have a scope of their own."""
        snapshot = self._snapshot()
        board = snapshot.boards.get(("correspondence", ALL)) if snapshot else None
        held, codes = self._units
        if board is None:
            return frozenset(reference.units()["code"])
        if held is not board:
            codes = frozenset(board.kpis["unit"]) - {CITY}
            self._units = (board, codes)
        return codes

    def points(self) -> frozenset[str]:
        """The access points that have a page of their own."""
        return self._names("network", "points", "ap")

    def services(self) -> frozenset[str]:
        """The applications and links that have a page of their own."""
        return self._names("applications", "listed", "service")

    def _names(self, name: str, frame: str, column: str) -> frozenset[str]:
        """What a board lists, found once a board."""
        snapshot = self._snapshot()
        board = snapshot.boards.get((name, ALL)) if snapshot else None
        if board is None:
            return frozenset()
        held = self._listed.get(name)
        if held is None or held[0] is not board:
            listed = board.frames.get(frame)
            names = frozenset() if listed is None or listed.empty else frozenset(listed[column].tolist())
            held = self._listed[name] = (board, names)
        return held[1]

    def nearest_unit(self, asked: str) -> str | None:
        found = difflib.get_close_matches(asked.upper(), sorted(self.units()), n=1, cutoff=0.3)
        return found[0] if found else None

    def figures(self, lens: Lens, window: str, unit: str | None, ids: Collection[str] | None = None) -> list[Figure]:
        """Every registered KPI (or those of `ids`) in the city's or one unit's scope."""
        snapshot = self._snapshot()
        return [
            self._figure(spec, lens, window, unit, snapshot)
            for spec in registered().values()
            if ids is None or spec.id in ids
        ]

    def feeds(self, lens: Lens) -> list[dict[str, Any]]:
        """`/api/v1/feeds`: the whole for who tends the machine, else names and states (and ages on screens)."""
        rows = _rows(self.boards(lens, ["feeds"])["feeds"].frames.get("feeds"))
        if lens in MACHINE_LENSES:
            return [_whole_feed(row) for row in rows]
        if lens in ("room", "public"):
            return [{"name": r["name"], "state": r["state"], "as_of": _iso(r["as_of"])} for r in rows]
        return [{"name": r["name"], "state": r["state"]} for r in rows]

    def ages(self, lens: Lens) -> dict[str, dict[str, Any]]:
        """What the heartbeat carries of each feed: its state and what moves without an epoch."""
        rows = _rows(self.boards(lens, ["feeds"])["feeds"].frames.get("feeds"))
        names = ("as_of", "last_good", "next_run", "rows_in", "stored", "unchanged", "quarantined")
        return {
            r["name"]: {"state": r["state"], **{n: v for n in names if (v := _plain(r.get(n))) is not None}}
            for r in rows
        }

    def firing(self, lens: Lens) -> int:
        """How many alerts fire that the lens may see and nobody has acknowledged or muted."""
        return firing_count(self.boards(lens, ["alerts"])["alerts"].frames.get("firing"))

    def _figure(self, spec: KpiSpec, lens: Lens, window: str, unit: str | None, snapshot: Snapshot | None) -> Figure:
        held = self._held(_board_name(spec, snapshot), lens, snapshot)
        as_of = _oldest(spec, snapshot, held.shown)
        computed = held.shown.computed_at.astimezone(UTC) if snapshot else None

        def figure(value: float | None, state: str) -> Figure:
            shown = None if value is None or value != value or state not in SHOWN_STATES else shown_number(value, spec)
            return Figure(spec.id, shown, spec.measure, unit, window, as_of, computed, state)

        if unit is not None and spec.scope == "city":
            return figure(None, "not_applicable")
        value, state = held.index.get((spec.id, unit or CITY, window), (None, "no_data"))
        return figure(value, state)

    def _held(self, name: str, lens: Lens, snapshot: Snapshot | None) -> _Held:
        population = PUBLIC if lens == "public" else ALL
        board = snapshot.boards.get((name, population)) if snapshot and lens in BOARDS.get(name, ()) else None
        if board is None:
            board = _empty(name, population)
            return _Held(board, board, {})
        held = self._made.get((name, lens))
        if held is None or held.source is not board:
            shown = masked_board(board, lens, self._hosts)
            # Ages renew a board more often than its figures.
            same = held is not None and held.source.kpis is board.kpis
            held = _Held(board, shown, held.index if same and held else _index(shown.kpis))
            self._made[name, lens] = held
        return held


def hosts_of(settings: Settings) -> frozenset[str]:
    """The hosts of the configured sources and of what they ask: services, devices, the far ends of links."""
    found: list[object] = []
    for block in settings.connectors.values():
        found.append(block.url)
        parts = (getattr(block, name, None) for name in ("services", "links", "devices"))
        for one in (one for part in parts if isinstance(part, dict) for one in part.values()):
            found.append(getattr(one, "url", None))
            found += getattr(one, "to", ())
    urls = (text if "://" in text else f"//{text}" for text in found if isinstance(text, str))
    return frozenset(host for url in urls if (host := urlsplit(url).hostname))


def _board_name(spec: KpiSpec, snapshot: Snapshot | None) -> str:
    """The board that holds the KPI: the one of its prefix, else whichever has it."""
    prefix = spec.id.split(".")[0]
    if snapshot is None or (prefix, ALL) in snapshot.boards:
        return prefix
    for (name, population), board in snapshot.boards.items():
        if population == ALL and (board.kpis["id"] == spec.id).any():
            return name
    return prefix


def _index(kpis: pd.DataFrame) -> dict[tuple[str, str, str], tuple[float, str]]:
    columns = [kpis[c].tolist() for c in KPI_COLUMNS]
    return {(i, u, w): (v, s) for i, u, w, v, s in zip(*columns, strict=True)}


def _empty(name: str, population: str) -> Board:
    kpis = pd.DataFrame({c: pd.Series([], dtype="float64" if c == "value" else "str") for c in KPI_COLUMNS})
    return Board(name, population, 0, "", datetime.fromtimestamp(0, UTC), None, kpis, {})


def _oldest(spec: KpiSpec, snapshot: Snapshot | None, board: Board) -> datetime | None:
    as_of: Mapping[Any, datetime | None] = snapshot.as_of if snapshot else {}
    known = [at for d in spec.datasets if (at := as_of.get(d)) is not None]
    oldest = min(known) if known else board.as_of
    return oldest.astimezone(UTC) if oldest else None


def shown_number(value: float, spec: KpiSpec) -> float | int:
    """As the API has it: whole where the measure is."""
    return int(value) if spec.measure in _WHOLE and float(value).is_integer() else float(value)


def _rows(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    if frame is None or frame.empty:
        return []
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """A cell as JSON holds it: null, an ISO time, an int, or as it is."""
    if value is None or (not isinstance(value, list | tuple | dict) and pd.isna(value)):
        return None
    if isinstance(value, datetime):
        return _iso(value)
    if hasattr(value, "item"):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _iso(at: Any) -> str | None:
    if at is None or pd.isna(at):
        return None
    return pd.Timestamp(at).tz_convert("UTC").isoformat()


def _whole_feed(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = ("rows_in", "stored", "unchanged", "quarantined")
    started = _iso(row["started"])
    run = {
        "started": started,
        "seconds": None if pd.isna(row["seconds"]) else float(row["seconds"]),
        **{c: _plain(row[c]) for c in counts},
        "error": _sentence(row["name"], row["error_code"], row["error_detail"]),
    }
    return {
        "name": row["name"],
        "kind": row["kind"],
        "datasets": list(row["datasets"]),
        "state": row["state"],
        "as_of": _iso(row["as_of"]),
        "last_good": _iso(row["last_good"]),
        "last_run": run if started else None,
        "next_run": _iso(row["next_run"]),
    }


def _sentence(source: Any, code: Any, detail: Any) -> str | None:
    if code is None or pd.isna(code):
        return None
    return sentence(str(code), None if pd.isna(detail) else str(detail), str(source))
