"""What pages and routes reach: one object per process, through one accessor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import g, has_request_context, request

from coc.access import (
    DEMO_LENS,
    Audit,
    Gatekeeper,
    Items,
    Lens,
    PointReader,
    Reader,
    Rows,
    SeriesReader,
    ServiceReader,
    Sessions,
    Tokens,
    Viewer,
)
from coc.access.address import client_of
from coc.access.audit_log import AuditLog
from coc.boards import Snapshot
from coc.boards.history import History
from coc.clock import Clock
from coc.live import choices
from coc.live.hub import Hub
from coc.live.paging import Page, page_epoch
from coc.settings.models import Realm, Settings
from coc.ui.page import View

if TYPE_CHECKING:
    from coc.live.measures import Measures
    from coc.store import Control, Store
    from coc.store.trouble import Trouble

_EVENT_SECONDS: Final = 0.5  # a thousand heartbeats of one lens share one event for this long


class NoServicesError(RuntimeError):
    """A page was asked for services before the application was built."""


@dataclass(slots=True)
class Services:
    """`snapshot` is replaced whole by the board loop; everything that reads it sees one epoch."""

    settings: Settings
    realm: Realm
    clock: Clock
    store: Store
    control: Control | None
    tokens: Tokens
    sessions: Sessions
    gatekeeper: Gatekeeper
    audit: Audit
    hub: Hub
    build: str
    measures: Measures
    pages: dict[str, Page] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    ready: bool = False
    alerts_moved: Callable[[], None] = lambda: None  # somebody acknowledged or muted
    _reader: Reader | None = None
    _series: SeriesReader | None = None
    _audit_log: AuditLog | None = None
    _items: Items | None = None
    _events: dict[Lens, tuple[float, tuple[Snapshot | None, Trouble | None], bytes]] = field(default_factory=dict)

    @property
    def reader(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self.settings, self.realm, lambda: self.snapshot)
        return self._reader

    @property
    def series(self) -> SeriesReader:
        """Figures of past days."""
        if self._series is None:
            history = History(self.store, self.settings, self.realm, self.clock, lambda: self.snapshot)
            self._series = SeriesReader(self.reader, history)
        return self._series

    @property
    def audit_log(self) -> AuditLog:
        if self._audit_log is None:
            self._audit_log = AuditLog(self.control, self.realm)
        return self._audit_log

    @property
    def rows(self) -> Rows:
        """Letters and dispositions one by one, as a viewer may see them."""
        return Rows(self.store, self.audit, self.settings, self.realm)

    @property
    def items(self) -> Items:
        """What is behind a figure, and the tree of one letter, as a viewer may see them."""
        if self._items is None:
            self._items = Items(self.store, self.audit, self.settings, self.realm)
        return self._items

    @property
    def points(self) -> PointReader:
        """One access point, row by row."""
        return PointReader(self.store)

    @property
    def simulated(self) -> bool:
        return self.realm == "demo"

    def now(self) -> datetime:
        """Business now, in UTC."""
        return self.clock.now().astimezone(UTC)

    @property
    def stamp(self) -> str:
        """Beside the epoch, what a painted page depends on (`Snapshot.stamp`)."""
        return self.snapshot.stamp if self.snapshot else ""

    def is_for(self, page: str, lens: Lens) -> bool:
        """Whether a lens may have a page."""
        return self.pages[page].spec.is_for(lens, self.sessions.switched_on)

    def page_epoch(self, page: str, lens: Lens) -> int:
        return page_epoch(self.pages[page].spec, self.reader.board_epochs(lens))

    def view(
        self,
        page: str,
        lang: str | None = None,
        theme: str | None = None,
        scope: str = "",
        unit: str = "",
        window: str = "",
        ap: str = "",
        service: str = "",
        view: str = "",
        **_query: object,
    ) -> View:
        """The page's boards as who asks may see them; a layout hands its URL's query on.

        What the query does not say comes from the request's cookies, a unit too: `unit=kota` asks for the whole city.
        An unknown language or theme is the default one, an unknown unit the city, an unknown window 30 days, an unknown
        section the page's first. The lens comes from who asks, never from a layout's query.
        """
        chosen = _chosen(self.settings, lang, theme)
        asked = unit or ap or service or scope or self.default_scope(page)
        found = self.view_as(_lens_in_hand(), page, chosen.language, chosen.theme, asked, window, view)
        if has_request_context():
            g.coc_view = found  # what the element around the page is stamped with
        return found

    def default_scope(self, page: str) -> str:
        """What a page whose address names no unit starts with: where one may be chosen, the account's default unit."""
        if "unit" not in self.pages[page].spec.filters or not has_request_context() or _lens_in_hand() == "public":
            return ""
        return request.cookies.get(choices.UNIT_COOKIE, "")

    def scopes(self, page: str) -> frozenset[str]:
        """What a scope of the page may be."""
        found = {"unit": self.reader.units, "point": self.reader.points, "service": self.reader.services}
        return found[self.pages[page].spec.of]()

    def view_as(
        self, lens: Lens, page: str, language: str, theme: str, scope: str, window: str = "", part: str = ""
    ) -> View:
        """The page's boards in one lens, language and theme; a page without a choice of windows has the default one.

        A page of one access point or service has what only its own page shows as a board beside the others.
        """
        spec = self.pages[page].spec
        known = scope if scope in self.scopes(page) else ""
        boards = self.reader.boards(lens, spec.boards)
        if spec.of == "point" and known:
            boards |= {"point": self.points.board(known, self.now())}
        if spec.of == "service" and known:
            boards |= {"service": ServiceReader(self.store).board(known, boards.get("applications"), self.now())}
        return View(
            page=spec.name,
            boards=boards,
            lens=lens,
            language=language,
            theme=theme,
            scope=known,
            window=choices.window_of(window if "window" in spec.filters else None),
            part=choices.part_of(spec.parts, part),
            of=spec.of,
            epoch=page_epoch(spec, self.reader.board_epochs(lens)),
            now=self.now(),
            realm=self.realm,
            simulated=self.simulated,
            settings=self.settings,
        )

    def news(self, lens: Lens) -> object:
        """What in an event is new to a lens: all but the time and the ages."""
        trouble = self.store.health.trouble
        return self.reader.board_epochs(lens), self.stamp, trouble.cause if trouble else None

    def event(self, lens: Lens) -> bytes:
        """The `version` event for a lens: epochs, the realm's now and speed, the feeds' ages, the store's trouble."""
        at, snapshot, trouble = time.monotonic(), self.snapshot, self.store.health.trouble
        held = self._events.get(lens)
        if held is not None and held[1][0] is snapshot and held[1][1] == trouble and at - held[0] < _EVENT_SECONDS:
            return held[2]
        epochs = self.reader.board_epochs(lens)
        data = {
            "epoch": self.reader.epoch(lens),
            "stamp": snapshot.stamp if snapshot else "",
            "now": self.now().isoformat(),
            "boards": epochs,
            "pages": self._page_epochs(epochs, lens),
            "build": self.build,
            "speed": self.clock.speed,
            "feeds": self.reader.ages(lens),
            "alerts": self.reader.firing(lens),
            "store": None if trouble is None else {"state": trouble.cause, "seconds": round(trouble.age())},
        }
        event = b"event: version\ndata: " + orjson.dumps(data) + b"\n\n"
        self._events[lens] = (at, (snapshot, trouble), event)
        return event

    def _page_epochs(self, epochs: Mapping[str, int], lens: Lens) -> dict[str, int]:
        """Of the pages that the lens may have: the others are not even named."""
        return {n: page_epoch(page.spec, epochs) for n, page in self.pages.items() if self.is_for(n, lens)}


