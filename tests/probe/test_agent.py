"""A probe against a real COC: what it is asked to see arrives once, whatever happened on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.probe.agent import Agent
from coc.probe.buffer import Buffer
from coc.probe.clock import ClockOfCoc
from coc.settings.models import Access, ApiToken, Auth, ConnectorBlock, Settings
from coc.store import Store, open_store
from data_connectors.probe import Probe
from tests.connectors import hostile
from tests.connectors.hostile import serving
from tests.live.serving import NOW, Served, digest, served

SECRET = "probe-secret"
PAGE = hostile.status(200, b"<html>Pendaftaran</html>", "text/html")


class Ticks:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with serving(PAGE) as server:
        yield server.url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = open_store(f"sqlite:///{tmp_path}/coc.db")
    yield held
    held.close()


def settings(page: str) -> Settings:
    link = {"to": page, "tries": 2}
    block = Probe.Block(
        type="probe", vantage="SMPN-1", token="smpn-1", services={"ppdb": {"url": page}}, links={"uplink": link}
    )
    tokens = {"smpn-1": ApiToken(sha256=digest(SECRET), role="probe")}
    return Settings(connectors={"smpn1": block}, access=Access(api_tokens=tokens))


@pytest.fixture(scope="module")
def server(page: str) -> Iterator[Served]:
    with served(settings(page)) as found:
        yield found


@pytest.fixture
def coc(server: Served, store: Store) -> Served:
    server.services.store = store
    return server


def agent(port: int, folder: Path, *, keep: int = 1000, own: datetime = NOW, ticks: Ticks | None = None) -> Agent:
    block = ConnectorBlock(
        type="probe", url=f"http://127.0.0.1:{port}", auth=Auth(bearer=SecretStr(SECRET)), deadline_seconds=30
    )
    buffer = Buffer(folder / "probe.db", keep)
    ticks = ticks or Ticks()
    clock = ClockOfCoc(float(buffer.recall("offset") or 0), ticks, lambda: own + timedelta(seconds=ticks.at - 100))
    return Agent(block, SECRET, buffer, clock)


def samples(store: Store, dataset: Dataset = Dataset.SERVICE_SAMPLES) -> Any:
    return store.samples(dataset, NOW - timedelta(days=2)).sort_values("at", ignore_index=True)


def test_a_round_looks_and_reports(coc: Served, store: Store, tmp_path: Path) -> None:
    one = agent(coc.port, tmp_path)
    assert one.round()
    assert len(one.buffer) == 0
    seen = samples(store).iloc[0]
    assert (seen["service"], seen["vantage"], seen["up"], seen["status"]) == ("ppdb", "SMPN-1", True, 200)
    assert abs(seen["at"] - NOW) < timedelta(seconds=1)
    assert samples(store, Dataset.LINK_SAMPLES)["loss"].tolist() == [0]


def test_what_is_seen_while_the_coc_is_away_arrives_later_at_its_own_time(
    page: str, store: Store, tmp_path: Path
) -> None:
    ticks = Ticks()
    with served(settings(page)) as coc:
        coc.services.store = store
        one, port = agent(coc.port, tmp_path, ticks=ticks), coc.port
        assert one.round()
    for _ in range(3):
        ticks.at += 60
        assert not one.round()
    assert len(one.buffer) == 6
    one.buffer.close()
    one = agent(port, tmp_path, ticks=ticks)  # a power cut: what it knew is on its disk
    ticks.at += 60
    with served(settings(page), port=port, clock=FrozenClock(NOW + timedelta(minutes=4))) as coc:
        coc.services.store = store
        assert one.round()
    gaps = samples(store)["at"].diff().dropna().dt.total_seconds()
    assert gaps.tolist() == pytest.approx([60, 60, 60, 60], abs=1)


def test_a_report_whose_answer_is_lost_is_told_again_and_counts_once(
    coc: Served, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = agent(coc.port, tmp_path)
    monkeypatch.setattr(one.buffer, "told", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        one.round()
    monkeypatch.undo()
    assert len(one.buffer) == 2
    one.plan = None  # nothing new is looked at
    monkeypatch.setattr(one, "_look", lambda _plan: None)
    assert one.round()
    assert (len(samples(store)), len(one.buffer)) == (1, 0)


def test_a_wrong_clock_moves_no_sample_and_is_told(coc: Served, store: Store, tmp_path: Path, caplog: Any) -> None:
    one = agent(coc.port, tmp_path, own=NOW + timedelta(hours=7))
    assert one.round()
    assert abs(samples(store)["at"].iloc[0] - NOW) < timedelta(seconds=1)
    assert "7 h ahead of the COC's" in caplog.text


def test_a_full_buffer_drops_its_oldest_and_says_how_many(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "probe.db", keep=3)
    buffer.put(("service", {"n": n}) for n in range(5))
    assert [sample["n"] for _, _, sample in buffer.oldest(10)] == [2, 3, 4]
    assert buffer.dropped == 2
    buffer.put([("link", {"n": 5})])
    buffer.told(buffer.oldest(2)[-1][0], 2)
    assert ([sample["n"] for _, _, sample in buffer.oldest(10)], buffer.dropped) == ([5], 1)


def test_a_report_that_is_never_taken_does_not_stand_in_the_way(coc: Served, store: Store, tmp_path: Path) -> None:
    one = agent(coc.port, tmp_path)
    one.buffer.put([("service", [3])])  # type: ignore[list-item]
    assert one.round()
    assert len(one.buffer) == 0
    assert one.round()
    assert len(samples(store)) == 1


def test_a_token_that_is_no_good_is_said_once(coc: Served, tmp_path: Path, caplog: Any) -> None:
    one = agent(coc.port, tmp_path)
    assert one.round()
    one._token = "revoked"
    one._coc = one._coc.model_copy(update={"auth": Auth(bearer=SecretStr("revoked"))})
    assert [one.round() for _ in range(3)] == [False] * 3
    assert caplog.text.count("credentials refused") == 1
    assert len(one.buffer) == 6
    assert SECRET not in caplog.text


def test_a_clock_that_was_told_the_time_goes_by_ticks() -> None:
    ticks, own = Ticks(), datetime(2020, 1, 1, tzinfo=UTC)
    clock = ClockOfCoc(0, ticks, lambda: own)
    assert (clock.now(), clock.skew) == (own, None)
    asked = ticks()
    ticks.at += 0.4
    clock.told(NOW, asked)
    ticks.at += 10
    assert clock.now() == NOW + timedelta(seconds=10.2)
