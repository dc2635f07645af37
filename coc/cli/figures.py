"""`coc kpi`: what each figure is, how it is counted and where it should be."""

from __future__ import annotations

from typing import Annotated

import typer

from coc.cli.frame import ConfigOption, JsonOption, answer, config_path, guarded, open_config, table


@guarded
def kpi(
    context: typer.Context,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", metavar=" ", help="The whole in both languages as Markdown: docs/kpi.md.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what every KPI is: formula, unit, direction, target and source."""
    from zoneinfo import ZoneInfo

    from coc.ui.format import Writer
    from coc.ui.kpi_document import markdown, rows_of

    settings = open_config(config_path(context, config), None).settings
    if as_markdown:
        typer.echo(markdown(settings), nl=False)
        return
    names = ("id", "name", "definition", "formula", "unit", "better", "target", "source")
    writer = Writer("en", ZoneInfo(settings.city.time_zone))
    items = [dict(zip(names, row, strict=True)) for row in rows_of(writer, settings.limits, settings.targets)]
    if as_json:
        answer([item | {"id": item["id"].strip("`")} for item in items])
        return
    table(
        "KPIs",
        ("id", "formula", "unit", "better", "target"),
        [(i["id"].strip("`"), i["formula"], i["unit"], i["better"], i["target"]) for i in items],
    )
