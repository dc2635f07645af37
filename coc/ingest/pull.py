"""One pull of one connector, from its window to the log of the run.

Ordered batches commit as they come, so that a run that fails at page 7 keeps pages 1-6; others are held until the run
is known whole, then go in together, units first. A failure of any kind leaves the last good data as it is.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from coc.clock import Clock, system_now
from coc.domain.datasets import MOVING, SAMPLES, Dataset
from coc.ingest import derivation
from coc.ingest.context import Surroundings
from coc.ingest.drift import Watch
from coc.ingest.load import Loaded, load
from coc.ingest.reconcile import MassDeletionError, reconcile
from coc.ingest.report import PullReport
from coc.ingest.retry import retry_arrived, retry_by_context
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Good, LostLeaseError, Position, Run, Store, plans
from coc.store.feeds import read_positions
from coc.store.trouble import Cause, cause_of, trouble_passed_over
from data_connectors.base import Batch, Connector, FetchError, Window

log = logging.getLogger(__name__)
Progress = Callable[[int], object]
_ORDER = (Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS)  # what others refer to comes first


def pull_connector(
    store: Store,
    name: str,
    block: ConnectorBlock,
    connector: Connector,
    settings: Settings,
    clock: Clock,
    *,
    full: bool = False,
    since: datetime | None = None,
    dry_run: bool = False,
    allow_deletions: bool = False,
    on_progress: Progress | None = None,
) -> PullReport:
    """Pull now; what it did. Never raises for a source's failure: the report and the run log say it in words.

    `since` replaces every dataset's own position; one that leaves a gap behind it moves no position, so that the next
    pull reads the gap. `full` reads all and judges deletions. With `dry_run` nothing is
    stored, not even the run. `on_progress` gets the rows read so far.
    """

    def pull() -> PullReport:
        run = _Pull(store, name, block, connector, settings, clock, dry_run=dry_run, allow_deletions=allow_deletions)
        return run.go(run.window(full=full, since=since), on_progress or (lambda _rows: None))

    return _unless_in_trouble(store, name, connector, clock, pull)


def pull_window(
    store: Store,
    name: str,
    block: ConnectorBlock,
    connector: Connector,
    settings: Settings,
    clock: Clock,
    window: Window,
) -> PullReport:
    """Pull one given window: a piece of a samples source's history. Its own log entry says nothing of freshness."""

    def pull() -> PullReport:
        return _Pull(store, name, block, connector, settings, clock, history=True).go(window, lambda _rows: None)

    return _unless_in_trouble(store, name, connector, clock, pull)


def _unless_in_trouble(
    store: Store, name: str, connector: Connector, clock: Clock, pull: Callable[[], PullReport]
) -> PullReport:
    """The pull's report; where the store cannot even be asked where to begin, one that says why."""
    started, business = system_now(), clock.now()
    try:
        return pull()
    except Exception as error:
        cause = cause_of(error)
        if cause is None:
            raise
        report = PullReport(name, sorted(filled_by_connector(connector)), started, error_code=cause)
        store.keep_run(Run(name, started, business, 0.0, error_code=cause, error_detail=""))
        return report


def log_failure(store: Store, name: str, started: datetime, clock: Clock, seconds: float, code: str) -> PullReport:
    """Note a run that ended without its own word, such as one that hung; its report."""
    report = PullReport(name, [], started, seconds, error_code=code, detail=f"{seconds:.0f} s")
    run = Run(name, started, clock.now(), seconds, error_code=code, error_detail=report.detail)
    store.save_run(run, None, [], {})
    return report


