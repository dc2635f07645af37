"""The audit log: what matters is always written, a flood of refusals is not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from coc.access import Audit, Viewer


@dataclass
class Store:
    lines: list[tuple[str, ...]] = field(default_factory=list)
    broken: bool = False
    gate: threading.Event = field(default_factory=threading.Event)

    def audit(self, *line: str) -> None:
        if self.broken:
            raise OSError("disk full")
        self.lines.append(line)


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_refusal_is_written_once_a_minute_with_the_number_passed_over() -> None:
    store, ticks = Store(), Ticks()
    audit = Audit(store, ticks)
    assert [audit.refused("refused", "/x", "10.0.0.1", "403") for _ in range(500)] == [True] + [False] * 499
    ticks.now = 61
    assert audit.refused("refused", "/x", "10.0.0.1", "403")
    audit.close()
    assert [line[-1] for line in store.lines] == ["403", "403; 499 more like it before"]


def test_refusals_from_everywhere_together_are_bounded_too() -> None:
    store, ticks = Store(), Ticks()
    audit = Audit(store, ticks)
    for i in range(20_000):
        ticks.now = i * 0.01  # 200 seconds, another address each time
        audit.refused("refused", "/x", f"10.0.{i // 256}.{i % 256}", "401")
    audit.close()
    assert len(store.lines) <= 80


def test_exports_and_writes_are_always_written() -> None:
    store = Store()
    audit = Audit(store, Ticks())
    for _ in range(100):
        audit.wrote(Viewer("operator", "loopback"), "export", "letters", "127.0.0.1")
    audit.close()
    assert store.lines == [("loopback", "operator", "export", "letters", "127.0.0.1", "ok")] * 100


def test_a_store_that_cannot_be_written_stops_nobody() -> None:
    store = Store(broken=True)
    audit = Audit(store, Ticks())
    audit.wrote(Viewer("admin", "a"), "export", "x")
    store.broken = False
    audit.wrote(Viewer("admin", "a"), "export", "y")
    audit.close()
    assert [line[3] for line in store.lines if line[3] == "y"] == ["y"]
