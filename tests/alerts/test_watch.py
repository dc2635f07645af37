"""The whole way in one process: from letters to the boards of alerts by population, and what somebody did there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from coc.access import Lens, Reader
from coc.access.published import shown_of
from coc.alerts.watch import Watch
from coc.boards import ALL, PUBLIC, Builder
from coc.clock import system_now
from coc.ingest import pull_connector
from coc.settings.models import Settings
from coc.store import Control, Store, open_store
from coc.ui.alert_letters import Letters
from data_connectors.sipadek import Sipadek
from tests.boards.test_builder import NOW, Hand, Rows, tables
from tests.e2e.city import make

BLOCK = Sipadek.Block(type="sipadek", url="http://127.0.0.1:9/coc/v1")
RULES = {
    "waiting": {"kpi": "disposition.backlog", "above": 0, "for": "0 s", "channels": ["piket"]},
    "of_units": {"kpi": "disposition.backlog", "unit": "*", "above": 0, "for": "0 s", "channels": ["piket"]},
    "far": {"kpi": "disposition.backlog", "above": 1_000_000},
}
SETTINGS = Settings.model_validate(
    {"alerts": {"shipped": False, "rules": RULES, "channels": {"piket": {"url": "json://127.0.0.1:9"}}}}
).model_copy(update={"connectors": {"lain": BLOCK}})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('watch')}/coc.db")
    pull_connector(opened, "lain", BLOCK, Rows(tables(make(3, NOW, letters=60))), SETTINGS, Hand(NOW))
    yield opened
    opened.close()


class Room:
    def __init__(self, store: Store, control: Control) -> None:
        self.clock, self.control = Hand(NOW), control
        self.builder = Builder(store, SETTINGS, "live", self.clock)
        made: dict[str, Any] = {"shown": shown_of, "write": Letters(SETTINGS)}
        self.watch = Watch(control, SETTINGS, "live", self.clock, self.builder, **made)
        self.look()

    def look(self) -> None:
        self.builder.refresh()
        self.watch.step()

    def firing(self, population: str = ALL) -> pd.DataFrame:
        assert self.builder.snapshot is not None
        return self.builder.snapshot.boards["alerts", population].frames["firing"]


@pytest.fixture(scope="module")
def room(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    control = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    yield Room(store, control)
    control.close()


def public_backlog(room: Room, unit: str = "") -> float:
    assert room.builder.snapshot is not None
    kpis = room.builder.snapshot.boards["disposition", PUBLIC].kpis
    mine = kpis[(kpis["id"] == "disposition.backlog") & (kpis["unit"] == unit)]
    return float(mine["value"].iloc[0])


def test_what_fires_is_on_the_board_with_the_figure_that_has_no_secret_letter_in_it(room: Room) -> None:
    city = room.firing().query("rule == 'waiting'").iloc[0]
    assert room.builder.snapshot is not None
    whole = room.builder.snapshot.boards["disposition", ALL].kpis
    with_secret = whole[(whole["id"] == "disposition.backlog") & (whole["unit"] == "")]["value"].iloc[0]
    assert city["value"] == public_backlog(room) < with_secret
    assert "far" not in set(room.firing()["rule"])


def test_the_public_sees_none_of_a_unit_and_only_who_tends_the_machine_sees_messages(room: Room) -> None:
    units = set(room.firing().query("rule == 'of_units'")["scope"])
    assert units
    reader = Reader(SETTINGS, "live", lambda: room.builder.snapshot)

    def rules_for(lens: Lens) -> set[str]:
        return set(reader.boards(lens, ["alerts"])["alerts"].frames["firing"]["rule"])

    assert rules_for("public") == {"waiting"}
    for lens in ("room", "head", "leader", "operator", "admin"):
        assert rules_for(lens) == {"waiting", "of_units"}
    assert reader.boards("operator", ["delivery"])["delivery"].frames["messages"].shape[0] > 0
    assert reader.boards("leader", ["delivery"])["delivery"].frames == {}


def test_a_unit_of_a_small_count_fires_nothing_and_what_is_not_published_is_not_told(room: Room) -> None:
    fired = room.firing().query("rule == 'of_units'")
    assert (fired["value"] >= 5).all()
    for message in room.control.outbox("live"):
        scope, value = message.facts["scope"], message.facts["value"]
        assert value is None or scope == "" or value == public_backlog(room, scope)
        assert not {"number", "subject", "sender", "instruction_text"} & set(message.facts)


def test_nothing_moves_while_nothing_happens_and_an_acknowledgement_moves_the_epoch(room: Room) -> None:
    assert room.builder.snapshot is not None
    epoch = room.builder.snapshot.epoch
    room.look()
    room.clock.at += timedelta(seconds=5)
    room.look()
    assert room.builder.snapshot.epoch == epoch
    number = int(room.firing().query("rule == 'waiting'")["id"].iloc[0])
    assert room.control.acknowledge("live", number, "operator", "sari")
    room.look()
    assert room.builder.snapshot.epoch == epoch + 1
    assert room.firing().set_index("id").loc[number, "role"] == "operator"
    assert room.firing(PUBLIC)["role"].isna().all()


def test_a_mute_and_its_end_are_on_the_board(room: Room) -> None:
    mute = room.control.mute("live", "of_units", None, system_now() + timedelta(hours=1), "admin", "budi")
    room.look()
    assert room.firing().query("rule == 'of_units'")["muted_until"].notna().all()
    assert room.firing().query("rule == 'waiting'")["muted_until"].isna().all()
    room.control.unmute("live", mute.id)
    room.look()
    assert room.firing()["muted_until"].isna().all()


def test_a_restart_goes_on_where_it_was(room: Room, store: Store) -> None:
    before = room.firing()[["id", "rule", "scope", "since"]]
    queued = len(room.control.outbox("live"))
    again = Room(store, room.control)
    assert again.firing()[["id", "rule", "scope", "since"]].equals(before)
    assert len(room.control.outbox("live")) == queued
