"""`coc quarantine`: the rows that failed validation, why, and what to do about them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coc.cli import quarantine_words as words
from coc.cli.frame import (
    FAILED,
    USAGE,
    ConfigOption,
    JsonOption,
    RealmOption,
    Refusal,
    answer,
    config_path,
    group_of,
    guarded,
    log_to_stderr,
    open_config,
    os_user,
    say,
    table,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    from coc.clock import Clock
    from coc.settings.models import Realm, Settings
    from coc.store import Choice, Store
    from coc.store.quarantine import Quarantined

group = group_of("Rows that failed validation: see why, try them again, or put them aside with a note.")

_MOST_SHOWN = 200  # rows a person reads; a machine (--json) gets all

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Ids that `coc quarantine list` shows.")]
Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Of this connector only.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="With this reason only.")]
Data = Annotated[str | None, typer.Option("--dataset", metavar="D", help="Of this dataset only, such as letters.")]
All = Annotated[bool, typer.Option("--all", metavar=" ", help="Every open row.")]


@group.command("list")
@guarded
def listing(
    context: typer.Context,
    source: Source = None,
    reason: Reason = None,
    dataset: Data = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="The newest N.")] = None,
    summary: Annotated[bool, typer.Option("--summary", metavar=" ", help="How many, by reason and connector.")] = False,
    dropped: Annotated[
        bool, typer.Option("--dropped", metavar=" ", help="What was dropped, not what is open.")
    ] = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One line per source row, however often it was tried; newest first."""
    from coc.store import Choice

    choice = Choice(source=source, reason=reason, dataset=_dataset(dataset), dropped=dropped)
    with _opened(context, config, realm) as (settings, store, _):
        if summary:
            words.summarise(store.quarantine_groups(choice), as_json=as_json)
            return
        found = store.quarantined(choice, limit or (None if as_json else _MOST_SHOWN))
        total = sum(g.rows for g in store.quarantine_groups(choice))
    if as_json:
        answer([{**words.item(row), **(words.put_aside(row) if dropped else {})} for row in found])
        return
    last = ("dropped by", "note") if dropped else ("first seen", "tries")
    columns = ("id", "source", "dataset", "row", "column", "reason", "found", "expected", *last)
    rows = []
    for r in found:
        cell = words.told(r, settings)
        where = "\n".join(dict.fromkeys(said for said in (r.source_id, cell["where"]) if said))
        told = (cell["column"], r.reason, cell["found"], cell["expected"])
        rows.append((r.id, r.source, r.dataset, where, *told, *words.last(r, dropped)))
    table("dropped from quarantine" if dropped else "quarantine", columns, rows, empty="no row")
    if total > len(found):
        say(f"{len(found)} of {total} rows; `--summary` counts them, `--limit {total}` shows all")


@group.command()
@guarded
def show(
    context: typer.Context,
    row: Annotated[int, typer.Argument(metavar="ID", help="The id that `coc quarantine list` shows.")],
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One row: what was wrong, how to mend it, its mapped fields (never contents that are not kept), its history."""
    from coc.ingest.kept import readable
    from coc.ingest.reasons import in_words

    with _opened(context, config, realm) as (settings, store, _):
        found = store.quarantined_row(row)
    if found is None:
        raise Refusal(f"no row {row} in quarantine; `coc quarantine list` shows their ids")
    wrong, mend = in_words(found.reason, found.field, found.source)
    origin = found.origin or {}
    cell = words.told(found, settings)
    fields = {name: readable(value) for name, value in found.fields.items()}
    cells = {name: readable(value) for name, value in origin.get("cells", {}).items()}
    item = {
        **words.item(found),
        "last_seen": found.last_seen,
        "where": cell["where"] or None,
        "wrong": wrong,
        "mend": mend,
    }
    item |= {name: cell[name] for name in ("column", "found", "expected")}
    if as_json:
        past = [asdict(event) for event in found.history]
        answer([{**item, **words.put_aside(found), "fields": fields, "as_read": cells, "history": past}])
        return
    table(f"row {row}", ("", ""), [(name, value) for name, value in item.items() if name not in ("wrong", "mend")])
    words.say_out(f"\nwrong: {wrong}\nmend:  {mend}\n")
    if found.dropped_at is not None:
        words.say_out(f"dropped {words.when(found.dropped_at)} by {found.dropped_by}: {found.note}\n")
    table("fields", ("field", "value"), [(n, v) for n, v in fields.items() if v is not None], empty="none were kept")
    if cells:
        table("as the source has it", ("column", "value"), [(n, v) for n, v in cells.items() if v is not None])
    table("history", ("", "", "", ""), [(words.when(e.at), e.what, e.detail, e.who) for e in found.history])


@group.command()
@guarded
def retry(
    context: typer.Context,
    ids: Ids = None,
    source: Source = None,
    reason: Reason = None,
    dataset: Data = None,
    everything: All = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try rows again with today's config and program. Exit 1 while any of them is still refused."""
    from coc.boards.builder import Builder
    from coc.ingest import retry as again
    from coc.ingest import settle
    from coc.store.quarantine import Event

    choice = _choice(ids, source, reason, dataset, everything=everything)
    with _opened(context, config, realm) as (settings, store, clock):
        rows = _wanted(store, choice)
        with words.progress(len(rows)) as progress:
            done = again(store, settings, clock, rows, on_progress=progress)
        store.tell_quarantined([r.id for r in rows], Event(clock.now(), "retried", "still refused", os_user()))
        _leave(settings, realm, "quarantine.retry", rows)
        if rows:
            settle(store, settings, _realm_of(settings, realm))
            Builder(store, settings, _realm_of(settings, realm), clock).refresh()
    if as_json:
        answer([words.outcome(len(rows), done)])
    else:
        words.tell(len(rows), done)
    if done.left:
        raise typer.Exit(FAILED)


@group.command()
@guarded
def drop(
    context: typer.Context,
    ids: Ids = None,
    source: Source = None,
    reason: Reason = None,
    dataset: Data = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="Why. Everyone who lists it reads it.")
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", metavar=" ", help="Take it back, as `coc quarantine restore`.")
    ] = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
) -> None:
    """Put rows aside: known, counted nowhere, and open again only when the row or the reason changes."""
    if undo:
        _restore(context, config, realm, _choice(ids, source, reason, dataset, dropped=True))
        return
    why = (note or "").strip()
    if not why:
        raise Refusal('say why with --note "...": whoever finds the row missing will ask', USAGE)
    choice = _choice(ids, source, reason, dataset)
    with _opened(context, config, realm) as (settings, store, clock):
        rows = _wanted(store, choice)
        n = store.drop_quarantined([r.id for r in rows], why, os_user(), clock.now())
        _leave(settings, realm, "quarantine.drop", rows, why)
    say(f"{words.rows_of(n)} dropped; `coc quarantine list --dropped` shows them, `restore` takes it back")


