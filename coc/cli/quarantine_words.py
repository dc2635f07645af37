"""How `coc quarantine` speaks of rows: tables and sentences for people, plain items for machines."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coc.cli.frame import answer, console, say, table

if TYPE_CHECKING:
    from coc.ingest import Retried
    from coc.settings.models import Settings
    from coc.store.quarantine import Group, Quarantined


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    err = console(stderr=True)
    if not err.is_terminal or not total:
        yield lambda _done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("trying again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task("", total=total)
        yield lambda done: bars.update(task, completed=done)


def tell(tried: int, done: Retried) -> None:
    from coc.ingest.reasons import in_words

    say_out(f"{rows_of(tried)} tried: {done.accepted} accepted, {done.left} still refused")
    rows = [(n, reason, field, in_words(reason, field, "the connector")[0]) for (reason, field), n in _most(done)]
    if rows:
        table("still refused", ("rows", "reason", "field", "what is wrong"), rows)
    for source, asked in done.asks.items():
        kept = f"{source}: {rows_of(len(asked))} cannot be tried from what was kept of them"
        say(f"{kept}: `coc pull {source} --full` asks the source again")
    for source, n in done.unknown.items():
        gone = f"{source}: {rows_of(n)} of a connector that config no longer names"
        say(f"{gone}: `coc quarantine drop --source {source}`")


def _most(done: Retried) -> list[tuple[tuple[str, str], int]]:
    return sorted(done.refused.items(), key=lambda pair: -pair[1])


def outcome(tried: int, done: Retried) -> dict[str, Any]:
    return {
        "tried": tried,
        "accepted": done.accepted,
        "refused": [{"reason": r, "field": f, "rows": n} for (r, f), n in _most(done)],
        "ask_source": [
            {"source": s, "rows": len(ids), "command": f"coc pull {s} --full"} for s, ids in done.asks.items()
        ],
        "unknown_source": [{"source": s, "rows": n} for s, n in done.unknown.items()],
    }


def summarise(groups: list[Group], *, as_json: bool) -> None:
    names = ("source", "reason", "rows", "first_seen", "last_seen")
    if as_json:
        answer([{name: getattr(g, name) for name in names} for g in groups])
        return
    rows = [(g.source, g.reason, g.rows, when(g.first_seen), when(g.last_seen)) for g in groups]
    table("quarantine", ("source", "reason", "rows", "first seen", "last seen"), rows, empty="no row")


def say_out(text: str) -> None:
    console().print(text, markup=False)


def rows_of(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"


def when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"


def last(row: Quarantined, dropped: bool) -> tuple[Any, Any]:
    return (row.dropped_by, row.note) if dropped else (when(row.first_seen), row.attempts)


def put_aside(row: Quarantined) -> dict[str, Any]:
    return {"dropped_at": row.dropped_at, "dropped_by": row.dropped_by, "note": row.note}


def told(row: Quarantined, settings: Settings) -> dict[str, str]:
    """Where a row stands in its file, and what its cell should have been: where, column, found, expected."""
    from coc.domain.datasets import Dataset
    from coc.ingest.kept import readable
    from data_connectors.expected import column_of, expected
    from data_connectors.mapping import Mapped

    block, dataset = settings.connectors.get(row.source), Dataset(row.dataset)
    mapped = getattr(block, "datasets", {}).get(dataset)
    mapped = mapped if isinstance(mapped, Mapped) else None
    origin = row.origin or {}
    column = column_of(row.field, mapped)
    found = re.sub(r"^row \d+(: )?", "", row.value) if row.value and origin else row.value
    if found and row.reason != "not_unique" and origin.get("cells", {}).get(column) is not None:
        found = str(readable(origin["cells"][column]))  # as it stands there, not as it was understood
    return {
        "where": f"{origin['name']}, row {origin['row']}" if origin else "",
        "column": column,
        "found": found or "",
        "expected": expected(dataset, row.field, row.reason, found, mapped),
    }


def item(row: Quarantined) -> dict[str, Any]:
    names = ("id", "source", "dataset", "source_id", "reason", "field", "value", "first_seen", "attempts")
    return {name: getattr(row, name) for name in names}
