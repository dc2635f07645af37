"""The commands' part of the table of rights. Apart from the rest, which is heavy: `coc --help` answers at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


class UndeclaredCommandError(RuntimeError):
    """A command that the table does not hold."""


@dataclass(frozen=True, slots=True)
class Command:
    """`coc NAME`: whoever can run it has the machine's rights. `audited`: the action it leaves in the audit log."""

    name: str
    audited: str = ""


COMMANDS: Final[tuple[Command, ...]] = (
    Command("serve"),
    Command("worker"),
    Command("pull", "pull.deletions"),
    Command("check"),
    Command("status"),
    Command("probe"),
    Command("simulate"),
    Command("drill"),
    Command("bench"),
    Command("quarantine list"),
    Command("quarantine show"),
    Command("quarantine retry", "quarantine.retry"),
    Command("quarantine drop", "quarantine.drop"),
    Command("quarantine restore", "quarantine.restore"),
    Command("db backup", "db.backup"),
    Command("db restore", "db.restore"),
    Command("db upgrade", "db.upgrade"),
    Command("db downgrade", "db.downgrade"),
    Command("db status"),
    Command("db prune", "db.prune"),
    Command("token create", "token.create"),
    Command("token list"),
    Command("token revoke", "token.revoke"),
    Command("user add", "account.add"),
    Command("user list"),
    Command("user role", "account.role"),
    Command("user units", "account.units"),
    Command("user clearance", "account.clearance"),
    Command("user disable", "account.disable"),
    Command("user enable", "account.enable"),
    Command("user reset", "account.reset"),
    Command("user link", "account.link"),
    Command("export", "export"),
    Command("access"),
    Command("kpi"),
    Command("template"),
    Command("alerts list"),
    Command("alerts ack", "alert.acknowledge"),
    Command("alerts mute", "alert.mute"),
    Command("alerts test", "alert.test"),
    Command("alerts messages", "alert.resend"),
    Command("audit"),
    Command("audit verify"),
)


def declare(names: Iterable[str]) -> None:
    """Check that each command is in the table. Raises UndeclaredCommandError."""
    missing = sorted(set(names) - {command.name for command in COMMANDS})
    if missing:
        raise UndeclaredCommandError(f"no right is declared in coc.cli.declared for the command {', '.join(missing)}")
