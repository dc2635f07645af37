"""From the store's commits to a snapshot of boards: rebuilt whole where their input changed, stamped with one epoch.

An epoch moves only when some board's content does. What time alone changes is computed once a minute. `as_of` and ages
stay outside the hash: a re-pull that brings nothing new moves no epoch, and still every number's age is right.

Of several processes one builds (the holder of the lease `boards`); the others take its boards from the store, so that
one commit is one epoch however many servers there are.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pandas as pd

from coc.boards import codec, feeds_board
from coc.boards.board import KPI_COLUMNS, Board
from coc.boards.city import ALL, POPULATIONS, PUBLIC, Context, cities_of, provided_by
from coc.boards.kept import Charted
from coc.boards.live_frames import LiveFrames
from coc.boards.subject import Subject, compute_awaited, compute_subject
from coc.boards.subjects import SUBJECTS
from coc.clock import Clock
from coc.domain.datasets import Dataset
from coc.ingest.basis import Basis
from coc.metrics.city import City
from coc.settings.models import Realm, Settings
from coc.store import BOARDS, BoardRow, BoardsHead, Candidate, Lease, LostLeaseError, Store

BoardKey = tuple[str, str]  # (name, population)
TICK = timedelta(seconds=60)
_FEEDS = "feeds"  # the board, and its frame
PATIENCE_SECONDS = 5.0  # how long stale boards are left to whoever builds them


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All boards of one epoch. `epochs`: by board name, the epoch of its last change in any population.

    `stamp`: "" but while the store is in trouble; then it differs with what is shown of the feeds (`aged`).
    `awaited`: datasets whose first fill is not done. `cities`: by population what the boards were made of, where this
    process made them: the rows of the last `HELD_DAYS` days and all open items.
    """

    epoch: int
    boards: Mapping[BoardKey, Board]
    epochs: Mapping[str, int]
    commit: int
    computed_at: datetime
    as_of: Mapping[Dataset, datetime | None] = field(default_factory=dict)
    stamp: str = ""
    awaited: frozenset[Dataset] = frozenset()
    cities: Mapping[str, City] = field(default_factory=dict, repr=False, compare=False)


