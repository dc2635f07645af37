"""Who leads: one lease a role, with a fencing token that each of the leader's commits checks.

No clock judges a lease. The leader beats (a counter: a small file beside an SQLite database, which a long write
transaction does not block; the lease's own row on PostgreSQL); whoever stands by takes over when the counter has stood
still for `SILENT_SECONDS` of its own monotonic time, or at once when the leader gave the lease back or is known to be
dead. Taking over writes the next token in a write transaction, so it is in line with every commit: a leader that was
paused and wakes up finds another token in its next transaction and stores nothing.

A leader that was stopped inside a transaction blocks every writer. On PostgreSQL its backend is ended, which rolls
back; on SQLite only the end of the process frees its lock, so a *stopped* process on this machine is killed: what it
had not committed is rolled back, as at any kill.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import psutil
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.boards import _put
from coc.store.engine import Database, StoreError
from coc.store.tables import leases

log = logging.getLogger("coc.leader")

PULLS: Final = "pulls"  # who runs the schedule
BOARDS: Final = "boards"  # who turns commits into boards
POLL_SECONDS: Final = 0.5
SILENT_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 1.0  # for the write lock when taking over
_BEAT: Final = struct.Struct("<qq")  # token, counter
_STOPPED: Final = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)

Check = Callable[[Connection], None]


class LostLeaseError(StoreError):
    """Another process leads: what this one was about to commit is not stored."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process: where it runs, and since when (system time, seconds), for its number may be used again."""

    host: str
    pid: int
    born: float

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    def process(self) -> psutil.Process | None:
        """The process, while it lives on this machine."""
        try:
            found = psutil.Process(self.pid) if self.here else None
            alive = found is not None and abs(found.create_time() - self.born) < 1 and found.status() not in _DEAD
        except psutil.Error:
            return None
        return found if alive else None

    def __str__(self) -> str:
        return f"process {self.pid}" if self.here else f"process {self.pid} on {self.host}"


_DEAD: Final = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


@dataclass(frozen=True, slots=True)
class Leader:
    """Who holds a role, as the store tells it. `holder` None: nobody, it was given back. `taken`: system time."""

    role: str
    token: int
    holder: Holder | None
    taken: datetime
    application: str


