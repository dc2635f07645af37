"""A process that has imported everything and gives birth to pullers that it kills: `python -m tests.attack.zygote`.

A line of JSON in: {url, feed, now, full, allow, seconds}; a line out: {killed, seconds}. A puller does what `coc pull`
does: one connector, then the boards. It is killed with SIGKILL after `seconds`, wherever it is (null: never).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd
import requests

from coc.boards import Builder
from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import pull_connector, settle
from coc.settings.models import Settings
from coc.store import open_store
from data_connectors.base import Batch, Reachability, Window
from data_connectors.prometheus import Prometheus
from data_connectors.sipadek import Sipadek
from tests.e2e.sources import TOKEN

NAME, POINTS = "src", "points"
_PIECE = 40  # samples a commit


class Points:
    """All samples the source has, in the order of their making: late ones last."""

    kind: ClassVar[str] = "prometheus"
    datasets: ClassVar[set[Dataset]] = {Dataset.AP_SAMPLES}

    def __init__(self, url: str) -> None:
        self.url = url

    def check(self) -> Reachability:
        return Reachability(ok=True, said="here")

    def pull(self, window: Window) -> Iterator[Batch]:
        rows = requests.get(self.url, timeout=10).json()["items"]
        for first in range(0, len(rows), _PIECE):
            frame = pd.DataFrame(rows[first : first + _PIECE], dtype="object")
            yield Batch(Dataset.AP_SAMPLES, frame, ordered=True, source_now=window.now)


def settings_of(feed: str) -> Settings:
    block = Sipadek.Block(type="sipadek", url=f"{feed}/coc/v1", auth={"bearer": TOKEN})
    return Settings(
        connectors={NAME: block, POINTS: Prometheus.Block(type="prometheus", url=feed, queries={"up": "up"})}
    )


def pull(order: dict[str, Any]) -> None:
    settings, clock = settings_of(order["feed"]), FrozenClock(datetime.fromisoformat(order["now"]))
    store = open_store(order["url"])
    block = settings.connectors[NAME]
    how = {"full": order["full"], "allow_deletions": order["allow"]}
    mail = pull_connector(store, NAME, block, Sipadek(NAME, block), settings, clock, **how)
    points = Points(f"{order['feed']}/points")
    wifi = pull_connector(store, POINTS, settings.connectors[POINTS], points, settings, clock)
    settle(store, settings, "live")
    Builder(store, settings, "live", clock).refresh()
    store.close()
    if mail.error_code or wifi.error_code:
        sys.stderr.write(f"{mail}\n{wifi}\n")
        os._exit(1)


def _one(order: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            pull(order)
        except BaseException as error:  # noqa: BLE001 - the parent must hear of it, whatever it was
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(2)
        os._exit(0)
    limit = order["seconds"]
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if limit is not None and time.monotonic() - began >= limit:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.001)
    return {"status": os.waitstatus_to_exitcode(ended[1]), "seconds": time.monotonic() - began}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_one(json.loads(line))) + "\n")
        sys.stdout.flush()
