"""`coc token`: keys for machines that read the API. Only their hash is stored; the key is shown once."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from coc.cli.frame import (
    USAGE,
    ConfigOption,
    JsonOption,
    Refusal,
    answer,
    config_path,
    group_of,
    guarded,
    log_to_stderr,
    open_config,
    say,
    table,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    from pathlib import Path

    from coc.settings.models import Settings
    from coc.store.control import Control

Role = Literal["guest", "screen", "head", "leader", "operator", "admin", "probe"]
group = group_of("API tokens: who may read /api/v1 without sitting at this machine.")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BYTES = 32


@group.command()
@guarded
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what it is for.")],
    role: Annotated[
        Literal["guest", "screen", "head", "leader", "operator", "admin", "probe"],
        typer.Option("--role", help="What it may see; probe: nothing, but report what a site sees."),
    ],
    units: Annotated[str, typer.Option("--units", metavar="A,B", help="For a head: its units.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="Last day it works, such as 2027-01-01.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and show it, once."""
    if not _NAME.fullmatch(name):
        raise Refusal("a token's name holds letters, digits, _ . and - only, at most 64", USAGE)
    until = _date(expires)
    codes = [u.strip() for u in units.split(",") if u.strip()]
    settings, control = _open(context, config)
    try:
        if name in settings.access.api_tokens or any(t.name == name for t in control.tokens()):
            raise Refusal(f"a token `{name}` exists already, be it a revoked one; take another name", USAGE)
        token = secrets.token_urlsafe(_BYTES)
        control.add_token(name, hashlib.sha256(token.encode()).hexdigest(), role, codes, until)
        leave(control, "token.create", f"{name} {role} {','.join(codes)}".strip())
    finally:
        control.close()
    if as_json:
        answer([{"name": name, "token": token, "role": role, "units": codes, "expires": until}])
        return
    say(f"{name}, {role}. This is the only time it is shown; send it as `Authorization: Bearer ...`")
    typer.echo(token)


@group.command("list")
@guarded
def listing(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Names, roles and ends; never the tokens themselves."""
    settings, control = _open(context, config)
    try:
        items: list[dict[str, Any]] = [
            {
                "name": n,
                "role": t.role,
                "units": list(t.units),
                "expires": t.expires,
                "revoked": None,
                "from": "config.yaml",
            }
            for n, t in settings.access.api_tokens.items()
        ]
        items += [
            {
                "name": t.name,
                "role": t.role,
                "units": list(t.units),
                "expires": t.expires,
                "revoked": t.revoked,
                "from": "coc token create",
            }
            for t in control.tokens()
        ]
    finally:
        control.close()
    if as_json:
        answer(items)
        return
    rows = [
        (
            i["name"],
            i["role"],
            ", ".join(i["units"]) or "all",
            "revoked" if i["revoked"] else i["expires"] or "never",
            i["from"],
        )
        for i in items
    ]
    table("tokens", ("name", "role", "units", "expires", "from"), rows, empty="none; `coc token create` makes one")


@group.command()
@guarded
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    config: ConfigOption = None,
) -> None:
    """End a token now; streams it holds open end within seconds."""
    from coc.settings.errors import nearest

    settings, control = _open(context, config)
    try:
        if control.revoke(name):
            leave(control, "token.revoke", name)
            say(f"{name}: revoked")
            return
        if name in settings.access.api_tokens:
            raise Refusal(f"`{name}` stands in config.yaml under access.api_tokens: take it out there", USAGE)
        raise Refusal(f"no token `{name}`{nearest(name, [t.name for t in control.tokens()])}", USAGE)
    finally:
        control.close()


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--expires {text!r} is not a date such as 2027-01-01", USAGE) from None


def _open(context: typer.Context, config: Path | None) -> tuple[Settings, Control]:
    from coc.store.control import Control

    log_to_stderr()
    settings = open_config(config_path(context, config)).settings
    control = Control(settings.store.control_url)
    return settings, control
