"""`coc db`: migrations, retention and backups of a realm's store and of the control store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from coc.cli import backups
from coc.cli.frame import (
    FAILED,
    ConfigOption,
    JsonOption,
    RealmOption,
    answer,
    config_path,
    confirmed,
    group_of,
    guarded,
    log_to_stderr,
    open_config,
    say,
    table,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    from coc.settings.models import Realm, Settings
    from coc.store.schema import Which

group = group_of("Migrations, retention and backups of the store.")
group.command()(backups.backup)
group.command()(backups.restore)


@group.command()
@guarded
def upgrade(context: typer.Context, realm: RealmOption = None, config: ConfigOption = None) -> None:
    """Bring the realm's store and the control store to this version's schema. Does nothing twice."""
    from coc.cli import realm as realms
    from coc.store import Control
    from coc.store.schema import schema_state

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    before = {item["store"]: item["schema"] for item in _states(settings, chosen)}
    store = realms.open_store(settings, chosen)
    control = Control(settings.store.control_url)
    now = {chosen: store.schema_state().current, "control": schema_state(control, "control").current}
    if changed := [
        f"{name} from {before[name] or 'nothing'} to {now[name]}" for name in now if now[name] != before[name]
    ]:
        leave(control, "db.upgrade", ", ".join(changed), realm=chosen)
    say(f"{chosen}: {store.address}: schema {now[chosen]}")
    say(f"control: {control.address}: schema {now['control']}")
    store.close()
    control.close()


@group.command()
@guarded
def downgrade(
    context: typer.Context,
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="An older schema, such as 0001.")],
    which: Annotated[
        Literal["realm", "control"],
        typer.Option("--store", help="The realm's store, or the control store (accounts, tokens, screens, audit)."),
    ] = "realm",
    yes: Annotated[bool, typer.Option("--yes", metavar=" ", help="Do not ask.")] = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
) -> None:
    """Take one store back to an older schema, for an older version. What that cannot hold is lost."""
    from coc.cli import realm as realms
    from coc.store.engine import Database
    from coc.store.schema import downgrade as take_back
    from coc.store.schema import require_older, schema_state

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = "control" if which == "control" else realms.decide(settings, realm)
    schema: Which = "control" if which == "control" else "store"
    url = settings.store.control_url if chosen == "control" else realms.store_url(settings, chosen)
    database = Database(url)
    try:
        held = require_older(database, revision, schema)
        asked = f"{chosen}: {database.address}: back from schema {held} to {revision}?"
        confirmed(f"{asked} What {revision} cannot hold is lost; `coc db backup` keeps it.", yes=yes)
        told = ("db.downgrade", f"from {held} to {revision}")
        if chosen == "control":
            leave(settings, *told)  # before: to write in it afterwards would bring it up to date again
        take_back(database, revision, schema)
        if chosen != "control":
            leave(settings, *told, realm=chosen)
        say(f"{chosen}: {database.address}: schema {schema_state(database, schema).current}")
    finally:
        database.close()


@group.command()
@guarded
def status(
    context: typer.Context, realm: RealmOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Which revision each store is at, and the one this version wants. Exit 1 where they differ."""
    from coc.cli import realm as realms

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    items = _states(settings, realms.decide(settings, realm))
    if as_json:
        answer(items)
    else:
        columns = ("store", "database", "schema", "wanted", "")
        mend = {True: "ok", False: "run `coc db upgrade`"}
        rows = [(i["store"], i["url"], i["schema"], i["schema_wanted"], mend[i["up_to_date"]]) for i in items]
        table("schema", columns, rows)
        table("rows", ("table", "rows"), [(t, n) for i in items for t, n in i.get("rows", {}).items()])
        months = [m for i in items for held in i.get("partitions", {}).values() for m in held]
        if months:
            table(
                "months of samples",
                ("partition", "rows", "MB"),
                [(m["name"], m["rows"], m["bytes"] / 1e6) for m in months],
            )
    if not all(i["up_to_date"] for i in items):
        raise typer.Exit(FAILED)


def _states(settings: Settings, realm: Realm) -> list[dict[str, Any]]:
    """The realm's store with its rows, and the control store. A database that does not exist is not made."""
    from coc.cli.realm import sqlite_file, store_url
    from coc.store import Store
    from coc.store.engine import Database
    from coc.store.schema import require_known

    items: list[dict[str, Any]] = []
    stores: tuple[tuple[str, Which, str], ...] = (
        (realm, "store", store_url(settings, realm)),
        ("control", "control", settings.store.control_url),
    )
    for name, which, url in stores:
        item: dict[str, Any] = {"store": name, "url": None, "schema": None, "schema_wanted": None, "up_to_date": False}
        file = sqlite_file(url)
        if file is not None and not file.exists():
            items.append({**item, "url": url})
            continue
        database = Store(url) if which == "store" else Database(url)
        state = require_known(database, which)
        item |= {"url": database.address, "schema": state.current, "schema_wanted": state.head}
        item["up_to_date"] = state.up_to_date
        if isinstance(database, Store):
            item |= database.status()
        items.append(item)
        database.close()
    return items


@group.command()
@guarded
def prune(context: typer.Context, realm: RealmOption = None, config: ConfigOption = None) -> None:
    """Delete what is older than `retention:` in config says."""
    from coc.cli import realm as realms
    from coc.cli.simulated import clock_at_hand

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    store = realms.open_store(settings, chosen)
    try:
        now = clock_at_hand(settings, chosen).now()
        gone = store.prune(settings.retention, now)
    finally:
        store.close()
    try:
        gone["audit"] = _prune_audit(settings)
    finally:
        table("pruned", ("what", "rows"), list(gone.items()))
        some = ", ".join(f"{n} {what}" for what, n in gone.items() if n and what != "audit")  # the log tells of itself
        leave(settings, "db.prune", some or "nothing was old enough", realm=chosen)


def _prune_audit(settings: Settings) -> int:
    from coc.store import Control

    control = Control(settings.store.control_url)
    try:
        return control.prune(settings.retention.audit_years)
    finally:
        control.close()
