"""The pages that were found: their spec and their `render`, by name. No list to edit."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pandas as pd

from coc.access.table import UndeclaredError
from coc.ui.context import Context
from coc.ui.page import PageSpec, Props, Render, View

FrameOf = Callable[[Context, str], pd.DataFrame | None]


@dataclass(frozen=True, slots=True)
class Page:
    """`charts`: by name the board and the frame behind it. `frame_of`: what of it a chart draws in a view."""

    spec: PageSpec
    render: Render
    layout: Callable[..., Any]
    charts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    frame_of: FrameOf | None = None


class PageError(RuntimeError):
    """A file in pages/ is not a page; the message names it."""


def load(folder: Path) -> list[ModuleType]:
    """Every module of the folder in order of name, but those that begin with `_`."""
    return [_module(folder, file) for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")]


def shipped() -> dict[str, Page]:
    """The pages of this program."""
    return pages_of(load(Path(importlib.import_module("pages").__path__[0])))


def _module(folder: Path, file: Path) -> ModuleType:
    name = f"{folder.name}.{file.stem}"
    if folder.name == "pages" and importlib.util.find_spec("pages") and _is_at(name, file):
        known = sys.modules.get(name)
        # A module's callbacks go to the application that is built after it ran: for another one it must run again.
        return importlib.import_module(name) if known is None else importlib.reload(known)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PageError(f"{file} cannot be loaded")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_at(name: str, file: Path) -> bool:
    """Whether Python finds the module where the folder has it: then it is imported as everyone else imports it."""
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None and Path(found.origin).samefile(file)


def pages_of(modules: Iterable[ModuleType]) -> dict[str, Page]:
    """Pages by name. Raises PageError for half a page or a name used twice, UndeclaredError for one that is for nobody.

    A page with charts names them: CHARTS = {chart: (board, frame, ...)}, and where it draws other rows of a frame than
    those of the view's unit and window, `frame_of(ctx, chart)`. A page without boards needs no `render`: what it shows
    comes by its own callbacks.
    """
    found: dict[str, Page] = {}
    for module in modules:
        spec, layout = getattr(module, "PAGE", None), getattr(module, "layout", None)
        render = getattr(module, "render", None if getattr(spec, "boards", True) else _nothing)
        if not isinstance(spec, PageSpec) or not callable(render) or not callable(layout):
            raise PageError(f"{module.__name__}: a page has PAGE (a PageSpec), layout(**query) and render(view)")
        if not spec.lenses:
            raise UndeclaredError(f"{module.__name__}: PAGE says for whom it is: lenses=EVERY_LENS, or those it is for")
        if spec.name in found:
            raise PageError(f"{module.__name__}: there is a page named {spec.name} already")
        charts = {name: (board, frame) for name, (board, frame, *_) in getattr(module, "CHARTS", {}).items()}
        found[spec.name] = Page(spec, cast(Render, render), layout, charts, getattr(module, "frame_of", None))
    return found


def _nothing(_: View) -> Props:
    return {}


def page_epoch(spec: PageSpec, board_epochs: Mapping[str, int]) -> int:
    """The highest epoch of the page's boards."""
    return max((board_epochs.get(name, 0) for name in spec.boards), default=0)
