"""The items behind a figure. Its rows are the viewer's own: they come with the layout, never in a shared frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coc.access.questions import of
from coc.access.table import OF_LETTERS
from coc.live import services
from coc.ui import items_page, shell
from coc.ui.context import Context, context_of
from coc.ui.items_asked import Address, address_of
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="telusur",
    path="/telusur",
    boards=("correspondence", "disposition", "leaders", "adoption", "feeds"),
    title="telusur.title",
    lenses=OF_LETTERS,
    filters=frozenset({"unit", "window"}),
)


def layout(**query: Any) -> Any:
    now = services.current()
    view = now.view(PAGE.name, **query)
    address = address_of(query, now.reader.units(), context_of(view).say)
    return shell.compose(PAGE, lambda ctx: body(ctx, address), render, view, kept=address.query)


def skeleton(ctx: Context) -> list[Any]:
    return items_page.choose(ctx)


def body(ctx: Context, address: Address) -> list[Any]:
    """What the address asks for, as far as who asks may see it."""
    viewer, asked = services.viewer_in_hand(), address.asked
    if viewer is None or asked is None:
        return items_page.choose(ctx, address.told)
    if ctx.reading(asked.kpi).state == "not_recorded":
        return items_page.not_recorded(ctx, address)
    if of(asked.kpi) is None:
        return items_page.units(ctx, address)
    here = services.current().items
    behind = here.behind(viewer, asked, ctx.view.now, address.page, services.place_in_hand())
    if behind.rows.empty and address.page > 1 and behind.seen:
        address = replace(address, page=1, told=(*address.told, ctx.say("telusur.told.page", value=address.page)))
        behind = here.behind(viewer, asked, ctx.view.now, 1, services.place_in_hand())
    return items_page.listed(ctx, address, behind)


def render(view: View) -> Props:
    return shell.header_props(context_of(view), PAGE)
