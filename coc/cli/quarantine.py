"""`coc quarantine`: the rows that failed validation, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import (
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
    table,
)

if TYPE_CHECKING:
    from coc.settings.models import Realm
    from coc.store import Store
    from coc.store.quarantine import Quarantined

group = group_of("Rows that failed validation, with the reason.")


@group.command("list")
@guarded
def listing(
    context: typer.Context,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Of this connector only.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="CODE", help="With this reason only.")] = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One line per source row, however often it was tried; newest first."""
    store = _store(context, config, realm)
    try:
        found = [r for r in store.quarantined(source=source) if reason is None or r.reason == reason]
    finally:
        store.close()
    if as_json:
        answer([_item(row) for row in found])
        return
    columns = ("id", "source", "dataset", "row", "reason", "field", "value", "first seen", "tries")
    rows = [
        (
            r.id,
            r.source,
            r.dataset,
            r.source_id,
            r.reason,
            r.field,
            r.value,
            f"{r.first_seen:%Y-%m-%d %H:%M}Z",
            r.attempts,
        )
        for r in found
    ]
    table("quarantine", columns, rows, empty="no row")


@group.command()
@guarded
def show(
    context: typer.Context,
    row: Annotated[int, typer.Argument(metavar="ID", help="The id that `coc quarantine list` shows.")],
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One row: why it failed, and its mapped fields (letter contents that are not kept are never here)."""
    store = _store(context, config, realm)
    try:
        found = store.quarantined_row(row)
    finally:
        store.close()
    if found is None:
        raise Refusal(f"no row {row} in quarantine; `coc quarantine list` shows their ids")
    item = {**_item(found), "last_seen": found.last_seen, "fields": found.fields}
    if as_json:
        answer([item])
        return
    fields = item.pop("fields")
    table(f"row {row}", ("", ""), list(item.items()))
    table("fields", ("field", "value"), list(fields.items()))


def _store(context: typer.Context, config: Path | None, realm: Realm | None) -> Store:
    from coc.cli import realm as realms

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    return realms.open_store(settings, realms.decide(settings, realm))


def _item(row: Quarantined) -> dict[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "dataset": row.dataset,
        "source_id": row.source_id,
        "reason": row.reason,
        "field": row.field,
        "value": row.value,
        "first_seen": row.first_seen,
        "attempts": row.attempts,
    }
