"""`coc probe`: the program at a site that tells the COC what is seen from there."""

from __future__ import annotations

import ipaddress
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from coc.cli.frame import FAILED, USAGE, Refusal, guarded, log_to_stderr

if TYPE_CHECKING:
    from coc.settings.models import ConnectorBlock

TOKEN = "COC_PROBE_TOKEN"  # noqa: S105 - the name of the variable
_UNTIL_A_PLAN = 30.0  # seconds between questions while nobody has said how often


@guarded
def probe(
    report: Annotated[str, typer.Option("--report", metavar="URL", help="The COC's address, as people open it.")],
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help=f"Holds the token; else ${TOKEN}.")
    ] = None,
    buffer: Annotated[
        Path, typer.Option("--buffer", metavar="FILE", help="Where samples wait while the COC is away.")
    ] = Path("var/probe.db"),
    keep: Annotated[int, typer.Option("--keep", metavar="N", min=100, help="Samples kept; the oldest go.")] = 50_000,
    authority: Annotated[
        Path | None,
        typer.Option("--authority", metavar="FILE", help="Who signed the COC's certificate."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", metavar=" ", help="One round; exit 1 if not heard.")] = False,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", metavar=" ", help="Send the token over http, in a network that is yours.")
    ] = False,
) -> None:
    """Look at what the COC asks for, and report it."""
    from coc.probe.agent import Agent
    from coc.probe.buffer import Buffer

    log_to_stderr(logging.INFO)
    token = _token(token_file)
    coc = _address(report, token, authority, plain_http=plain_http)
    try:
        held = Buffer(buffer, keep)
    except (sqlite3.Error, OSError) as error:
        said = f"--buffer {buffer} cannot be used ({error}); name another file, or move a damaged one away"
        raise Refusal(said, USAGE) from None
    try:
        agent = Agent(coc, token, held)
        while True:
            began = time.monotonic()
            heard = agent.round()
            if once:
                raise typer.Exit(0 if heard else FAILED)
            every = agent.plan.every_seconds if agent.plan else _UNTIL_A_PLAN
            time.sleep(max(every - (time.monotonic() - began), 0.1))
    finally:
        held.close()


def _token(file: Path | None) -> str:
    try:
        found = file.read_text(encoding="utf-8") if file else os.environ.get(TOKEN, "")
    except OSError as error:
        raise Refusal(f"--token-file {file}: {error.strerror}", USAGE) from None
    if not found.strip():
        said = (
            f"no token: set {TOKEN} or name its file with --token-file; `coc token create NAME --role probe` makes one"
        )
        raise Refusal(said, USAGE)
    return found.strip()


def _address(url: str, token: str, authority: Path | None, *, plain_http: bool) -> ConnectorBlock:
    from pydantic import SecretStr

    from coc.settings.models import Auth, ConnectorBlock

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(f"--report {url!r} is no address such as https://coc.example.go.id", USAGE)
    if parts.scheme == "http" and not (plain_http or _is_here(parts.hostname)):
        raise Refusal(
            "over http anybody on the way reads the token: use https, or --plain-http in your own network", USAGE
        )
    verify = True if authority is None else str(authority)
    return ConnectorBlock(type="probe", url=url, auth=Auth(bearer=SecretStr(token)), verify=verify, deadline_seconds=30)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