@group.command()
@guarded
def restore(
    context: typer.Context,
    ids: Ids = None,
    source: Source = None,
    reason: Reason = None,
    dataset: Data = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a drop back: the rows are open again."""
    _restore(context, config, realm, _choice(ids, source, reason, dataset, dropped=True))


def _restore(context: typer.Context, config: Path | None, realm: Realm | None, choice: Choice) -> None:
    with _opened(context, config, realm) as (settings, store, clock):
        rows = _wanted(store, choice)
        n = store.restore_quarantined([r.id for r in rows], os_user(), clock.now())
        _leave(settings, realm, "quarantine.restore", rows)
    say(f"{words.rows_of(n)} open again; `coc quarantine retry` tries them")


@contextlib.contextmanager
def _opened(
    context: typer.Context, config: Path | None, realm: Realm | None
) -> Iterator[tuple[Settings, Store, Clock]]:
    from coc.cli import realm as realms
    from coc.cli import simulated

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    store = realms.open_store(settings, chosen)
    try:
        yield settings, store, simulated.clock_at_hand(settings, chosen)
    finally:
        store.close()


def _realm_of(settings: Settings, realm: Realm | None) -> Realm:
    from coc.cli import realm as realms

    return realms.decide(settings, realm)


def _dataset(name: str | None) -> str | None:
    from coc.domain.datasets import Dataset
    from coc.settings.errors import nearest

    known = [d.value for d in Dataset]
    if name is not None and name not in known:
        raise Refusal(f"there is no dataset `{name}`{nearest(name, known)} (known: {', '.join(known)})", USAGE)
    return name


def _choice(
    ids: list[int] | None,
    source: str | None,
    reason: str | None,
    dataset: str | None,
    *,
    everything: bool = False,
    dropped: bool = False,
) -> Choice:
    from coc.store import Choice

    narrowed = any((source, reason, dataset))
    if not (ids or narrowed or everything):
        raise Refusal("say which rows: their ids, --source, --reason or --dataset", USAGE)
    if ids and (narrowed or everything):
        raise Refusal("name rows by their ids or by --source, --reason, --dataset, not both", USAGE)
    return Choice(tuple(ids) if ids else None, source, reason, _dataset(dataset), dropped)


def _wanted(store: Store, choice: Choice) -> list[Quarantined]:
    """The rows chosen. Raises Refusal for an id that is not among them, before anything is touched."""
    rows = store.quarantined(choice)
    for missing in sorted(set(choice.ids or ()) - {r.id for r in rows}):
        known = store.quarantined_row(missing)
        if known is None:
            raise Refusal(f"no row {missing} in quarantine; `coc quarantine list` shows their ids")
        if choice.dropped:
            raise Refusal(f"row {missing} is open: it was not dropped")
        raise Refusal(f"row {missing} was dropped ({known.note}); `coc quarantine restore {missing}` opens it again")
    return rows


def _leave(settings: Settings, realm: Realm | None, action: str, rows: list[Quarantined], note: str = "") -> None:
    if not rows:
        return
    ids = ", ".join(str(r.id) for r in rows[:50]) + (f" and {len(rows) - 50} more" if len(rows) > 50 else "")
    what = f"{words.rows_of(len(rows))} ({ids})" + (f": {note}" if note else "")
    leave(settings, action, what, realm=_realm_of(settings, realm))
