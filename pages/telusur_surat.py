"""One letter's tree of dispositions, the viewer's own as `/telusur`'s list is."""

from __future__ import annotations

from typing import Any

from coc.access.table import OF_LETTERS
from coc.live import services
from coc.ui import letter_tree, shell
from coc.ui.context import Context, context_of
from coc.ui.links import told
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="tree",
    path="/telusur/<source>/<letter>",
    boards=("correspondence", "feeds"),
    title="tree.title",
    lenses=OF_LETTERS,
)


def layout(source: str = "", letter: str = "", **query: Any) -> Any:
    view = services.current().view(PAGE.name, **query)
    return shell.compose(PAGE, lambda ctx: body(ctx, told(source), told(letter)), render, view)


def skeleton(ctx: Context) -> list[Any]:
    return letter_tree.absent(ctx)


def body(ctx: Context, source: str, letter: str) -> list[Any]:
    """The letter, where who asks may see it."""
    viewer = services.viewer_in_hand()
    if viewer is None or not letter:
        return letter_tree.absent(ctx)
    found = services.current().items.tree(viewer, source, letter, ctx.view.now, services.place_in_hand())
    return letter_tree.absent(ctx) if found is None else letter_tree.shown(ctx, found)


def render(view: View) -> Props:
    return shell.header_props(context_of(view), PAGE)
