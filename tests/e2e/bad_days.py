"""One source, one store, the boards and `/sumber`: a bad day from the socket to the words on the card."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

import data_connectors
from coc.access.masks import masked_board
from coc.access.reader import hosts_of
from coc.boards import feeds_board
from coc.boards.board import KPI_COLUMNS, Board
from coc.boards.builder import Builder
from coc.boards.city import Context
from coc.clock import FrozenClock
from coc.ingest import PullReport, pull_connector
from coc.settings.models import Settings
from coc.store import Store
from coc.ui.page import View
from tests.connectors import feed as v1
from tests.connectors.hostile import Handler, Request, serving
from tests.ui.tree import attribute, text_of, walk

NOW = datetime.fromisoformat(v1.NOW)
Answer = Callable[[Handler, Request], None]
BASE = "/coc/v1"
QUICK = {"timeout_seconds": 20, "deadline_seconds": 40, "max_mb": 1, "backfill_days": 0.1}


def sipadek(url: str, **given: Any) -> dict[str, Any]:
    return {"type": "sipadek", "url": f"{url}{BASE}", "auth": {"bearer": v1.TOKEN}, **QUICK, **given}


def prometheus(url: str, **given: Any) -> dict[str, Any]:
    queries = {"up": "probe_success{job='ap'}"}
    return {"type": "prometheus", "url": url, "queries": queries, "auth": {"bearer": v1.TOKEN}, **QUICK, **given}


def files(url: str, **given: Any) -> dict[str, Any]:
    return {"type": "files", "url": f"{url}/surat.csv", "datasets": {"letters": {}}, "auth": {"bearer": v1.TOKEN},
            **QUICK, "every_seconds": 60, **given}  # fmt: skip


@dataclass
class Source:
    """One source as config names it, pulled by hand; `name` is on its card."""

    store: Store
    name: str = "sipadek"
    now: datetime = NOW
    settings: Settings = field(default_factory=Settings)
    block: dict[str, Any] = field(default_factory=dict)

    def pull(self, connector: Any = None, **how: Any) -> PullReport:
        kind = data_connectors.registry()[self.block["type"]]
        block = kind.Block.model_validate(self.block)
        self.settings = Settings(connectors={self.name: block})
        connector = connector or kind(self.name, block)
        return pull_connector(self.store, self.name, block, connector, self.settings, FrozenClock(self.now), **how)

    def pull_from(self, answer: Answer, make: Callable[..., dict[str, Any]] = sipadek, **given: Any) -> PullReport:
        """One pull of a real server that gives this answer."""
        tls = bool(given.pop("tls", False))
        full = bool(given.pop("full", False))
        elsewhere = given.pop("elsewhere", None)
        with serving(answer, tls=tls) as server:
            self.block = make(elsewhere or server.url, **given)
            return self.pull(full=full)

    def later(self, minutes: float) -> Source:
        self.now += timedelta(minutes=minutes)
        return self

    def board(self, lens: Any = "admin") -> Any:
        """The feeds board as the lens may see it."""
        clock, context = FrozenClock(self.now), Context.of(self.store, self.settings, "live")
        feeds = feeds_board.build(self.store, self.settings, "live", clock, context.calendars, {})
        board = Board("feeds", "all", 1, "", self.now, None, pd.DataFrame(columns=KPI_COLUMNS), {"feeds": feeds.frame})
        return masked_board(board, lens, hosts_of(self.settings))

    def kpi(self, name: str) -> float:
        builder = Builder(self.store, self.settings, "live", FrozenClock(self.now))
        builder.refresh(force=True)
        assert builder.snapshot is not None
        kpis = builder.snapshot.boards[name.split(".")[0], "all"].kpis
        return float(kpis[(kpis["id"] == name) & (kpis["unit"] == "") & (kpis["window"] == "30d")]["value"].iloc[0])

    def row(self) -> dict[str, Any]:
        (row,) = self.board().frames["feeds"].to_dict("records")
        return {str(k): v for k, v in row.items()}

    def card(self, language: str, lens: Any = "admin") -> Any:
        page = importlib.import_module("pages.sumber")
        view = View(
            page="sumber", boards={"feeds": self.board(lens)}, lens=lens, language=language, theme="dark", scope="",
            epoch=1, now=self.now, realm="live", simulated=False, settings=self.settings,
        )  # fmt: skip
        (card,) = page.render(view)["sumber-cards"]["children"]
        return card

    def said(self, language: str, lens: Any = "admin") -> str:
        """All that the card says below its table of facts and counts."""
        boxes = [c for c in walk(self.card(language, lens)) if attribute(c, "className") == "coc-trouble"]
        return "\n".join(text_of(c) for c in boxes)
