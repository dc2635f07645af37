"""The real application over real HTTP, with made boards in place of a store's."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn

from coc.boards import Snapshot
from coc.boards.board import Board
from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.live.connection import Doorkeeper, Patience
from coc.settings.models import Access, ApiToken, Settings
from coc.store.trouble import Health

app = importlib.import_module("app")
ROOT = Path(__file__).resolve().parents[2]
FAKE_PAGES = Path(__file__).with_name("fake_pages")
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TOKENS = {"operator": "op-secret", "screen": "sc-secret", "leader": "le-secret", "admin": "ad-secret"}


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def settings_with_tokens(**more: Any) -> Settings:
    tokens = {role: ApiToken(sha256=digest(secret), role=role) for role, secret in TOKENS.items()}
    tokens["old"] = ApiToken(sha256=digest("old-secret"), role="operator", expires=date(2020, 1, 1))
    return Settings(access=Access(api_tokens=tokens), **more)


def figures(value: float) -> pd.DataFrame:
    rows = [
        (i, unit, window, value if unit == "" else 3.0, "ok")
        for i in ("correspondence.registered_today", "correspondence.paperless_rate")
        for unit in ("", "DISDIK", "DINKES")
        for window in ("7d", "30d", "90d")
    ]
    rows += [("correspondence.completed_today", "", w, float("nan"), "no_data") for w in ("7d", "30d", "90d")]
    return pd.DataFrame(rows, columns=["id", "unit", "window", "value", "state"])


def feed_rows(as_of: datetime = NOW, state: str = "fresh") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "name": "sipadek",
                "kind": "sipadek",
                "datasets": ["dispositions", "letters"],
                "enabled": True,
                "state": state,
                "as_of": pd.Timestamp(as_of),
                "last_good": pd.Timestamp(as_of),
                "next_run": pd.NaT,
                "started": pd.Timestamp(NOW),
                "seconds": 0.5,
                "rows_in": 10,
                "stored": 8,
                "unchanged": 1,
                "quarantined": 1,
                "error_code": "http_status",
                "error_detail": "503 from https://sipadek.example.go.id/coc/v1 (10.1.2.3)",
                "notes": [],
                "quarantine_open": 4,
            }
        ]
    )


def snapshot(epoch: int, value: float = 12.0, as_of: datetime = NOW, state: str = "fresh") -> Snapshot:
    boards = {}
    empty = figures(0).iloc[0:0]
    for population in ("all", "public"):
        made: dict[str, tuple[pd.DataFrame, dict[str, pd.DataFrame]]] = {
            "correspondence": (figures(value), {}),
            "feeds": (empty, {"feeds": feed_rows(as_of, state)}),
        }
        for name, (kpis, frames) in made.items():
            boards[name, population] = Board(name, population, epoch, str(epoch), NOW, as_of, kpis, frames)
    oldest: dict[Dataset, datetime | None] = {
        Dataset.LETTERS: as_of,
        Dataset.DISPOSITIONS: as_of - timedelta(minutes=1),
    }
    return Snapshot(epoch, boards, {"correspondence": epoch, "feeds": epoch}, epoch, NOW, oldest)


@dataclass
class FakeBuilder:
    """Gives the snapshot that the test put into `next`; fails while `error` is set."""

    next: Snapshot | None = None
    snapshot: Snapshot | None = None
    error: Exception | None = None
    refreshed: int = 0

    def refresh(self, next_runs: Mapping[str, datetime] | None = None) -> Snapshot | None:
        self.refreshed += 1
        if self.error is not None:
            raise self.error
        self.snapshot = self.next
        return self.next


@dataclass
class FakeStore:
    changed: bool = False
    broken: bool = False
    up_to_date: bool = True
    health: Health = field(default_factory=lambda: Health("test"))
    rows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"source_id": []}))
    asked: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def seen_letters(self, sight: Any, wanted: Any, hidden: Any) -> pd.DataFrame:
        """As many rows as there are, whoever asks: it remembers for whom."""
        self.asked.append((sight, wanted, hidden))
        return self.rows.iloc[wanted.offset :].head(len(self.rows) if wanted.limit is None else wanted.limit)

    seen_dispositions = seen_letters

    def feeds_at_hand(self) -> list[Any]:
        return []

    def table(self, _dataset: Any, _sources: Any = None) -> pd.DataFrame:
        return pd.DataFrame({"code": pd.Series([], dtype="str"), "name": pd.Series([], dtype="str")})

    def changed_since(self) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def schema_state(self) -> Any:
        if self.broken:
            raise OSError("gone")
        return self


@dataclass
class FakeControl:
    """Tokens and audit lines in memory."""

    health: Health = field(default_factory=lambda: Health("control"))
    held: list[Any] = field(default_factory=list)
    lines: list[tuple[str, ...]] = field(default_factory=list)

    def tokens(self) -> list[Any]:
        return list(self.held)

    def accounts(self) -> list[Any]:
        return []

    def open_sessions(self) -> list[Any]:
        return []

    def switches(self) -> dict[str, bool]:
        return {}

    spill = None

    def audit_all(self, lines: Any, *, once: bool = False) -> int:
        self.lines += [(a.who, a.lens, a.action, a.what, a.from_where, a.outcome) for a in lines]
        return len(lines)

    audit_in_order = audit_all


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    port: int
    services: Any
    loop: Any
    builder: FakeBuilder
    store: FakeStore
    control: FakeControl
    server: uvicorn.Server

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """A request as raw as it is given: `Host` as in `headers`, else our own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        given = {"Host": f"127.0.0.1:{self.port}"} | (headers or {})
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            if body is not None and "Content-Length" not in given:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            got = connection.getresponse()
            found = {k.lower(): v for k, v in got.getheaders()}
            return Answer(got.status, found, got.read(), got.headers.get_all("set-cookie") or [])
        finally:
            connection.close()

    def token(self, path: str, role: str, **headers: str) -> Answer:
        return self.ask(path, headers={"Authorization": f"Bearer {TOKENS[role]}", **headers})

    def tell(self, new: Snapshot) -> None:
        """The next epoch, as if a pull had committed."""
        self.builder.next = new
        self.loop.commit()
        wait_until(lambda: self.services.snapshot is new)


def wait_until(true: Any, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


@contextlib.contextmanager
def served(
    settings: Settings | None = None,
    realm: str = "live",
    *,
    first: Snapshot | None = None,
    pages: Path = FAKE_PAGES,
    clock: Any = None,
    port: int = 0,
    control: Any = None,
    patience: Patience | None = None,
) -> Iterator[Served]:
    """The application on a port of its own, in a thread, until the block ends. `control`: a real control store.

    `patience`: with connections, where the usual one is too long for a test.
    """
    builder, store, control = FakeBuilder(first or snapshot(1)), FakeStore(), control or FakeControl()
    gate, application = app.build(
        settings or settings_with_tokens(),
        realm,
        clock=clock or FrozenClock(NOW),
        store=store,
        control=control,
        builder=builder,
        pages_folder=pages,
        assets_folder=ROOT / "assets",
    )
    known = settings.server.trusted_proxies if settings else ()
    protocol: Any = Doorkeeper(patience or Patience(), known).protocol()
    config = uvicorn.Config(
        gate,
        host="127.0.0.1",
        port=port,
        http=protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started and application.services.ready)
    number = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(number, application.services, application.loop, builder, store, control, server)
    finally:
        application.services.hub.close()
        server.should_exit = True
        thread.join(5)
