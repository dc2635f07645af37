"""`coc user`: who may sign in, as what, and for which units."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    from coc.store.control import Account, Control

Role = Literal["guest", "head", "leader", "operator", "admin"]
Clearance = Literal["biasa", "terbatas", "rahasia", "sangat_rahasia", "usual"]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the person signs in with.")]
UnitsOption = Annotated[str, typer.Option("--units", metavar="A,B", help="A head's units; their children come along.")]
UntilOption = Annotated[
    str, typer.Option("--until", metavar="DATE", help="An acting head's last day, such as 2027-01-01; `none` lifts it.")
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", metavar=" ", help="Read the password from standard input, one line.")
]
_WORDS = {
    "short": "it needs 12 characters at least",
    "long": "256 characters are enough",
    "name": "it holds the account's name",
    "common": "it is one that anybody would try",
}
group = group_of("Accounts: who may sign in, as what, and for which units.")


@group.command()
@guarded
def add(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[Role, typer.Option("--role", help="What the account may see.")],
    units: UnitsOption = "",
    until: UntilOption = "",
    clearance: Annotated[Clearance, typer.Option("--clearance", help="Letters are shown up to this class.")] = "usual",
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an account. Its password is asked for at a terminal; else one is made and shown once."""
    with opened_control(context, config) as (settings, control):
        kept = _new_name(name, control)
        codes = _units(settings, units)
        _fit(role, codes, until)
        password, made = _password(kept, from_stdin=password_stdin)
        from coc.access.passwords import hash_of
        from coc.store.control import Account

        account = Account(
            kept,
            role,
            codes,
            _date(until),
            None if clearance == "usual" else clearance,
            password=hash_of(password),
        )
        control.add_account(account)
        leave(control, "account.add", f"{kept} {role} {','.join(codes)}".strip())
    if as_json:
        answer([_item(account) | ({"password": password} if made else {})])
        return
    say(f"{kept}: {role}{_of_units(codes)}; signs in at /masuk" + (", with this password, shown once:" if made else ""))
    if made:
        typer.echo(password)


