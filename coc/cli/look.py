"""`coc check` and `coc status`: what config says, what the sources answer, how fresh the store is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import (
    FAILED,
    ConfigOption,
    JsonOption,
    RealmOption,
    answer,
    config_path,
    guarded,
    log_to_stderr,
    open_config,
    pick,
    say,
    table,
)

if TYPE_CHECKING:
    from coc.ingest.feeds import Feed
    from coc.settings.models import ConnectorBlock, Realm, Settings
    from coc.store import Leader

_AT_ONCE = 8


@guarded
def check(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Connectors; all if none.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate config.yaml, reach every source and try its mapping: what failed and how to mend it."""
    from coc.cli import simulated

    log_to_stderr()
    opened = open_config(config_path(context, config))
    settings = opened.settings
    pick(settings, names or [])
    chosen = names or list(settings.connectors)
    warnings = warnings_of(settings)
    live = [n for n in chosen if settings.connectors[n].enabled or names]
    wanted = any(simulated.is_simulated(settings.connectors[n]) for n in live)
    with simulated.at_hand(settings, "demo", wanted) as (addressed, _clock):
        found = _reach({n: addressed.connectors[n] for n in live})
    provider = _provider_says(settings)
    items = [found.get(n) or _item(n, settings.connectors[n], None, "disabled in config", "") for n in chosen]
    if as_json:
        answer(items)
    else:
        _show(f"{opened.path} is valid. Its sources", items)
    for warning in warnings:
        say(f"warning: {warning}")
    if provider:
        say(f"oidc: {provider}")
    if provider or any(item["ok"] is False for item in items):
        raise typer.Exit(FAILED)


def _provider_says(settings: Settings) -> str:
    """What is wrong with the identity provider; "" where it answers, or there is none."""
    if settings.oidc.issuer is None:
        return ""
    from coc.access.oidc import Provider
    from coc.access.oidc_errors import OidcError

    try:
        Provider(settings.oidc).check()
    except OidcError as error:
        return f"{error}; check oidc.issuer, and that this machine reaches it"
    return ""


def warnings_of(settings: Settings) -> list[str]:
    """Odd, but not wrong: unit codes that the shipped list lacks, where no connector could supply them, and a way in
    that few can take.
    """
    from coc.cli.pull import supplies_units
    from coc.settings.checks import unit_warnings
    from coc.settings.load import known_units

    found = []
    if settings.oidc.issuer and not settings.server.public_url:
        found.append("oidc: without server.public_url only people at this machine can sign in at the provider")
    if any(block.enabled and supplies_units(settings, name) for name, block in settings.connectors.items()):
        return found
    return found + unit_warnings(settings, known_units())


def _reach(blocks: dict[str, ConnectorBlock]) -> dict[str, dict[str, Any]]:
    """Every source at once: a slow one delays no other."""
    import data_connectors

    kinds = data_connectors.registry()

    def one(name: str) -> dict[str, Any]:
        block = blocks[name]
        reached = kinds[block.type](name, block).check()
        return _item(name, block, reached.ok, reached.said, reached.mend)

    if not blocks:
        return {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(blocks))) as pool:
        return dict(zip(blocks, pool.map(one, blocks), strict=True))


def _item(name: str, block: ConnectorBlock, ok: bool | None, said: str, mend: str) -> dict[str, Any]:
    return {"name": name, "type": block.type, "realm": block.realm, "ok": ok, "said": said, "mend": mend}


def _show(title: str, items: list[dict[str, Any]]) -> None:
    marks = {True: "ok", False: "failed", None: "-"}
    rows = [(i["name"], i["type"], i["realm"], marks[i["ok"]], i["said"]) for i in items]
    table(title, ("connector", "type", "realm", "", "what it said"), rows, empty="config names none")
    for item in items:
        if item["ok"] is False and item["mend"]:
            say(f"{item['name']}: {item['mend']}")


@guarded
def status(
    context: typer.Context,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Epoch, boards, feeds and their freshness, jobs, of one realm's store."""
    from coc.cli import realm as realms

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    feeds, boards, leader = _state_of(settings, chosen)
    epoch = max((b["epoch"] for b in boards), default=0)
    if as_json:
        head: dict[str, Any] = {"kind": "realm", "name": chosen, "epoch": epoch, "leader": leader}
        answer([head, *({"kind": "board", **b} for b in boards), *({"kind": "feed", **f} for f in feeds)])
        return
    columns = ("feed", "type", "state", "as of", "last good", "every s", "next run", "rows in", "refused", "error")
    keys = ["name", "type", "state", "as_of", "last_good", "every_seconds", "next_run", "rows_in"]
    keys += ["quarantine_open", "error"]
    table(
        f"{chosen} realm, epoch {epoch}: feeds",
        columns,
        [[_told(f[k]) for k in keys] for f in feeds],
        empty=f"no connector of the {chosen} realm",
    )
    rows = [(b["name"], b["population"], b["epoch"], _told(b["computed_at"])) for b in boards]
    table("boards", ("board", "population", "epoch", "computed"), rows, empty="none built yet; `coc pull` builds them")
    say(f"the schedule: {leader or 'nobody keeps it; start `coc serve` or `coc worker`'}")


def _told(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else value


def _state_of(settings: Settings, realm: Realm) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str | None]:
    """Feeds (their job included) and boards, as items; who keeps the schedule."""
    from coc.boards.city import Context
    from coc.cli.realm import open_store
    from coc.cli.simulated import clock_at_hand
    from coc.ingest.feeds import feed_states
    from coc.store import PULLS

    store = open_store(settings, realm)
    try:
        calendars = Context.of(store, settings, realm).calendars
        feeds = feed_states(store, settings, realm, clock_at_hand(settings, realm), calendars)
        boards = store.load_boards()
        leader = store.leader(PULLS)
    finally:
        store.close()
    told = [{k: getattr(b, k) for k in ("name", "population", "epoch", "computed_at", "as_of")} for b in boards]
    return [_feed(f, settings.connectors[f.name]) for f in feeds], told, _who(leader)


def _who(leader: Leader | None) -> str | None:
    """The process that keeps the schedule; None where none does, or the one that did has ended."""
    holder = leader.holder if leader else None
    if leader is None or holder is None or (holder.here and holder.process() is None):
        return None
    return f"{holder}, since {leader.taken:%Y-%m-%d %H:%M:%S}Z, term {leader.token}"


def _feed(feed: Feed, block: ConnectorBlock) -> dict[str, Any]:
    from coc.ingest.report import sentence

    run = feed.last_run
    # Another process holds the schedule; what it will do next follows from the last run.
    next_run = run.started + timedelta(seconds=block.every_seconds) if run and block.enabled else None
    return {
        "name": feed.name,
        "type": feed.kind,
        "datasets": feed.datasets,
        "state": feed.state,
        "as_of": feed.as_of,
        "last_good": feed.last_good,
        "every_seconds": block.every_seconds,
        "reconcile_cron": block.reconcile_cron,
        "next_run": next_run,
        "started": run.started if run else None,
        "seconds": run.seconds if run else None,
        "rows_in": run.rows_in if run else None,
        "stored": run.stored if run else None,
        "unchanged": run.unchanged if run else None,
        "quarantined": run.quarantined if run else None,
        "quarantine_open": feed.quarantine_open,
        "error": sentence(run.error_code, run.error_detail, feed.name) if run and run.error_code else None,
        "standing": dict(feed.standing),
    }