def _chosen(settings: Settings, language: str | None, theme: str | None) -> choices.Choices:
    query = {k: v for k, v in {"lang": language, "theme": theme}.items() if v}
    if not has_request_context():
        return choices.choose(settings, query, {})
    return choices.choose(settings, {**request.args, **query}, request.cookies)


def viewer_in_hand() -> Viewer | None:
    """The viewer of the request that a page is answering; None outside one."""
    if not has_request_context():
        return None
    scope: dict[str, Any] = request.environ.get("asgi.scope") or {}
    found = g.get("coc_viewer") or scope.get("coc.viewer")
    return found if isinstance(found, Viewer) else None


def place_in_hand() -> str:
    """The address of who sent the request that a page is answering, for the audit log; "" outside one."""
    return client_of(request.environ.get("asgi.scope") or {}) if has_request_context() else ""


def _lens_in_hand() -> Lens:
    viewer = viewer_in_hand()
    return viewer.lens if viewer else "public" if has_request_context() else DEMO_LENS


_current: Services | None = None


def install(services: Services) -> None:
    """Make these the process's services."""
    global _current
    _current = services


def current() -> Services:
    """The process's services. Raises NoServicesError before the application was built."""
    if _current is None:
        raise NoServicesError("the application has not been built: coc.live.services.install was not called")
    return _current
