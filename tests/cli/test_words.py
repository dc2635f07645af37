"""Help, mistakes and exit codes: what needs no source."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.cli.terminal import Terminal

COMMANDS = [
    "serve", "worker", "pull", "check", "status", "simulate", "drill", "bench",
    "quarantine list", "quarantine show", "db upgrade", "db status", "db prune",
    "token create", "token list", "token revoke", "template",
]  # fmt: skip


# What takes a second and more to import: help answers without any of it.
HEAVY = {"alembic", "apscheduler", "dash", "fastapi", "holidays", "numpy", "pandas", "pandera", "plotly", "pydantic",
         "requests", "sqlalchemy", "uvicorn"}  # fmt: skip
_IMPORTED = """
import atexit, sys
from coc.cli import main
atexit.register(lambda: print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr))
sys.argv = ["coc", "--help"]
main()
"""


def test_help_answers_before_anything_heavy_is_imported_and_names_every_command() -> None:
    ran = subprocess.run([sys.executable, "-c", _IMPORTED], capture_output=True, text=True, timeout=60, check=True)
    assert HEAVY & set(ast.literal_eval(ran.stderr)) == set()
    for command in COMMANDS:
        assert command.split()[0] in ran.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_config_and_has_help(terminal: Terminal, command: str) -> None:
    ran = terminal.coc(*command.split(), "--help")
    assert ran.code == 0
    assert "--config" in ran.out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nonsense"], "No such command"),
        (["pull", "--nonsense"], "No such option"),
        (["serve", "--port", "many"], "--port"),
        (["token", "create", "x", "--role", "king"], "--role"),
    ],
)
def test_a_mistyped_command_is_a_usage_error(terminal: Terminal, args: list[str], told: str) -> None:
    ran = terminal.coc(*args)
    assert ran.code == 2
    assert told in ran.err
    assert ran.out == ""


def test_a_config_mistake_is_told_with_its_line_and_exits_2(terminal: Terminal) -> None:
    terminal.write("connectors:\n  a: {type: sipadk, url: http://x}\nlimit: {}\n")
    ran = terminal.coc("pull")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "coc: 2 mistakes in the config:"
    assert "config.yaml:2: connectors.a.type: unknown type of connector; expected one of" in ran.err
    assert "did you mean `sipadek`?" in ran.err
    assert "config.yaml:3: limit: unknown key; did you mean `limits`?" in ran.err


def test_a_missing_config_says_how_to_name_one(terminal: Terminal) -> None:
    ran = terminal.coc("--config", "/nowhere/config.yaml", "status")
    assert ran.code == 2
    assert ran.err == (
        "coc: /nowhere/config.yaml: there is no such file; name one with --config, "
        "or start from the shipped config.yaml\n"
    )


def test_a_wrong_clock_is_a_sentence(terminal: Terminal) -> None:
    terminal.write("connectors: {a: {type: sipadek, url: 'http://127.0.0.1:9/coc/v1'}}\n")
    ran = terminal.coc("pull", env={"COC_CLOCK": "yesterday"})
    assert ran.code != 0
    assert ran.err == "coc: COC_CLOCK='yesterday' is not an ISO time; write e.g. 2026-03-02T10:00:00+07:00\n"
