"""The schedule of whoever leads: any number of processes may want it, one has it, another takes over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from coc.clock import Clock
from coc.ingest.scheduler import Scheduler
from coc.settings.models import Realm, Settings
from coc.store import PULLS, Candidate, Lease, Store
from data_connectors.base import Connector


class LedScheduler:
    """A `Scheduler` while this process holds the lease, none while another does.

    `on_commit` is called after every run. Each reign has a schedule of its own, whose commits are fenced by that
    reign's token: a run that was cut off by a pause can never store anything later.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        realm: Realm,
        clock: Clock,
        *,
        connectors: Mapping[str, Connector] | None = None,
        on_commit: Callable[[], object] | None = None,
    ) -> None:
        self._made_of = (store, settings, realm, clock)
        self._connectors, self._on_commit = connectors, on_commit
        self._lease = Lease(store, PULLS)
        self._candidate = Candidate(self._lease, gained=self._begin, lost=self._end)
        self._schedule: Scheduler | None = None
        self._changing = threading.Lock()
        self._over = False

    @property
    def leads(self) -> bool:
        return self._candidate.held

    def start(self) -> None:
        """Want the lease from now on; where it is free, the first runs begin within a moment."""
        self._candidate.start()

    def shutdown(self, wait_seconds: float = 2.0) -> None:
        """End the runs, then give the lease back."""
        with self._changing:
            self._over = True
            if self._schedule is not None:
                self._schedule.shutdown(wait_seconds)
        self._candidate.stop()

    def next_run(self, name: str) -> datetime | None:
        """When the connector is pulled next, on the realm's clock; None while another process leads."""
        schedule = self._schedule
        return None if schedule is None else schedule.next_run(name)

    def next_runs(self) -> dict[str, datetime]:
        schedule = self._schedule
        return {} if schedule is None else schedule.next_runs()

    def _begin(self) -> None:
        with self._changing:
            if self._over:
                return
            self._schedule = Scheduler(
                *self._made_of, connectors=self._connectors, on_commit=self._on_commit, fence=self._lease.fence()
            )
            self._schedule.start()

    def _end(self) -> None:
        with self._changing:
            schedule, self._schedule = self._schedule, None
        if schedule is not None:
            schedule.shutdown(wait_seconds=0.0)
