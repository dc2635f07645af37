"""`coc audit`: who did what, when, from where; and whether that log is still what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import (
    FAILED,
    USAGE,
    ConfigOption,
    JsonOption,
    Refusal,
    answer,
    config_path,
    console,
    guarded,
    log_to_stderr,
    open_config,
    say,
    table,
)

if TYPE_CHECKING:
    from datetime import datetime

    from coc.settings.models import Settings
    from coc.store import Control
    from coc.store.control import AuditRow
    from coc.store.control.verify import Verdict

_PROVES = """\
It proves: no line that is there was changed, taken out from between, put in or moved.
It cannot prove that nothing was cut off its end, nor that somebody who owns the database did not write all of it anew.
Against that keep the head somewhere else, on paper, and give it next time: coc audit verify --head """
group = typer.Typer(help="The audit log: who did what, when, from where. Alone, it shows the latest lines.")


@group.callback(invoke_without_command=True)
@guarded
def lines(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="The newest N lines.")] = 50,
    since: Annotated[
        str | None, typer.Option("--since", metavar="T", help="Since this ISO time, or date in the city.")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="A part of the name is enough.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="A", help="Such as export, or db for all that begin with it.")
    ] = None,
    refused: Annotated[
        bool, typer.Option("--refused", metavar=" ", help="Only what was refused or did not succeed.")
    ] = False,
    realm: Annotated[str | None, typer.Option("--realm", metavar="R", help="Of this realm only: live or demo.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The audit log, newest line first."""
    chosen = config_path(context, config)
    context.obj = {"config": chosen}
    if context.invoked_subcommand is not None:
        return
    from coc.cli.pull import moment_of
    from coc.store import AuditChoice

    with _opened(chosen) as (settings, control):
        realms = None if realm is None else (realm,)
        choice = AuditChoice(moment_of(since, settings), who, action, False if refused else None, realms)
        rows = control.audit_rows(last, choice)
    if as_json:
        answer([_item(r) for r in rows])
        return
    columns = ("line", "at", "realm", "who", "as", "action", "what", "from", "outcome")
    shown = [
        (str(r.id), _when(r.at), r.realm, r.who, r.lens, r.action, r.what, r.from_where, r.outcome + " (late)" * r.late)
        for r in rows
    ]
    table("audit log, newest first", columns, shown, empty="no line")


@group.command()
@guarded
def verify(
    context: typer.Context,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HASH", help="A head that you wrote down: notices a cut-off end.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow the chain from the first line to the last. Exit 1 naming the first line that does not fit."""
    from coc.store.control import verify as chain

    if head is not None and (len(head) < chain.SHORTEST_HEAD or set(head.lower()) - set("0123456789abcdef")):
        raise Refusal(f"--head takes a hash as this command printed it, {chain.SHORTEST_HEAD} digits at least", USAGE)
    with _opened(config_path(context, config)) as (_, control), _progress(control) as progress:
        verdict = chain.verify(control, head, progress)
    if as_json:
        answer([_judged(verdict)])
    else:
        _show(verdict)
    if verdict.wrong:
        raise typer.Exit(FAILED)


def _show(verdict: Verdict) -> None:
    anchor = verdict.anchor
    pruned = (
        f"after the {anchor.lines} that retention deleted on {_when(anchor.pruned)}" if anchor else "from the first"
    )
    if verdict.wrong:
        where = "the audit log" if verdict.line is None else f"line {verdict.line} ({_when(verdict.at)})"
        say(f"coc: {where} does not hold: {verdict.wrong}")
        say(f"{verdict.lines} lines before that hold, {pruned}")
        return
    rows = [("lines that hold", f"{verdict.lines}, {pruned}"), ("head", verdict.head)]
    if verdict.since_head is not None:
        rows.append(("since the head you gave", f"{verdict.since_head} lines more, all before it as it was"))
    table("the audit log holds", ("", ""), rows)
    say(_PROVES + verdict.head[:16])


def _judged(verdict: Verdict) -> dict[str, Any]:
    anchor = verdict.anchor
    pruned = anchor and {"line": anchor.id, "at": anchor.at, "lines": anchor.lines, "pruned": anchor.pruned}
    names = ("lines", "head", "wrong", "line", "at", "since_head")
    return {"ok": verdict.wrong is None, **{n: getattr(verdict, n) for n in names}, "pruned": pruned}


def _item(row: AuditRow) -> dict[str, Any]:
    names = ("id", "at", "realm", "who", "lens", "action", "what", "from_where", "outcome", "late", "prev", "hash")
    found = {"from" if n == "from_where" else n: getattr(row, n) for n in names}
    return found | {"at": row.at.isoformat(timespec="microseconds")}  # whole, as it was hashed


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


@contextmanager
def _opened(path: Path | None) -> Iterator[tuple[Settings, Control]]:
    from coc.store import Control

    log_to_stderr()
    settings = open_config(path).settings
    control = Control(settings.store.control_url)
    try:
        yield settings, control
        if control.spill.waiting:
            say(f"further lines wait in {control.spill.path}: `coc serve`, or the next command that writes, takes them")
    finally:
        control.close()


@contextmanager
def _progress(control: Control) -> Iterator[Callable[[int], object]]:
    """Lines followed, on stderr, where a person looks."""
    from coc.store.control.verify import count

    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda _lines: None
        return
    from rich.progress import Progress

    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("lines", total=count(control))
        yield lambda lines: bar.advance(task, lines)
