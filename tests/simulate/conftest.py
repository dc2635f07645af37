"""One simulated city for the whole suite: planning half a year of letters takes seconds, asking takes none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import requests

from coc.simulate import feed, server
from coc.simulate.server import Handle, Simulation

MORNING = datetime.fromisoformat("2026-11-24T10:00:00+07:00")  # a Tuesday
NIGHT = datetime.fromisoformat("2026-11-24T03:00:00+07:00")


class HandClock:
    """A clock that stands until a test moves it."""

    speed = 0.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


Rows = list[dict[str, Any]]


class Reader:
    """Reads the feed as a reader would, without HTTP in between."""

    def __init__(self, simulation: Simulation, clock: HandClock) -> None:
        self.simulation, self.clock = simulation, clock

    def raw(self, path: str, token: str | None = "simulator", **query: str) -> feed.Answer:
        authorization = None if token is None else f"Bearer {token}"
        return feed.answer(self.simulation.timeline, feed.Telling(self.simulation.now()), path, query, authorization)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.raw(path, **query)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    def pages(
        self, dataset: str, at: datetime, between: Callable[[], None] | None = None, **query: str
    ) -> Iterator[Rows]:
        self.clock.at = at
        cursor = None
        while True:
            page = self.get(dataset, **({"limit": "2000"} | query | ({"cursor": cursor} if cursor else {})))
            yield page["items"]
            cursor = page["next"]
            if not cursor:
                return
            if between:
                between()

    def all(self, dataset: str, at: datetime = MORNING, **query: str) -> Rows:
        return [row for page in self.pages(dataset, at, **query) for row in page]


@pytest.fixture(scope="session")
def clock() -> HandClock:
    return HandClock(MORNING)


@pytest.fixture(scope="session")
def handle(clock: HandClock) -> Iterator[Handle]:
    with server.start(clock=clock) as running:
        yield running


@pytest.fixture
def city(handle: Handle, clock: HandClock) -> Iterator[Reader]:
    clock.at = MORNING
    yield Reader(handle.simulation, clock)
    clock.at = MORNING


@pytest.fixture(scope="session")
def letters(handle: Handle, clock: HandClock) -> Rows:
    return Reader(handle.simulation, clock).all("letters")


@pytest.fixture(scope="session")
def dispositions(handle: Handle, clock: HandClock) -> Rows:
    return Reader(handle.simulation, clock).all("dispositions")


@pytest.fixture(scope="session")
def web(handle: Handle) -> Iterator[Callable[..., requests.Response]]:
    with requests.Session() as session:
        session.trust_env = False

        def ask(path: str, method: str = "GET", **kwargs: Any) -> requests.Response:
            return session.request(method, handle.url + path, timeout=30, **kwargs)

        yield ask


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
