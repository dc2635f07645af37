"""`coc access`: who may have what, from the table that the server asks."""

from __future__ import annotations

from typing import Annotated

import typer

from coc.cli.frame import JsonOption, answer, guarded, table


@guarded
def access(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", metavar=" ", help="The whole as Markdown: docs/access.md.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who may have which path and page."""
    from coc.access.document import markdown
    from coc.access.table import RULES
    from coc.access.viewer import LENSES
    from coc.cli.declared import COMMANDS
    from coc.live.paging import shipped

    pages = {name: (page.spec.path, page.spec.lenses) for name, page in shipped().items()}
    if as_markdown:
        typer.echo(markdown(pages, {c.name: c.audited for c in COMMANDS}), nl=False)
        return
    items = [
        {
            "path": rule.path,
            "right": rule.right.value,
            "lenses": [lens for lens in LENSES if lens in rule.lenses],
            "methods": list(rule.methods),
            "audited": rule.audited,
        }
        for rule in RULES
    ]
    items += [
        {
            "path": path,
            "right": "viewer",
            "lenses": [lens for lens in LENSES if lens in lenses],
            "methods": ["GET", "HEAD"],
            "audited": "",
        }
        for path, lenses in pages.values()
    ]
    if as_json:
        answer(items)
        return
    rows = [
        (
            i["path"],
            i["right"],
            "all" if i["lenses"] == list(LENSES) else ", ".join(i["lenses"]),
            ", ".join(i["methods"]),
            i["audited"] or "-",
        )
        for i in items
    ]
    table("rights", ("path", "for", "lenses", "methods", "audited"), rows)
