"""What `/metrics` tells Prometheus: the machine's work, never a unit's or a screen's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from coc.store.trouble import Cause

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
FEED_STATES: Final = ("disabled", "never", "failing", "frozen", "late", "fresh")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Measures:
    """Its own registry, so that two applications of one process (tests) do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("coc_http_requests", "Answered requests", ["route", "status"], registry=self.registry)
        self.frames = Counter("coc_frames_built", "Page frames rendered and compressed", registry=self.registry)
        self.refreshes = Histogram(
            "coc_boards_refresh_seconds",
            "Time to bring the boards up to date",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.failures = Counter("coc_boards_failures", "Board refreshes that failed", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def watch(
        self,
        gauges: Mapping[str, tuple[str, Callable[[], float]]],
        feeds: Callable[[], Mapping[str, Any]],
        stores: Callable[[], Mapping[str, Cause | None]],
    ) -> None:
        """`gauges`: name -> (help, its value now). `feeds`: name -> {"state", "age"} now. `stores`: what ails each."""
        self.registry.register(_Present(gauges, feeds, stores))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Present:
    """Gauges read when they are asked for."""

    def __init__(
        self,
        gauges: Mapping[str, tuple[str, Callable[[], float]]],
        feeds: Callable[[], Mapping[str, Any]],
        stores: Callable[[], Mapping[str, Cause | None]],
    ) -> None:
        self._gauges, self._feeds, self._stores = gauges, feeds, stores

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for name, (said, value) in self._gauges.items():
            yield GaugeMetricFamily(name, said, value=value())
        state = GaugeMetricFamily("coc_feed_state", "1 for the state a feed is in", labels=["feed", "state"])
        age = GaugeMetricFamily("coc_feed_age_seconds", "Business time since a feed's as_of", labels=["feed"])
        for feed, present in self._feeds().items():
            for each in FEED_STATES:
                state.add_metric([feed, each], float(present["state"] == each))
            if present["age"] is not None:
                age.add_metric([feed], present["age"])
        yield state
        yield age
        trouble = GaugeMetricFamily("coc_store_trouble", "1 for what ails a store now", labels=["store", "cause"])
        for store, present in self._stores().items():
            for cause in Cause:
                trouble.add_metric([store, cause], float(present is cause))
        yield trouble