class Leases(Database):
    """The fence around writes, and who holds which role."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._fences = threading.local()

    @contextmanager
    def fenced(self, *checks: Check) -> Iterator[None]:
        """Every write transaction that this thread begins inside the block first passes these checks."""
        before = getattr(self._fences, "checks", ())
        self._fences.checks = (*before, *checks)
        try:
            yield
        finally:
            self._fences.checks = before

    def _admit(self, connection: Connection) -> None:
        for check in getattr(self._fences, "checks", ()):
            check(connection)

    def leader(self, role: str) -> Leader | None:
        """Who took the role last; None when nobody ever did."""
        with self.read() as connection:
            row = connection.execute(sa.select(leases).where(leases.c.role == role)).first()
        if row is None:
            return None
        held = None if row.holder is None else Holder(**orjson.loads(row.holder))
        return Leader(role, row.token, held, codec.at_micros(row.taken), row.application)


class Lease:
    """One role as one process sees it. `step` every `POLL_SECONDS`, from one thread; `held` from any."""

    def __init__(self, store: Leases, role: str) -> None:
        self.store, self.role = store, role
        self.token: int | None = None
        self.taken = 0  # when the token was taken (system time, microseconds)
        me = psutil.Process()
        self._me = Holder(socket.gethostname(), me.pid, me.create_time())
        self._id = uuid.uuid4().hex[:12]
        self._counter = 0
        self._heard: tuple[int, int] | None = None
        self._heard_at = time.monotonic()
        self._beats = _beat_file(store, role)

    @property
    def held(self) -> bool:
        return self.token is not None

    def fence(self) -> Check:
        """What every commit of this reign must pass: it holds for today's token, not for one taken later."""
        token = self.token

        def check(connection: Connection) -> None:
            if token is None or connection.execute(_token_of(self.role)).scalar() != token:
                raise LostLeaseError(f"another process holds the {self.role} by now")

        return check

    def step(self) -> bool:
        """Beat while it is held, else try to take it; whether it is held now."""
        if self.token is None:
            self._try()
        elif not self._beat():
            self.token, self._heard = None, None
        return self.held

    def release(self) -> None:
        """Give it back, so that another process need not wait for our silence."""
        token, self.token = self.token, None
        if token is None:
            return
        mine = [leases.c.role == self.role, leases.c.token == token]
        with self.store.write(patience=_PATIENCE_SECONDS) as connection:
            connection.execute(sa.update(leases).where(*mine).values(holder=None))

    def alive(self, leader: Leader | None) -> bool:
        """Whether the role is held by a process that was heard of lately, as far as we have been listening."""
        if leader is None or leader.holder is None or (leader.holder.here and leader.holder.process() is None):
            return False
        heard = (leader.token, self._heard_counter(leader))
        if heard != self._heard:
            self._heard, self._heard_at = heard, time.monotonic()
        return time.monotonic() - self._heard_at < SILENT_SECONDS

    def tell(self, message: str, *values: object) -> None:
        """What a person should hear once. Who builds the boards goes with who leads: it need not be told as well."""
        log.log(logging.WARNING if self.role == PULLS else logging.DEBUG, message, *values)

    def _try(self) -> None:
        leader = self.store.leader(self.role)
        if self.alive(leader):
            return
        silent = time.monotonic() - self._heard_at
        try:
            taken = self._take(leader)
        except sa.exc.OperationalError:
            if leader is None or leader.holder is None:
                return  # somebody is writing, and nobody was paused: the next step tries again
            self._unblock(leader)
            return
        if taken and leader is not None and leader.holder is not None:
            self.tell("taking over the %s from %s, %s", self.role, leader.holder, _why(leader.holder, silent))
        elif taken:
            log.debug("leading the %s", self.role)

    def _take(self, leader: Leader | None) -> bool:
        seen = None if leader is None else leader.token
        with self.store.write(patience=_PATIENCE_SECONDS) as connection:
            if connection.execute(_token_of(self.role)).scalar() != seen:
                return False  # another one was faster
            token = (seen or 0) + 1
            row = {
                "role": self.role,
                "token": token,
                "holder": orjson.dumps(asdict(self._me)).decode(),
                "application": self.store.application,
                "taken": codec.micros(system_now()),
                "beat": 0,
            }
            _put(connection, leases, ["role"], row)
        self.taken = int(row["taken"])  # type: ignore[call-overload]
        self.token, self._counter = token, 0
        self._beat()
        return True

    def _beat(self) -> bool:
        assert self.token is not None
        self._counter += 1
        if self._beats is None:
            mine = [leases.c.role == self.role, leases.c.token == self.token]
            with self.store.beating() as connection:
                return connection.execute(sa.update(leases).where(*mine).values(beat=self._counter)).rowcount == 1
        with self.store.read() as connection:
            if connection.execute(_token_of(self.role)).scalar() != self.token:
                return False
        _write_beat(self._beats, self.token, self._counter)
        return True

    def _heard_counter(self, leader: Leader) -> int:
        if self._beats is not None:
            token, counter = _read_beat(self._beats)
            return counter if token == leader.token else 0
        statement = sa.select(leases.c.beat).where(leases.c.role == self.role)
        with self.store.read() as connection:
            return int(connection.execute(statement).scalar() or 0)

    def _unblock(self, leader: Leader) -> None:
        """The leader is silent and holds the write lock: it was stopped inside a transaction."""
        assert leader.holder is not None
        if not self.store.sqlite:
            if self.store.end_writer(leader.application):
                self.tell("the open transaction of %s, which is silent, was ended", leader.holder)
            return
        process = leader.holder.process()
        if process is None or process.pid == os.getpid() or process.status() not in _STOPPED:
            return
        log.warning("%s was stopped while it held the database: it is killed, so that others can write", leader.holder)
        process.send_signal(signal.SIGKILL)


def _why(holder: Holder, silent: float) -> str:
    return "which has ended" if holder.here and holder.process() is None else f"silent for {silent:.1f} s"


def _token_of(role: str) -> sa.Select[Any]:
    return sa.select(leases.c.token).where(leases.c.role == role)


def _beat_file(store: Database, role: str) -> Path | None:
    return Path(f"{store.engine.url.database}-{role}") if store.sqlite else None


def _write_beat(file: Path, token: int, counter: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, _BEAT.pack(token, counter), 0)
    finally:
        os.close(descriptor)


def _read_beat(file: Path) -> tuple[int, int]:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return 0, 0
    return _BEAT.unpack(raw) if len(raw) == _BEAT.size else (0, 0)  # half written: as if not heard


class Candidate:
    """A thread that wants a role: `gained` and `lost` are called from it; `stop` gives the role back."""

    def __init__(
        self, lease: Lease, *, gained: Callable[[], object] = lambda: None, lost: Callable[[], object] = lambda: None
    ) -> None:
        self.lease = lease
        self._gained, self._lost = gained, lost
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lease {lease.role}", daemon=True)
        self._failing = False

    @property
    def held(self) -> bool:
        return self.lease.held

    def start(self) -> None:
        """Try at once, so that what is free is held when this returns; then keep trying."""
        self._step()
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        try:
            self.lease.release()
        except (sa.exc.SQLAlchemyError, StoreError, OSError):
            log.info("%s: the lease could not be given back; others take over by our silence", self.lease.role)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            self._step()

    def _step(self) -> None:
        was = self.lease.held
        try:
            held = self.lease.step()
        except (sa.exc.SQLAlchemyError, StoreError, OSError) as error:
            if not self._failing:  # once; the store's own trouble is told where it is used
                log.warning("%s: the lease cannot be kept: %s", self.lease.role, type(error).__name__)
            self._failing = True
            return
        self._failing = False
        if held and not was:
            self._gained()
        elif was and not held:
            self.lease.tell("another process has taken over the %s; standing by", self.lease.role)
            self._lost()