class Builder:
    """Keeps one realm's boards. Not thread-safe: one thread calls `refresh`.

    `role`: the process's claim to build them; None builds always (a store that no other process serves).
    """

    def __init__(
        self, store: Store, settings: Settings, realm: Realm, clock: Clock, role: Candidate | None = None
    ) -> None:
        self.store, self.settings, self.realm, self.clock = store, settings, realm, clock
        self.snapshot: Snapshot | None = None
        self._frames = LiveFrames(store, Basis.of(settings, realm))
        self._provided = provided_by(settings, realm)
        self._awaited: frozenset[Dataset] = frozenset()
        self._cities: Mapping[str, City] = {}
        self._charted = Charted(store)
        self._held: tuple[tuple[int, int], Context] | None = None
        self._role = role
        self._built: int | None = None  # the commit we last built from; None: nothing since we may build
        self._stale_since: float | None = None
        self._all_computed: pd.Timestamp | None = None  # of all boards: any commit renews some, and the head's time

    def refresh(self, next_runs: Mapping[str, datetime] | None = None, *, force: bool = False) -> Snapshot | None:
        """Bring the boards up to date; the new snapshot when the epoch moved, else None (`snapshot` has fresh ages)."""
        before, now, runs = self.snapshot, pd.Timestamp(self.clock.now()), next_runs or {}
        commit, head = self.store.commit_number(), self.store.boards_head()
        if before is None or head.epoch != before.epoch:
            self._adopt(head)
        try:
            with self.fenced():
                self._bring(now, commit, head, runs, force=force)
        except LostLeaseError:
            self._built = None
            self._adopt(self.store.boards_head())
        after = self.snapshot
        return after if after is not None and (before is None or after.epoch != before.epoch) else None

    def _bring(
        self, now: pd.Timestamp, commit: int, head: BoardsHead, runs: Mapping[str, datetime], *, force: bool
    ) -> None:
        if not self._may_build(now, commit, head):
            self._built, self._cities = None, {}
            self._follow(now, head, runs)
            return
        ticked = self._built is None or self._all_computed is None or abs(now - self._all_computed) >= TICK
        if force or ticked or commit != self._built:
            self._rebuild(now, commit, whole=force or ticked, next_runs=runs)
        else:
            self._refresh_feeds(now, runs)

    @property
    def builds(self) -> bool:
        """Whether this process's boards are those of all."""
        return self._role is None or self._role.held

    def _may_build(self, now: pd.Timestamp, commit: int, head: BoardsHead) -> bool:
        """Whether it is ours to build: by role, or because nobody does although the boards are stale."""
        if self.builds:
            return True
        stale = head.commit < commit or head.at is None or abs(now.to_pydatetime() - head.at) >= 2 * TICK
        if not stale:
            self._stale_since = None
            return False
        if self._stale_since is None:
            self._stale_since = time.monotonic()
        return head.epoch == 0 or time.monotonic() - self._stale_since >= PATIENCE_SECONDS

    @property
    def reign(self) -> tuple[int, int] | None:
        """The token that these boards are built under and when it was taken; None while they are another process's."""
        if self._role is None:
            return 0, 0
        token = self._role.lease.token
        return None if token is None else (token, self._role.lease.taken)

    def add(self, made: Mapping[BoardKey, dict[str, pd.DataFrame]]) -> None:
        """Boards without figures that are made elsewhere: they are stored and shown as ours are."""
        if self.snapshot is None or not self.builds:
            return
        now = pd.Timestamp(self.clock.now())
        fresh = {key: _stamped(*key, _NO_KPIS, frames, now) for key, frames in made.items()}
        try:
            with self.fenced():
                self._save(fresh, self.snapshot.commit, now, self.snapshot.as_of, built=False)
        except LostLeaseError:
            self._built = None

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """What is saved by role is saved under its token: who was paused must not put an old picture over a new."""
        if self._role is None or not self._role.held:
            yield
            return
        with self.store.fenced(self._role.lease.fence()):
            yield

    def _adopt(self, head: BoardsHead) -> None:
        """Take the boards that the store holds: another process built them, or this one before a restart."""
        known = self.snapshot
        newer = known is not None and head.epoch > known.epoch
        rows = self.store.load_boards(known.epoch if known is not None and newer else 0)
        if not rows:
            return
        boards = dict(known.boards) if known is not None and newer else {}
        boards |= {(r.name, r.population): _board_of(r) for r in rows}
        computed = head.at or min(r.computed_at for r in rows)
        self.snapshot = Snapshot(head.epoch, boards, _epochs(boards), head.commit, computed)

    def _follow(self, now: pd.Timestamp, head: BoardsHead, next_runs: Mapping[str, datetime]) -> None:
        """Another process builds: its boards, with the ages of this moment."""
        if self.snapshot is None:
            return
        feeds = self._feeds(self._context(), next_runs)
        self._awaited = feeds.awaited
        boards = dict(self.snapshot.boards)
        for population in POPULATIONS:
            held = boards.get((_FEEDS, population))
            if held is not None:
                aged = feeds_board.with_ages(held.frames[_FEEDS], feeds.frame)
                boards[_FEEDS, population] = replace(held, frames={**held.frames, _FEEDS: aged})
        computed = head.at or now.to_pydatetime()
        boards = {key: replace(board, computed_at=computed) for key, board in boards.items()}
        self._show(boards, self.snapshot.epoch, head.commit, computed, feeds.as_of)

    def _rebuild(self, now: pd.Timestamp, commit: int, *, whole: bool, next_runs: Mapping[str, datetime]) -> None:
        context = self._context()
        changed = self._frames.refresh(now, context.calendars)
        feeds = self._feeds(context, next_runs)
        whole = whole or feeds.awaited != self._awaited
        if whole:
            self._all_computed = now
            self._charted.refresh(context.calendars.today(now))
        self._awaited = feeds.awaited
        todo = [s for s in SUBJECTS if whole or s.datasets & changed or not self._has(s)]
        frames, pasts = self._frames.frames, self._frames.pasts
        self._cities = cities = cities_of(
            frames,
            pasts,
            context,
            now,
            self._provided,
            self._charted.frames,
            self._frames.known,
            self._frames.letter_places,
        )
        fresh = self._of_feeds(feeds, now)
        for subject in todo:
            make = compute_awaited if subject.moving & feeds.awaited else compute_subject
            for population in subject.populations if subject.of_letters else (ALL,):
                fresh[subject.name, population] = _stamped(
                    subject.name, population, *make(subject, cities[population]), now
                )
            if subject.public and not subject.of_letters:
                fresh[subject.name, PUBLIC] = fresh[subject.name, ALL].of(PUBLIC)
        self._save(fresh, commit, now, feeds.as_of, built=True)
        self._built = commit

    def _context(self) -> Context:
        """The units and calendars, made anew when a unit changed: reading them costs more than asking whether."""
        mark = self.store.marks((Dataset.UNITS,))[Dataset.UNITS]
        if self._held is None or self._held[0] != mark:
            self._held = mark, Context.of(self.store, self.settings, self.realm)
        return self._held[1]

    def _feeds(self, context: Context, next_runs: Mapping[str, datetime]) -> feeds_board.FeedsNow:
        return feeds_board.build(self.store, self.settings, self.realm, self.clock, context.calendars, next_runs)

    @staticmethod
    def _of_feeds(feeds: feeds_board.FeedsNow, now: pd.Timestamp) -> dict[BoardKey, _Stamped]:
        found = _stamped(_FEEDS, ALL, _NO_KPIS, {_FEEDS: feeds.frame}, now)
        return {(_FEEDS, p): found.of(p) for p in POPULATIONS}

    def _refresh_feeds(self, now: pd.Timestamp, next_runs: Mapping[str, datetime]) -> None:
        feeds = self._feeds(self._context(), next_runs)
        if feeds.awaited != self._awaited:  # a first fill was done without a row
            self._rebuild(now, self.store.commit_number(), whole=True, next_runs=next_runs)
            return
        assert self.snapshot is not None
        self._save(self._of_feeds(feeds, now), self.snapshot.commit, now, feeds.as_of, built=False)

    def _has(self, subject: Subject) -> bool:
        held = self.snapshot.boards if self.snapshot else {}
        return all((subject.name, p) in held for p in subject.populations)

    def _save(
        self,
        fresh: dict[BoardKey, _Stamped],
        commit: int,
        now: pd.Timestamp,
        as_of: Mapping[Dataset, datetime | None],
        *,
        built: bool,
    ) -> None:
        """Store what changed. `built`: these boards are all there is of `commit` at `now`, changed or not."""
        boards = dict(self.snapshot.boards) if self.snapshot else {}
        moved = {k: b for k, b in fresh.items() if k not in boards or boards[k].digest != b.board.digest}
        epoch: int | None = self.snapshot.epoch if self.snapshot else 0
        computed = now.to_pydatetime() if built or self.snapshot is None else self.snapshot.computed_at
        if moved or built:
            rows = [b.row() for b in moved.values()]
            epoch = self.store.save_boards(commit, rows, computed if built else None)
        if epoch is None:
            raise LostLeaseError("another process has built boards of a later commit")
        for key, stamped in fresh.items():
            # An unchanged board keeps its epoch; its frames are renewed for what the hash leaves out (ages).
            boards[key] = replace(stamped.board, epoch=epoch if key in moved else boards[key].epoch)
        self._show(boards, epoch, commit, computed, as_of)

    def _show(
        self,
        boards: dict[BoardKey, Board],
        epoch: int,
        commit: int,
        computed: datetime,
        as_of: Mapping[Dataset, datetime | None],
    ) -> None:
        oldest = {name: _oldest(name, as_of) for name, _ in boards}
        boards = {key: replace(board, as_of=oldest[key[0]]) for key, board in boards.items()}
        self.snapshot = Snapshot(
            epoch, boards, _epochs(boards), commit, computed, as_of, awaited=self._awaited, cities=self._cities
        )


