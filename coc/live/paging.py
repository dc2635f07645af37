"""The pages that were found: their spec and their `render`, by name. No list to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import cast

from coc.ui.page import PageSpec, Render


@dataclass(frozen=True, slots=True)
class Page:
    spec: PageSpec
    render: Render


class PageError(RuntimeError):
    """A file in pages/ is not a page; the message names it."""


def pages_of(modules: Iterable[ModuleType]) -> dict[str, Page]:
    """Pages by name, of the modules that define `PAGE`. Raises PageError for half a page or a name used twice."""
    found: dict[str, Page] = {}
    for module in modules:
        spec = getattr(module, "PAGE", None)
        if spec is None:
            continue  # a page without boards: a form, a text
        render = getattr(module, "render", None)
        if not isinstance(spec, PageSpec) or not callable(render):
            raise PageError(f"{module.__name__}: a page has PAGE (a PageSpec) and render(view)")
        if spec.name in found:
            raise PageError(f"{module.__name__}: there is a page named {spec.name} already")
        found[spec.name] = Page(spec, cast(Render, render))
    return found


def page_epoch(spec: PageSpec, board_epochs: Mapping[str, int]) -> int:
    """The highest epoch of the page's boards."""
    return max((board_epochs.get(name, 0) for name in spec.boards), default=0)
