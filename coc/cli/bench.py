"""`coc bench`: the budgets, measured."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from coc.cli.frame import ConfigOption, guarded


@guarded
def bench(
    size: Annotated[
        Literal["S", "L"], typer.Option("--size", help="S: 100 k letters, 1 year. L: 1 M letters, 10 years.")
    ] = "S",
    database: Annotated[
        Literal["sqlite", "postgresql"], typer.Option("--database", help="The store's kind; made for the bench.")
    ] = "sqlite",
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Measure refresh cost, bulk load, board rebuild and memory beside their budgets. Uses stores of its own."""
    import importlib

    # Imported by name: the bench drives the whole product and is nobody's dependency.
    outcome = importlib.import_module("coc.bench").main(size, database)
    if outcome:
        raise typer.Exit(int(outcome))