class _Pull:
    def __init__(
        self,
        store: Store,
        name: str,
        block: ConnectorBlock,
        connector: Connector,
        settings: Settings,
        clock: Clock,
        *,
        dry_run: bool = False,
        allow_deletions: bool = False,
        history: bool = False,
    ) -> None:
        self.store, self.name, self.block, self.connector = store, name, block, connector
        self.clock, self.dry_run, self.allow_deletions, self.history = clock, dry_run, allow_deletions, history
        self.around = Surroundings(store, settings, block, clock)
        self.positions = store.positions(name)
        self.datasets = filled_by_connector(connector)
        self.report = PullReport(name, sorted(self.datasets), system_now())
        self.business = clock.now()
        self.watches: dict[Dataset, Watch] = {}
        self.unordered: list[Batch] = []
        self.lists: list[Batch] = []
        self.source_now: datetime | None = None
        self.gaps: set[Dataset] = set()  # read from a later time than was known: what lies between is still to come
        self.refused: set[tuple[Dataset, str]] = set()
        self.reasons: dict[tuple[Dataset, str, str], int] = {}
        self.came: dict[Dataset, int] = {}
        self._units_changed = False
        self.standing: dict[str, str | None] = {}

    def window(self, *, full: bool, since: datetime | None) -> Window:
        starts: dict[Dataset, datetime] = {}
        if not full:
            overlap = timedelta(seconds=self.block.overlap_seconds)
            for dataset in self.datasets:
                mark = self.positions.get(dataset, Position()).watermark
                if since is not None:
                    starts[dataset] = since
                    if dataset not in SAMPLES and (mark is None or since > mark):
                        self.gaps.add(dataset)
                elif mark is not None:
                    starts[dataset] = mark - overlap
        known = self.store.known_samples(self.name, self.datasets & set(SAMPLES))
        deadline = time.monotonic() + self.block.deadline_seconds
        return Window(now=self.business, deadline=deadline, since=starts, full=full, known=known)

    def go(self, window: Window, progress: Progress) -> PullReport:
        started = time.monotonic()
        whole = self._attempt(lambda: self._all(window, progress))
        if not whole and self.report.error_code not in ("internal", "schema_drift", *Cause):
            self._attempt(lambda: self._rescue(window))
        self.report.seconds = time.monotonic() - started
        self._note()
        if not self.dry_run:
            self._log(window, whole=whole)
            if self.report.stored >= plans.MANY:
                with trouble_passed_over():
                    plans.renew(self.store)
        return self.report

    def _attempt(self, action: Callable[[], None]) -> bool:
        """Whether it went well; if not, the first failure stands in the report."""
        try:
            action()
        except FetchError as error:
            self._failed(error.code, error.detail)
            self.report.retry_after = error.retry_after
        except LostLeaseError:
            raise  # whoever leads now pulls anew; nothing of this run is told
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one connector's defect must not stop the others
            cause = cause_of(error)
            if cause is not None:
                self._failed(cause, "")  # the store's health has logged it, once for all sources
                return False
            # Neither the message nor the values: an error from a driver or from pandas may quote a row.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("pull of %s: %s\n%s", self.name, type(error).__name__, where)  # noqa: TRY400
            self._failed("internal", type(error).__name__)
        else:
            return True
        return False

    def _all(self, window: Window, progress: Progress) -> None:
        self._read(window, progress)
        self._finish(window)

    def _read(self, window: Window, progress: Progress) -> None:
        for batch in self.connector.pull(window):
            self.report.notes += [n for n in batch.notes if n not in self.report.notes]
            if batch.source_now is not None:
                self.source_now = max(filter(None, (self.source_now, batch.source_now)))
            if batch.ids is not None:
                self.lists.append(batch)
                continue
            self.report.rows_in += len(batch.frame) + len(batch.problems)
            progress(self.report.rows_in)
            for ready in self._watch(batch.dataset).ready(batch):
                if ready.ordered:
                    self._store([ready])
                else:
                    self.unordered.append(ready)

    def _watch(self, dataset: Dataset) -> Watch:
        if dataset not in self.watches:
            position = self.positions.setdefault(dataset, Position())
            self.watches[dataset] = Watch(dataset, position, strict=self.around.strict)
        return self.watches[dataset]

    def _finish(self, window: Window) -> None:
        """The run is whole: judge what waited, store it, then what is gone."""
        drifted = self._drifted(window)
        if drifted:
            raise FetchError("schema_drift", ", ".join(drifted))
        waited = [b for w in self.watches.values() for b in w.release()]
        self._store_ordered([b for b in waited if b.ordered])
        rest = self.unordered + [b for b in waited if not b.ordered]
        self._store([b for b in rest if b.dataset is Dataset.UNITS])
        self._store(sorted((b for b in rest if b.dataset is not Dataset.UNITS), key=_rank))
        self._reconcile()
        self._reached_back(window)
        if self._units_changed:
            settings, realm = self.around.settings, self.block.realm
            retry_by_context(self.store, settings, self.clock, set(settings.of_realm(realm)))
        elif not self.dry_run:
            retry_arrived(self.store, self.around.settings, self.clock, self.name)

    def _reached_back(self, window: Window) -> None:
        """A pull without a beginning has read a samples source's whole history, unless it said that it could not."""
        sampled = {d for d in self.datasets & set(SAMPLES) if d not in window.since}
        if sampled and not self.dry_run and not any(code == "backfill_incomplete" for code, _ in self.report.notes):
            oldest = window.now - timedelta(days=self.block.backfill_days)
            self.store.save_backfilled(self.name, sampled, oldest)

    def _drifted(self, window: Window) -> list[str]:
        with self.store.read() as connection:
            return [
                f"{dataset.value}.{field}"
                for dataset, watch in self.watches.items()
                for field in watch.drifted(connection, self.name, full=window.full)
            ]

    def _rescue(self, window: Window) -> None:
        """After a failure: ordered pages that only waited for a field to show up are good, unless they are drift."""
        if window.full or self._drifted(window):
            return
        self._store_ordered([b for w in self.watches.values() for b in w.release() if b.ordered])

    def _store_ordered(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._store([batch])

    def _store(self, batches: list[Batch]) -> None:
        """One transaction: all of these batches, or none."""
        batches = [b for b in batches if len(b.frame) or b.problems]
        if not batches:
            return
        with self.store.commit(self.name, dry_run=self.dry_run) as tx:
            held = read_positions(tx.connection, self.name)  # another process may have gone on
            positions = {b.dataset: held.get(b.dataset, Position()) for b in batches}
            loaded = [
                load(
                    tx, self.around, self.name, b, positions[b.dataset], self.watches[b.dataset].kept(b),
                    moves=b.dataset not in self.gaps,
                )
                for b in batches
            ]  # fmt: skip
        self.positions.update(positions)
        for batch, done in zip(batches, loaded, strict=True):
            self._count(batch.dataset, done)
        if any(d.codes and (d.stored or self.dry_run) for d in loaded):
            self._units_came([c for d in loaded for c in d.codes])

    def _count(self, dataset: Dataset, done: Loaded) -> None:
        self.report.stored += done.stored
        self.report.unchanged += done.unchanged
        self.refused |= {(dataset, source_id) for source_id in done.refused}
        self.report.quarantined = len(self.refused)
        self.came[dataset] = self.came.get(dataset, 0) + done.rows_in
        for (reason, field), n in done.reasons.items():
            self.reasons[dataset, reason, field] = self.reasons.get((dataset, reason, field), 0) + n

    def _units_came(self, codes: list[str]) -> None:
        if self.dry_run:
            self.around.also_known(codes)
            return
        before = self.around.digest
        self.around.renew()
        if self.around.digest != before:
            derivation.rederive(self.store, self.around.calendars, self.around.settings.limits)
        self._units_changed = True

    def _reconcile(self) -> None:
        withheld = []
        for batch in self.lists:
            try:
                with self.store.commit(self.name, dry_run=self.dry_run) as tx:
                    self.report.deleted += reconcile(
                        tx,
                        self.around,
                        self.name,
                        batch.dataset,
                        batch.ids or set(),
                        batch.source_now,
                        batch.retention_days,
                        # A probe's own config is its list: whoever took a service out of it meant to.
                        allow_deletions=self.allow_deletions or self.block.type in ("http_probe", "probe"),
                    )
            except MassDeletionError as error:
                withheld.append(error.detail)
        if self.lists:
            self.standing["mass_deletion"] = ", ".join(withheld) or None
        if withheld:
            self._failed("mass_deletion", ", ".join(withheld))

    def _failed(self, code: str, detail: str) -> None:
        if self.report.error_code is None:
            self.report.error_code, self.report.detail = code, detail

    def _note(self) -> None:
        """What an operator should hear of although the rest flowed: a required field gone, a value nobody knows."""
        for (dataset, reason, field), n in sorted(self.reasons.items()):
            if reason == "missing_required" and n >= max(2, self.came[dataset]):
                self.report.notes.append(("schema_drift", f"{dataset}.{field}"))
            elif reason == "unknown_value":
                self.report.notes.append(("unknown_value", f"{dataset}.{field}: {n}"))

    def _log(self, window: Window, *, whole: bool) -> None:
        if self.history and whole:
            return  # a piece of history says nothing of how the source is now
        report = self.report
        run = Run(
            source=self.name,
            started=report.started,
            started_business=self.business,
            seconds=report.seconds,
            whole=window.full,
            rows_in=report.rows_in,
            stored=report.stored,
            unchanged=report.unchanged,
            quarantined=report.quarantined,
            error_code=report.error_code,
            error_detail=report.detail,
        )
        # Withheld deletions are an alert, not a failure: the rows themselves are as fresh as they can be.
        good = Good(system_now(), self.clock.now(), self._as_of()) if whole else None
        try:
            self.store.save_run(run, good, report.notes, self.standing)
        except Exception as error:
            cause = cause_of(error)
            if cause is None:
                raise
            self._failed(cause, "")
            self.store.keep_run(replace(run, error_code=report.error_code, error_detail=report.detail))

    def _as_of(self) -> datetime | None:
        """Of samples the newest measurement; of rows the source's own now, which it may claim only up to ours."""
        sampled = [p.newest for d, p in self.positions.items() if d in SAMPLES and p.newest]
        now = self.clock.now()
        if self.datasets & set(SAMPLES):
            return min(max(sampled), now) if sampled else None
        return min(self.source_now or self.business, now)


def filled_by_connector(connector: Connector) -> set[Dataset]:
    """The datasets it fills as configured; some kinds can fill more than they are asked to."""
    provides = getattr(connector, "provides", None)
    found = {Dataset(p.split(".")[0]) for p in provides()} if provides else set()
    return found or set(connector.datasets)


def _rank(batch: Batch) -> int:
    return _ORDER.index(batch.dataset) if batch.dataset in _ORDER else len(_ORDER) + (batch.dataset in MOVING)
