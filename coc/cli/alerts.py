"""`coc alerts`: what fires, what was told; acknowledge, mute, try a channel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
    from datetime import datetime

    from coc.settings.models import Realm, Settings
    from coc.store import Control
    from coc.store.control import Incident, Mute, Posting

group = group_of("Alerts: what fires and what did, acknowledgements, mutes, messages.")
Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `coc alerts list` shows it.")]
Undo = Annotated[bool, typer.Option("--undo", metavar=" ", help="Take it back.")]


@group.command(name="list")
@guarded
def shown(
    context: typer.Context,
    past: Annotated[bool, typer.Option("--past", metavar=" ", help="What is over, the latest first.")] = False,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1)] = 50,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What fires now, or with --past what did."""
    with _opened(context, config, realm) as (_, control, chosen):
        found, mutes = control.incidents(chosen, last, going_on=not past), control.mutes(chosen)
    if as_json:
        answer([_item(i, mutes) for i in found])
        return
    rows = [
        (
            i.id, i.facts["severity"], i.rule, i.scope or "city", i.facts["name"], i.facts["value"], i.facts["limit"],
            _when(i.since), _when(i.ended), i.acknowledged_role or "", _when(_until(i, mutes)),
        )
        for i in found
    ]  # fmt: skip
    columns = (
        "id",
        "severity",
        "rule",
        "scope",
        "name",
        "value",
        "limit",
        "since",
        "ended",
        "acknowledged",
        "muted until",
    )
    table("alerts that are over" if past else "alerts that fire", columns, rows, empty="none")


@group.command()
@guarded
def ack(
    context: typer.Context,
    number: Number,
    undo: Undo = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
) -> None:
    """Acknowledge an alert: it is not escalated any further, and the screens say that somebody knows."""
    with _opened(context, config, realm) as (_, control, chosen):
        found = _one(control, chosen, number)
        if not control.acknowledge(chosen, number, "admin", f"cli:{os_user()}", undo=undo):
            raise Refusal("it is over" if found.ended else f"it is {'not ' if undo else ''}acknowledged already")
        leave(control, "alert.unacknowledge" if undo else "alert.acknowledge", _named(found), realm=chosen)
    say(f"{_named(found)}: {'no longer acknowledged' if undo else 'acknowledged'}")


@group.command()
@guarded
def mute(
    context: typer.Context,
    number: Number,
    for_: Annotated[str, typer.Option("--for", metavar="T", help="Such as `30 min`, `4 h` or `1 d`.")] = "1 h",
    rule: Annotated[bool, typer.Option("--rule", metavar=" ", help="Its whole rule, whatever it is about.")] = False,
    undo: Undo = False,
    realm: RealmOption = None,
    config: ConfigOption = None,
) -> None:
    """Send no message of an alert until a time; the screens still show it."""
    from coc.clock import system_now

    with _opened(context, config, realm) as (_, control, chosen):
        found = _one(control, chosen, number)
        if undo:
            mine = [m for m in control.mutes(chosen) if m.covers(found.rule, found.scope)]
            if sum(control.unmute(chosen, m.id) for m in mine) == 0:
                raise Refusal("it is not muted")
            leave(control, "alert.unmute", _named(found), realm=chosen)
            say(f"{_named(found)}: no longer muted")
            return
        until = system_now() + _span(for_)
        scope = None if rule else found.scope
        control.mute(chosen, found.rule, scope, until, "admin", f"cli:{os_user()}")
        what = found.rule if rule else _named(found)
        leave(control, "alert.mute", f"{what}, {for_}", realm=chosen)
    say(f"{what}: muted until {_when(until)}")


