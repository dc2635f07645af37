"""Every connector on its own clock and in its own thread: pulls, nightly reconciles, history, housekeeping.

Schedules are system time, never business time: a frozen or hurried clock must not stop or flood the sources.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

import data_connectors
from coc.clock import Clock, system_now
from coc.domain.datasets import SAMPLES, Dataset
from coc.ingest.derivation import settle
from coc.ingest.history import History, first_since, has_history
from coc.ingest.pull import filled_by_connector, log_failure, pull_connector
from coc.ingest.report import PullReport
from coc.ingest.threads import DaemonThreads
from coc.settings.models import ConnectorBlock, Realm, Settings
from coc.store import LostLeaseError, Store
from coc.store.lease import Check
from coc.store.trouble import Cause, trouble_passed_over
from data_connectors.base import Connector

log = logging.getLogger(__name__)

_JITTER_SHARE: Final = 0.1
_MOST_JITTER: Final = 10.0  # seconds
_UNITS_FIRST: Final = 2.0  # seconds that others wait for a connector that supplies units
_PRUNE: Final = "10 3 * * *"
_HISTORY_RETRY: Final = 60.0  # seconds
_STORE_RETRY: Final = 10.0  # seconds between tries of a store in trouble
_HUNG_AFTER: Final = 10.0  # seconds past the deadline without a sign of life
_WATCH: Final = 1.0  # seconds
_MOST_HUNG: Final = 3  # threads a source may leave behind
# Where sampled things stand: what their maintenance depends on.
_PLACES: Final = (Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.LINKS)


class _Run:
    """One run of a connector in its thread: when it last gave a sign of life, and whether it was given up."""

    def __init__(self, *, pulls: bool) -> None:
        self.pulls = pulls
        self.thread = threading.current_thread()
        self.began = self.heard = time.monotonic()
        self.started = system_now()
        self.given_up = False

    def sign(self, _rows: int = 0) -> None:
        self.heard = time.monotonic()

    def check(self, _connection: object) -> None:
        """A fence: a run that was given up may wake up, but never store anything."""
        if self.given_up:
            raise LostLeaseError("this run was given up")
        self.sign()


@dataclass(slots=True)
class _Source:
    name: str
    block: ConnectorBlock
    connector: Connector
    running: threading.Lock = field(default_factory=threading.Lock)
    run: _Run | None = None
    hung: list[_Run] = field(default_factory=list)
    said: str | None = None  # the failure that was logged


class Scheduler:
    """`on_commit` is called after every run (from its thread): something may have changed. One `start` a scheduler.

    `fence`: what every commit must pass first (`Lease.fence`); None where nobody else could be pulling.
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
        fence: Check | None = None,
    ) -> None:
        self.store, self.settings, self.realm, self.clock = store, settings, realm, clock
        self._fences = () if fence is None else (fence,)
        self._given = connectors
        self._on_commit = on_commit or (lambda: None)
        # A run that outlasts its interval is skipped, by design: the feed turns late, the log need not repeat it.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._placed: dict[Dataset, tuple[int, int]] = {}
        self._stopping = threading.Event()
        self._threads = DaemonThreads()
        self._jobs = BackgroundScheduler(
            executors={"default": self._threads},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
            daemon=True,
        )
        self._sources = {
            name: _Source(name, block, connectors[name] if connectors else _made(name, block))
            for name, block in settings.of_realm(realm).items()
            if block.enabled and not data_connectors.is_pushed(block.type)
        }

    def start(self) -> None:
        """Begin at once: the first run of every connector is now, those that supply units a moment before the rest."""
        now = system_now()
        supplying = [s for s in self._sources.values() if Dataset.UNITS in filled_by_connector(s.connector)]
        for source in self._sources.values():
            wait = 0.0 if not supplying or source in supplying else _UNITS_FIRST
            self._plan(source, now + timedelta(seconds=wait))
        self._jobs.add_job(self._give_up_the_hung, IntervalTrigger(seconds=_WATCH, timezone=UTC), id="watch")
        self._jobs.add_job(self._settle, id="settle", next_run_time=now)
        self._jobs.add_job(self._prune, self._cron(_PRUNE), id="prune")
        self._jobs.start()

    def _plan(self, source: _Source, first: datetime) -> None:
        every = source.block.every_seconds
        trigger = IntervalTrigger(seconds=every, jitter=min(every * _JITTER_SHARE, _MOST_JITTER), timezone=UTC)
        # A run that is given up stays an instance until its thread ends, if ever; it must not block the next.
        most = _MOST_HUNG + 2
        self._jobs.add_job(self._pull, trigger, [source], id=source.name, next_run_time=first, max_instances=most)
        if filled_by_connector(source.connector) - set(SAMPLES):
            cron = self._cron(source.block.reconcile_cron)
            self._jobs.add_job(self._reconcile, cron, [source], id=f"{source.name} reconcile")
        if has_history(source.connector):
            self._jobs.add_job(self._history, args=[source], id=f"{source.name} history", next_run_time=first)

    def _cron(self, text: str) -> CronTrigger:
        return CronTrigger.from_crontab(text, timezone=ZoneInfo(self.settings.city.time_zone))

    def shutdown(self, wait_seconds: float = 2.0) -> None:
        """Stop starting runs and give those that run a moment; what is cut off is rolled back."""
        self._stopping.set()
        if self._jobs.running:
            self._jobs.shutdown(wait=False)
        self._threads.join(wait_seconds)

    def next_run(self, name: str) -> datetime | None:
        """When the connector is pulled next, on the realm's clock; None when it is not scheduled."""
        job = self._jobs.get_job(name) if self._jobs.running else None
        if job is None or job.next_run_time is None:
            return None
        at: datetime = self.clock.now() + (job.next_run_time - system_now()) * (self.clock.speed or 1.0)
        return at

    def next_runs(self) -> dict[str, datetime]:
        return {name: at for name in self._sources if (at := self.next_run(name)) is not None}

    def pull_now(self, name: str) -> None:
        """Bring the connector's next run forward to now."""
        self._jobs.modify_job(name, next_run_time=system_now())

    def _pull(self, source: _Source) -> None:
        if source.run is not None and source.run.pulls:
            return  # it outlasts its interval
        source.hung = [run for run in source.hung if run.thread.is_alive()]
        if len(source.hung) >= _MOST_HUNG:
            self._hung(source, source.hung[-1])
            return
        # A piece of history is over in a moment; a reconcile reads everything anyway, so this run is not missed.
        with self._turn(source, wait=source.block.every_seconds, pulls=True) as run:
            if run is not None:
                self._run(source, run, since=self._first_since(source))

    def _first_since(self, source: _Source) -> datetime | None:
        with trouble_passed_over():
            return first_since(self.store, source.name, source.connector, self.clock)
        return None  # the pull itself will find the trouble, and say it

    def _reconcile(self, source: _Source) -> None:
        with self._turn(source, pulls=True) as run:
            if run is not None:
                self._run(source, run, full=True)

    @contextmanager
    def _turn(self, source: _Source, *, wait: float = -1, pulls: bool) -> Iterator[_Run | None]:
        """The source to ourselves, behind the fences; None when it did not become free in `wait` seconds.

        Whoever leads by now pulls anew: a run that may not commit any more ends without a word.
        """
        mine = source.running  # of a source that hung, the next run gets a lock of its own
        if not mine.acquire(timeout=wait):
            yield None
            return
        run = source.run = _Run(pulls=pulls)
        try:
            with self.store.fenced(*self._fences, run.check):
                yield run
        except LostLeaseError:
            log.debug("%s: a run was cut off", source.name)
        finally:
            if source.run is run:
                source.run = None
            mine.release()

    def _run(self, source: _Source, run: _Run, **how: Any) -> None:
        if self._stopping.is_set():
            return
        report = pull_connector(
            self.store,
            source.name,
            source.block,
            source.connector,
            self.settings,
            self.clock,
            on_progress=run.sign,
            **how,
        )
        self._said(source, report)
        self._settle_moved(source, report)
        later = report.retry_after
        if report.error_code in tuple(Cause):  # not the source's fault: as soon as the store is well again
            self._again(source.name, min(source.block.every_seconds, _STORE_RETRY))
        elif later is not None and later > source.block.every_seconds:
            self._again(source.name, later)
        self._on_commit()

    def _settle_moved(self, source: _Source, report: PullReport) -> None:
        """A point that moved to another site may be under other maintenance now."""
        places = filled_by_connector(source.connector) & set(_PLACES)
        if not (places and report.stored and self.settings.network.maintenance) or self._stopping.is_set():
            return
        with trouble_passed_over():
            marks = self.store.marks(_PLACES)
            if marks != self._placed:
                self._placed = marks
                self._jobs.add_job(self._settle, id="settle", next_run_time=system_now(), replace_existing=True)

    def _again(self, job: str, seconds: float) -> None:
        if not self._stopping.is_set():
            self._jobs.modify_job(job, next_run_time=system_now() + timedelta(seconds=seconds))

    def _give_up_the_hung(self) -> None:
        """A run that gives no sign of life long past its deadline is left to itself; the next one starts fresh."""
        for source in self._sources.values():
            run = source.run
            limit = source.block.deadline_seconds + _HUNG_AFTER
            if run is None or time.monotonic() - run.heard <= limit:
                continue
            run.given_up = True
            source.hung.append(run)
            source.run, source.running = None, threading.Lock()
            if self._given is None:
                source.connector = _made(source.name, source.block)
            self._hung(source, run)

    def _hung(self, source: _Source, run: _Run) -> None:
        with self._fenced(), trouble_passed_over():
            report = log_failure(self.store, source.name, run.started, self.clock, time.monotonic() - run.began, "hung")
            self._said(source, report)
            self._on_commit()

    @contextmanager
    def _fenced(self) -> Iterator[None]:
        try:
            with self.store.fenced(*self._fences):
                yield
        except LostLeaseError:
            log.debug("another process leads")

    def _said(self, source: _Source, report: PullReport) -> None:
        """Log once when a source breaks and once when it recovers, not once a minute."""
        if report.error_code in tuple(Cause):
            return  # the store's health has said it, once for all sources
        if report.error_code == source.said:
            return
        if report.error:
            log.warning("%s: %s", source.name, report.error)
        else:
            log.info("%s: recovered", source.name)
        source.said = report.error_code

    def _history(self, source: _Source) -> None:
        """Piece by piece, pausing as long as each piece took: the pulls and the screens go first."""
        history = History(self.store, source.name, source.block, source.connector, self.settings, self.clock)
        self._stopping.wait(_UNITS_FIRST)
        while not self._stopping.is_set():
            report: PullReport | None = None
            ready = False
            with self._turn(source, pulls=False), trouble_passed_over():
                # Before the first good pull there is nothing to stand on: the source may be wrong altogether.
                ready = any(p.watermark for p in self.store.positions(source.name).values())
                if ready and history.done:
                    return
                report = history.step() if ready else None
            if report is None or (report.error_code and report.stored + report.unchanged == 0):
                pause = _HISTORY_RETRY if report else 1.0
            else:
                pause = max(report.seconds, 0.2)
                self._on_commit()
            self._stopping.wait(pause)

    def _settle(self) -> None:
        """Bring derived columns to the calendars and limits of today's config."""
        settled = False
        with self._fenced(), trouble_passed_over():
            if settle(self.store, self.settings, self.realm):
                self._on_commit()
            settled = True
        if not settled and not self._stopping.is_set():
            again = system_now() + timedelta(seconds=_STORE_RETRY)
            self._jobs.add_job(self._settle, id="settle", next_run_time=again, replace_existing=True)

    def _prune(self) -> None:
        with self._fenced(), trouble_passed_over():
            self.store.prune(self.settings.retention, self.clock.now())


def _made(name: str, block: ConnectorBlock) -> Connector:
    made: Connector = data_connectors.registry()[block.type](name, block)
    return made
