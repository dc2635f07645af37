"""`coc pull`: the connectors run now, in the foreground, one after the other; the boards are built before it exits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import (
    FAILED,
    USAGE,
    ConfigOption,
    JsonOption,
    RealmOption,
    Refusal,
    answer,
    config_path,
    console,
    guarded,
    log_to_stderr,
    open_config,
    pick,
    say,
    table,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    from coc.clock import Clock
    from coc.ingest import PullReport
    from coc.settings.models import Realm, Settings

Progress = Callable[[str], Callable[[int], None]]
_OTHERS_BUILD_SECONDS = 30.0  # a `coc serve` beside us builds within a second; longer, and we do


@guarded
def pull(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Connectors; all if none.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="T", help="Rows changed since this ISO time, or date in the city.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", metavar=" ", help="Everything the source has; finds deletions.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", metavar=" ", help="Fetch and validate; store nothing.")] = False,
    allow_deletions: Annotated[
        bool, typer.Option("--allow-deletions", metavar=" ", help="With --full: let a mass deletion through, once.")
    ] = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pull now. Exit 1 when any connector failed."""
    from coc.cli import realm as realms
    from coc.cli import simulated

    log_to_stderr()
    if allow_deletions and not full:
        raise Refusal("--allow-deletions goes with --full: only a full pull finds deletions", USAGE)
    settings = open_config(config_path(context, config), realm).settings
    pick(settings, names or [])
    chosen_realm = realms.decide(settings, realm, names or [])
    chosen = _chosen(settings, chosen_realm, names or [], dry_run)
    start = moment_of(since, settings)
    wanted = any(simulated.is_simulated(settings.connectors[name]) for name in chosen)
    with simulated.at_hand(settings, chosen_realm, wanted) as (addressed, clock):
        reports = _run(addressed, chosen_realm, clock, chosen, full=full, since=start, dry_run=dry_run,
                       allow_deletions=allow_deletions)  # fmt: skip
    if allow_deletions and not dry_run:
        gone = ", ".join(f"{r.name} {r.deleted}" for r in reports)
        leave(settings, "pull.deletions", f"rows marked as deleted: {gone}", realm=chosen_realm)
    if as_json:
        answer([_item(r) for r in reports])
    else:
        _show(reports, chosen_realm, dry_run)
    if any(r.error for r in reports):
        raise typer.Exit(FAILED)


def _chosen(settings: Settings, realm: Realm, names: list[str], dry_run: bool) -> list[str]:
    """The connectors to run, suppliers of units first, so that letters know their units."""
    import data_connectors

    for name in names:
        if not settings.connectors[name].enabled and not dry_run:
            raise Refusal(f"{name} is disabled in config; enable it, or try it with --dry-run", USAGE)
        if data_connectors.is_pushed(settings.connectors[name].type):
            raise Refusal(f"{name} reports by itself, with `coc probe --report`: there is nothing to pull", USAGE)
    of_realm = {n: b for n, b in settings.of_realm(realm).items() if not data_connectors.is_pushed(b.type)}
    chosen = list(dict.fromkeys(names)) or [name for name, block in of_realm.items() if block.enabled]
    if not chosen:
        raise Refusal(f"config names no enabled connector of the {realm} realm", USAGE)
    return sorted(chosen, key=lambda name: not supplies_units(settings, name))


def supplies_units(settings: Settings, name: str) -> bool:
    from coc.domain.datasets import Dataset
    from coc.ingest.feeds import filled_by

    return Dataset.UNITS in filled_by(name, settings.connectors[name])


def moment_of(text: str | None, settings: Settings) -> datetime | None:
    from zoneinfo import ZoneInfo

    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        said = f"--since {text!r} is neither a date nor an ISO time; write 2026-03-02 or 2026-03-02T10:00:00+07:00"
        raise Refusal(said, USAGE) from None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(settings.city.time_zone))


def _run(
    settings: Settings,
    realm: Realm,
    clock: Clock,
    names: list[str],
    *,
    full: bool,
    since: datetime | None,
    dry_run: bool,
    allow_deletions: bool,
) -> list[PullReport]:
    import data_connectors
    from coc.boards import Builder, Keeper, built_elsewhere
    from coc.cli.realm import open_store, untouched_store
    from coc.ingest import pull_connector, settle
    from coc.store import BOARDS, Candidate, Lease

    kinds = data_connectors.registry()
    reports: list[PullReport] = []
    at_hand = untouched_store(settings, realm) if dry_run else closing(open_store(settings, realm))
    with at_hand as store:
        with _progress() as progress:
            for name in names:
                block = settings.connectors[name]
                report = pull_connector(
                    store, name, block, kinds[block.type](name, block), settings, clock,
                    full=full, since=since, dry_run=dry_run, allow_deletions=allow_deletions,
                    on_progress=progress(name),
                )  # fmt: skip
                reports.append(report)
        if not dry_run:
            settle(store, settings, realm)  # rows that came unchanged may be under changed limits or calendars
            # Where another process builds, its boards are followed; what is published is kept before a next pull.
            elsewhere = built_elsewhere(store, _OTHERS_BUILD_SECONDS)
            builder = Builder(store, settings, realm, clock, Candidate(Lease(store, BOARDS)) if elsewhere else None)
            builder.refresh()
            Keeper(builder).keep()
    return reports


@contextmanager
def _progress() -> Iterator[Progress]:
    """Rows read per connector, on stderr, where a person looks."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda _name: lambda _rows: None
        return
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:.0f} rows"))
    with Bars(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:

        def of(name: str) -> Callable[[int], None]:
            for done in bars.task_ids:
                bars.stop_task(done)
            task = bars.add_task(name, total=None)
            return lambda rows: bars.update(task, completed=rows)

        yield of


def _item(report: PullReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "datasets": [str(d) for d in report.datasets],
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "rows_in": report.rows_in,
        "stored": report.stored,
        "unchanged": report.unchanged,
        "quarantined": report.quarantined,
        "error": report.error,
    }


def _show(reports: list[PullReport], realm: Realm, dry_run: bool) -> None:
    from coc.ingest.report import sentence
    from data_connectors.base import FAILURES

    columns = (
        "connector",
        "rows in",
        "would store" if dry_run else "stored",
        "unchanged",
        "quarantined",
        "seconds",
        "",
    )
    rows = [
        (r.name, r.rows_in, r.stored, r.unchanged, r.quarantined, r.seconds, "failed" if r.error else "ok")
        for r in reports
    ]
    table(f"{realm} realm", columns, rows)
    for report in reports:
        if report.error:
            say(f"{report.name}: {report.error}")
        if report.deleted:
            gone = "1 row" if report.deleted == 1 else f"{report.deleted} rows"
            marked = "gone at the source, " + ("to be marked as deleted" if dry_run else "marked as deleted")
            say(f"{report.name}: {gone} {marked}")
        for code, detail in report.notes:
            said = sentence(code, detail, report.name) if code in FAILURES else f"{code.replace('_', ' ')}: {detail}"
            say(f"{report.name}: note: {said}")
    if any(r.quarantined for r in reports) and not dry_run:
        say("`coc quarantine list` shows what was refused and why")