@group.command(name="test")
@guarded
def try_channels(
    context: typer.Context,
    channel: Annotated[list[str] | None, typer.Argument(metavar="CHANNEL...", help="Default: every one.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message over each channel now. Exit 1 if one did not take it."""
    from coc.settings.errors import nearest

    settings = open_config(config_path(context, config)).settings
    log_to_stderr()
    known = settings.alerts.channels
    for name in channel or ():
        if name not in known:
            raise Refusal(f"config names no channel `{name}`{nearest(name, known)}", USAGE)
    if not known:
        raise Refusal("config names no channel: alerts.channels is empty", USAGE)
    found = [_tried(settings, name) for name in channel or known]
    leave(settings, "alert.test", ", ".join(item["channel"] for item in found))
    if as_json:
        answer(found)
    else:
        rows = [(i["channel"], i["kind"], "taken" if i["ok"] else "not taken", i["error"] or "") for i in found]
        table("test messages", ("channel", "kind", "answer", "why"), rows)
    if not all(item["ok"] for item in found):
        raise typer.Exit(FAILED)


@group.command()
@guarded
def messages(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1)] = 50,
    resend: Annotated[
        int | None, typer.Option("--resend", metavar="ID", help="Try one that was given up anew.")
    ] = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What was sent, what waits, what was given up."""
    with _opened(context, config, realm) as (_, control, chosen):
        if resend is not None:
            if not control.try_again(chosen, resend):
                raise Refusal(f"no message {resend} was given up")
            leave(control, "alert.resend", str(resend), realm=chosen)
        found = control.outbox(chosen, last)
    if as_json:
        answer([_posting(m) for m in found])
        return
    rows = [
        (
            m.id,
            m.channel,
            m.facts["rule"],
            m.facts["scope"] or "city",
            m.facts["step"],
            m.state,
            m.attempts,
            m.error or "",
        )
        for m in found
    ]
    table("messages", ("id", "channel", "rule", "scope", "step", "state", "tries", "error"), rows, empty="none")


def _tried(settings: Settings, name: str) -> dict[str, Any]:
    import uuid

    from coc.alerts.channels import Letter, UndeliveredError, send
    from coc.alerts.telling import message_id
    from coc.clock import system_now
    from coc.ui.alert_letters import Letters

    channel = settings.alerts.channels[name]
    subject, body = Letters(settings)({"step": "test", "channel": name}, channel.language)
    domain = (settings.mail.sender or "coc.invalid").rpartition("@")[2]
    letter = Letter(message_id(uuid.uuid4().hex, domain), subject, body, system_now())
    error = None
    try:
        send(channel, settings.mail, letter)
    except UndeliveredError as failed:
        error = failed.code
    return {"channel": name, "kind": "mail" if channel.mail else "apprise", "ok": error is None, "error": error}


def _span(text: str) -> Any:
    from coc.settings.alerts import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refusal(f"--for: {error}", USAGE) from error


def _one(control: Control, realm: Realm, number: int) -> Incident:
    found = control.incident(realm, number)
    if found is None:
        raise Refusal(f"there is no alert {number} in the {realm} realm; `coc alerts list` shows them")
    return found


def _named(found: Incident) -> str:
    return f"{found.rule} {found.scope}".strip()


def _until(incident: Incident, mutes: list[Mute]) -> datetime | None:
    return max((m.until for m in mutes if m.covers(incident.rule, incident.scope)), default=None)


def _item(incident: Incident, mutes: list[Mute]) -> dict[str, Any]:
    names = ("id", "rule", "scope", "since", "fired", "ended", "acknowledged", "acknowledged_role")
    facts = {k: v for k, v in incident.facts.items() if k != "tellable"}
    return {name: getattr(incident, name) for name in names} | facts | {"muted_until": _until(incident, mutes)}


def _posting(message: Posting) -> dict[str, Any]:
    names = ("id", "key", "channel", "state", "attempts", "error", "made", "settled")
    return {name: getattr(message, name) for name in names} | {n: message.facts[n] for n in ("rule", "scope", "step")}


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


@contextmanager
def _opened(
    context: typer.Context, config: Path | None, realm: Realm | None
) -> Iterator[tuple[Settings, Control, Realm]]:
    from coc.cli.realm import decide
    from coc.store import Control

    log_to_stderr()
    settings = open_config(config_path(context, config)).settings
    control = Control(settings.store.control_url)
    try:
        yield settings, control, decide(settings, realm)
    finally:
        control.close()
