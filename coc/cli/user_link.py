"""`coc user link`: a local account signs in at the city's identity provider from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from coc.cli.frame import USAGE, ConfigOption, Refusal, guarded, say
from coc.cli.trail import leave
from coc.cli.user import NameArgument, group, known_account, opened_control

__all__ = ["group"]


@group.command()
@guarded
def link(
    context: typer.Context,
    name: NameArgument,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="The person's `sub` at the provider; `none` unlinks.")
    ],
    config: ConfigOption = None,
) -> None:
    """Let a person of the identity provider be an account that is here already; its sessions end."""
    with opened_control(context, config) as (settings, control):
        account = known_account(control, name)
        if settings.oidc.issuer is None:
            raise Refusal("config names no identity provider: see docs/oidc.md", USAGE)
        if subject == "none" and account.password is None:
            raise Refusal(f"{account.name} has no password: give it one with `coc user reset {account.name}`", USAGE)
        # As the sign-in looks for it.
        issuer = settings.oidc.issuer.rstrip("/")
        held = next((a for a in control.accounts() if (a.issuer, a.subject) == (issuer, subject)), None)
        if held is not None:
            raise Refusal(f"that subject is the account {held.name} already")
        to = (None, None) if subject == "none" else (issuer, subject)
        control.change_account(account.name, issuer=to[0], subject=to[1])
        leave(control, "account.link", f"{account.name} {'unlinked' if subject == 'none' else 'linked'}")
    if subject == "none":
        say(f"{account.name}: signs in with its password alone; open sessions have ended")
    else:
        say(f"{account.name}: signs in at {issuer}; its groups there decide its role; open sessions have ended")
