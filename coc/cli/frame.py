"""What every command shares: its options, how it speaks, how it fails.

stdout carries the answer (a table, or `{"items": [...]}`), stderr the rest. No traceback reaches a user: a mistake is a
sentence, exit 1 where something failed, 2 where the command or config.yaml is wrong, 130 where it was interrupted.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from coc.settings.load import Config
    from coc.settings.models import ConnectorBlock, Realm, Settings

FAILED, USAGE = 1, 2

RealmName = Literal["live", "demo"]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="F", help="The config file; ./config.yaml if not given.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", metavar=" ", help='Print {"items": [...]} on stdout, for machines.')
]
RealmOption = Annotated[
    RealmName | None,
    typer.Option("--realm", help="live or demo; if not given, live where config names a live connector."),
]

P = ParamSpec("P")
R = TypeVar("R")


class Refusal(Exception):
    """The command cannot go on; the sentence says why and what to do."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Every failure of the command becomes one sentence on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except Refusal as error:
            say(f"coc: {error}")
            raise typer.Exit(error.code) from None
        except BrokenPipeError:
            # The reader (`| head`) has had enough; nothing is left to say, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except Exception as error:
            if isinstance(error, _control_flow()):
                raise
            if os.environ.get("COC_DEBUG") == "1":
                traceback.print_exc()
            say(f"coc: {said_of(error)}")
            raise typer.Exit(FAILED) from None

    return run


def _control_flow() -> tuple[type[BaseException], ...]:
    """Typer's own exits and usage errors, which it handles itself."""
    usage = typer.BadParameter.__mro__[2]  # ClickException, wherever this typer keeps it
    return (typer.Exit, typer.Abort, usage)


def said_of(error: Exception) -> str:
    """What failed, in one sentence for whoever typed the command."""
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        return f"the store refused: {(str(error.orig).strip().splitlines() or ['(no reason given)'])[0]}"
    from coc.store import StoreError

    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{': ' + str(error.filename) if error.filename else ''}"
    from coc.clock import ClockError

    if isinstance(error, ClockError):
        return str(error)
    said = str(error).strip().splitlines()
    detail = f": {said[0]}" if said else ""
    return f"a defect of the COC itself: {type(error).__name__}{detail} (COC_DEBUG=1 shows where)"


def os_user() -> str:
    """Who runs this, as the system knows it; a process without an entry is known by its number."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def say(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def answer(items: Sequence[Mapping[str, Any]]) -> None:
    """The `--json` answer, alone on stdout."""
    sys.stdout.write(json.dumps({"items": list(items)}, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    return str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str = "nothing") -> None:
    """A table on stdout; numbers stand right."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    if not rows:
        out.print(f"{title}: {empty}", markup=False, highlight=False)
        return
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        right = all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        shown.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text("-" if v is None else f"{v:.1f}" if isinstance(v, float) else str(v)) for v in row))
    out.print(shown)


def confirmed(question: str, *, yes: bool) -> None:
    """Asks where a person can answer; refuses where none can, or the answer is no. `yes`: they said so beforehand."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal(f"{question} Say so with --yes", USAGE)
    if not typer.confirm(question, err=True):
        raise Refusal("nothing was done")


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A pipe has no width: tables keep their lines whole instead of folding at 80.
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 200)


class _FirstLine(logging.Formatter):
    """What a person at the terminal reads: no traceback, and no second line."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_info = record.exc_text = record.stack_info = None
        return super().format(record).partition("\n")[0]


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Warnings in a line each; a server (INFO) and COC_DEBUG=1 have them whole.

    A command ends at a store in trouble, with its own sentence: only a server tries again and logs that.
    """
    debugging = os.environ.get("COC_DEBUG") == "1"
    tells = debugging or level < logging.WARNING
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(form) if tells else _FirstLine(form))
    if not tells:
        handler.addFilter(lambda record: record.name != "coc.store.trouble")
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if debugging else level, force=True)
    for noisy in ("urllib3", "alembic", "apscheduler"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


def config_path(context: typer.Context, given: Path | None) -> Path | None:
    """`coc --config F pull` and `coc pull --config F` are the same."""
    return given or (context.obj or {}).get("config")


def group_of(words: str) -> typer.Typer:
    """A group of commands; it takes `--config` between its name and its command too."""
    group = typer.Typer(help=words, no_args_is_help=True)

    @group.callback()
    def shared(context: typer.Context, config: ConfigOption = None) -> None:
        context.obj = {"config": config_path(context, config)}

    return group


def open_config(path: Path | None, realm: Realm | None = None) -> Config:
    """The checked config. A mistake in it is a usage error (exit 2), all mistakes in one message."""
    from coc import metrics
    from coc.settings import load
    from coc.settings.errors import ConfigError

    try:
        return load.open_config(path, connector_blocks(), kpi_ids=metrics.registered(), realm=realm)
    except ConfigError as error:
        mistakes = len(error.problems)
        head = f"{mistakes} mistakes in the config:\n" if mistakes > 1 else ""
        raise Refusal(head + str(error), USAGE) from error


def connector_blocks() -> dict[str, type[ConnectorBlock]]:
    """`type:` -> the model of its block."""
    import data_connectors

    return {kind: connector.Block for kind, connector in data_connectors.registry().items()}


def pick(settings: Settings, names: Sequence[str]) -> None:
    """Refuses a NAME that config does not have."""
    from coc.settings.errors import nearest

    for name in names:
        if name not in settings.connectors:
            known = ", ".join(settings.connectors) or "none"
            said = f"config names no connector `{name}`{nearest(name, settings.connectors)} (known: {known})"
            raise Refusal(said, USAGE)