def built_elsewhere(store: Store, seconds: float) -> bool:
    """Wait for the process that builds this store's boards to take in the last commit; False when none does."""
    lease, until = Lease(store, BOARDS), time.monotonic() + seconds
    while time.monotonic() < until and lease.alive(store.leader(BOARDS)):
        if store.boards_head().commit >= store.commit_number():
            return True
        time.sleep(0.1)
    return False


_NO_KPIS = pd.DataFrame({c: pd.Series([], dtype="float64" if c == "value" else "str") for c in KPI_COLUMNS})


def _oldest(name: str, as_of: Mapping[Dataset, datetime | None]) -> datetime | None:
    wanted = {d for s in SUBJECTS if s.name == name for d in s.datasets} or set(as_of)
    known = [at for dataset, at in as_of.items() if dataset in wanted and at is not None]
    return min(known, default=None)


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A board that was just made. `raw`: what its digest is of, which but for ages is what is stored."""

    board: Board
    raw: bytes

    def of(self, population: str) -> _Stamped:
        """The same board of another population, whose rows do not differ."""
        return _Stamped(replace(self.board, population=population), self.raw)

    def row(self) -> BoardRow:
        board = self.board
        aged = board.name == _FEEDS
        raw = codec.dump_frames({"kpis": board.kpis, **board.frames}) if aged else self.raw
        return BoardRow(board.name, board.population, 0, board.digest, board.computed_at, board.as_of, codec.pack(raw))


def _stamped(
    name: str, population: str, kpis: pd.DataFrame, frames: dict[str, pd.DataFrame], now: pd.Timestamp
) -> _Stamped:
    hashed = feeds_board.without_ages(frames) if name == _FEEDS else frames
    raw = codec.dump_frames({"kpis": kpis, **hashed})
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    return _Stamped(Board(name, population, 0, digest, now.to_pydatetime(), None, kpis, frames), raw)


def _board_of(row: BoardRow) -> Board:
    frames = codec.load_frames(row.payload)
    kpis = frames.pop("kpis")
    return Board(row.name, row.population, row.epoch, row.digest, row.computed_at, row.as_of, kpis, frames)


def _epochs(boards: Mapping[BoardKey, Board]) -> dict[str, int]:
    epochs: dict[str, int] = {}
    for (name, _), board in boards.items():
        epochs[name] = max(epochs.get(name, 0), board.epoch)
    return epochs