@group.command("list")
@guarded
def listing(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Accounts with role, units, clearance and open sessions."""
    with opened_control(context, config) as (_, control):
        accounts = control.accounts()
        opened = [s.account for s in control.open_sessions()]
    items = [_item(a) | {"sessions": opened.count(a.name)} for a in accounts]
    if as_json:
        answer(items)
        return
    columns = ("name", "role", "units", "until", "clearance", "signs in by", "sessions", "state")
    rows = [
        (
            i["name"],
            i["role"],
            ", ".join(i["units"]) or "-",
            i["until"] or "-",
            i["clearance"] or "usual",
            i["by"],
            i["sessions"],
            "disabled" if i["disabled"] else "open",
        )
        for i in items
    ]
    table("accounts", columns, rows, empty="none; `coc user add NAME --role admin` makes the first")


@group.command()
@guarded
def role(
    context: typer.Context,
    name: NameArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="guest, head, leader, operator or admin.")],
    units: UnitsOption = "",
    until: UntilOption = "",
    config: ConfigOption = None,
) -> None:
    """Give an account another role; its sessions end."""
    with opened_control(context, config) as (settings, control):
        account = known_account(control, name)
        codes = _units(settings, units) if units else account.units
        if role != "head":
            codes = ()
        _fit(role, codes, until)
        _keep_an_admin(control, account, becomes=role)
        control.change_account(account.name, role=role, units=codes, until=_date(until))
        leave(control, "account.role", f"{account.name} {account.role} -> {role} {','.join(codes)}".strip())
    say(f"{account.name}: {role}{_of_units(codes)}; open sessions have ended")


@group.command()
@guarded
def units(
    context: typer.Context,
    name: NameArgument,
    codes: Annotated[str, typer.Argument(metavar="A,B", help="Unit codes; their children come along.")],
    until: UntilOption = "",
    config: ConfigOption = None,
) -> None:
    """Say of which units an account is the head, and until when where it is an acting one; its sessions end."""
    with opened_control(context, config) as (settings, control):
        account = known_account(control, name)
        if account.role != "head":
            raise Refusal(
                f"{account.name} is {account.role}: only a head has units; `coc user role {account.name} head` first",
                USAGE,
            )
        chosen = _units(settings, codes)
        _fit("head", chosen, until)
        changes: dict[str, Any] = {"units": chosen} | ({"until": _date(until)} if until else {})
        control.change_account(account.name, **changes)
        leave(control, "account.units", f"{account.name} {','.join(account.units)} -> {','.join(chosen)}")
    say(f"{account.name}: head{_of_units(chosen)}; open sessions have ended")


@group.command()
@guarded
def clearance(
    context: typer.Context,
    name: NameArgument,
    to: Annotated[Clearance, typer.Argument(metavar="CLASS", help="Up to which class; `usual`: the role's own.")],
    config: ConfigOption = None,
) -> None:
    """Say up to which security class an account reads letters (heads and leaders); its sessions end."""
    with opened_control(context, config) as (_, control):
        account = known_account(control, name)
        if account.role not in ("head", "leader"):
            raise Refusal(f"{account.name} is {account.role}: no clearance changes what it sees", USAGE)
        control.change_account(account.name, clearance=None if to == "usual" else to)
        leave(control, "account.clearance", f"{account.name} {account.clearance or 'usual'} -> {to}")
    say(f"{account.name}: clearance {to}; open sessions have ended")


@group.command()
@guarded
def disable(context: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """Shut an account: its sessions and tokens' owner end now. `enable` opens it again."""
    with opened_control(context, config) as (_, control):
        account = known_account(control, name)
        _keep_an_admin(control, account, becomes="")
        if not control.disable_account(account.name):
            raise Refusal(f"{account.name} is disabled already")
        leave(control, "account.disable", account.name)
    say(f"{account.name}: disabled; open sessions have ended. `coc user enable {account.name}` undoes it")


@group.command()
@guarded
def enable(context: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """Open a disabled account again."""
    with opened_control(context, config) as (_, control):
        account = known_account(control, name)
        if not control.disable_account(account.name, disabled=False):
            raise Refusal(f"{account.name} is not disabled")
        leave(control, "account.enable", account.name)
    say(f"{account.name}: open again, with the password it had")


@group.command()
@guarded
def reset(
    context: typer.Context,
    name: NameArgument,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account a new password and lift its lock; its sessions end."""
    with opened_control(context, config) as (_, control):
        account = known_account(control, name)
        password, made = _password(account.name, from_stdin=password_stdin)
        from coc.access.passwords import hash_of

        control.change_account(account.name, password=hash_of(password))
        control.forget_failures(f"account:{account.name}")
        leave(control, "account.reset", account.name)
    if as_json:
        answer([{"name": account.name} | ({"password": password} if made else {})])
        return
    say(f"{account.name}: new password{', shown once:' if made else ''}; open sessions have ended")
    if made:
        typer.echo(password)


@contextmanager
def opened_control(context: typer.Context, config: Path | None) -> Iterator[tuple[Settings, Control]]:
    from coc.store.control import Control

    log_to_stderr()
    settings = open_config(config_path(context, config)).settings
    control = Control(settings.store.control_url)
    try:
        yield settings, control
    finally:
        control.close()


def _new_name(text: str, control: Control) -> str:
    from coc.access.sign_in import named

    name = named(text)
    if name is None:
        raise Refusal(
            "a name holds letters, digits, _ . @ and - only, begins with one of the first two, at most 64", USAGE
        )
    if any(a.name == name for a in control.accounts()):
        raise Refusal(f"an account `{name}` exists already; `coc user list` shows it", USAGE)
    return name


def known_account(control: Control, text: str) -> Account:
    from coc.access.sign_in import named
    from coc.settings.errors import nearest

    accounts = control.accounts()
    found = next((a for a in accounts if a.name == named(text)), None)
    if found is None:
        raise Refusal(f"no account `{text}`{nearest(text, [a.name for a in accounts])}", USAGE)
    return found


def _units(settings: Settings, text: str) -> tuple[str, ...]:
    """Codes as given. One that no list holds is warned of: a typo would show nothing; a source may bring it."""
    from coc.cli.realm import known_unit_codes
    from coc.settings.errors import nearest

    codes = tuple(dict.fromkeys(c.strip() for c in text.split(",") if c.strip()))
    known = known_unit_codes(settings) if codes else frozenset()
    for code in codes:
        if code not in known:
            say(f"warning: no list holds a unit `{code}` yet{nearest(code, known)}")
    return codes


def _fit(role: str, codes: Sequence[str], until: str) -> None:
    if role == "head" and not codes:
        raise Refusal("a head needs --units: without one there is nothing of its own to see", USAGE)
    if role != "head" and (codes or until):
        raise Refusal(f"--units and --until are a head's; a {role} has none", USAGE)


def _keep_an_admin(control: Control, account: Account, becomes: str) -> None:
    others = [a for a in control.accounts() if a.role == "admin" and not a.disabled and a.name != account.name]
    if account.role == "admin" and account.disabled is None and becomes != "admin" and not others:
        raise Refusal(f"{account.name} is the last admin; make another one first: `coc user add NAME --role admin`")


def _password(name: str, *, from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was made here and must be shown."""
    from coc.access.passwords import weakness

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = typer.prompt("password (empty: make one)", default="", hide_input=True, show_default=False, err=True)
        if given and typer.prompt("once more", hide_input=True, err=True) != given:
            raise Refusal("the two do not agree; nothing was changed", USAGE)
    else:
        given = ""
    if not given and not from_stdin:
        return secrets.token_urlsafe(15), True
    why = weakness(given, name)
    if why is not None:
        raise Refusal(f"this password is not taken: {_WORDS[why]}", USAGE)
    return given, False


def _date(text: str) -> date | None:
    if text in ("", "none"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"--until {text!r} is not a date such as 2027-01-01", USAGE) from None


def _item(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "units": list(account.units),
        "until": account.until,
        "clearance": account.clearance,
        "by": "password" if account.password else "oidc",
        "disabled": account.disabled,
    }


def _of_units(codes: Sequence[str]) -> str:
    return f" of {', '.join(codes)}" if codes else ""
