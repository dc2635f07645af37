"""The commands, by subject. Their bodies import what they need, so that `--help` and a typo answer at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from coc.cli import (
    alerts,
    audit,
    bench,
    database,
    drill,
    export,
    figures,
    look,
    probe,
    pull,
    quarantine,
    rights,
    serve,
    simulate,
    template,
    token,
    user_link,
)
from coc.cli.declared import declare
from coc.cli.frame import ConfigOption

app = typer.Typer(
    name="coc",
    help="City Operation Center: pull the city's sources, compute its figures, show them on every screen.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def shared(
    context: typer.Context,
    config: ConfigOption = None,
    version: Annotated[bool, typer.Option("--version", metavar=" ", help="Print the version and exit.")] = False,
) -> None:
    context.obj = {"config": config}
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("coc-dashboard"))
        raise typer.Exit


app.command()(serve.serve)
app.command()(serve.worker)
app.command()(pull.pull)
app.command()(look.check)
app.command()(look.status)
app.add_typer(quarantine.group, name="quarantine")
app.add_typer(database.group, name="db")
app.command()(simulate.simulate)
app.command()(drill.drill)
app.add_typer(user_link.group, name="user")
app.add_typer(token.group, name="token")
app.add_typer(audit.group, name="audit")
app.add_typer(alerts.group, name="alerts")
app.command()(export.export)
app.command()(probe.probe)
app.command()(figures.kpi)
app.command()(rights.access)
app.command()(bench.bench)
app.command()(template.template)


def _named(typers: typer.Typer, before: str = "") -> Iterator[str]:
    for found in typers.registered_commands:
        made = found.name or (found.callback.__name__ if found.callback else "")
        yield before + made.replace("_", "-")
    for group in typers.registered_groups:
        if group.typer_instance is not None:
            yield from _named(group.typer_instance, f"{before}{group.name} ")


# A command that nobody entered in the table of rights does not start, nor does any other.
declare(_named(app))
