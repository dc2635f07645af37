"""What a page is: a spec, `layout()` and `render(view)`; the first paint and every refresh use the same `render`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from coc.access.viewer import Lens
from coc.boards.board import Board
from coc.metrics.city import WindowName
from coc.settings.models import Settings

Filter = Literal["unit", "window"]
ScopeOf = Literal["unit", "point", "service"]
Props = dict[str, dict[str, Any]]  # component id -> properties


@dataclass(frozen=True, slots=True)
class PageSpec:
    """`name` is the body's data-page and the prefix of the page's component ids.

    `filters`: what of its figures a viewer may choose; the choice is in the URL (`?unit=`, `?window=`) and in the view.
    `parts`: the sections of a page that shows one at a time, by `?view=`; the first is the one without it.
    `of`: what a scope of the page is: a unit, an access point, or a service (an application or a link).
    `lenses`: who may have the page; a page that names none stops the start. `switched`: by lens, the switch that opens
    it to that lens as well.
    """

    name: str
    path: str
    boards: tuple[str, ...]
    title: str  # a message id of the catalogue
    lenses: frozenset[Lens] = frozenset()
    filters: frozenset[Filter] = frozenset()
    parts: tuple[str, ...] = ()
    of: ScopeOf = "unit"
    switched: Mapping[Lens, str] = field(default_factory=dict)

    def is_for(self, lens: Lens, switched_on: Callable[[str], bool]) -> bool:
        """Whether a lens may have the page, as the switches stand."""
        switch = self.switched.get(lens)
        return lens in self.lenses or (switch is not None and switched_on(switch))


@dataclass(frozen=True, slots=True)
class View:
    """All that a render may know. No clock, no store, no request: the same view gives the same bytes."""

    page: str
    boards: Mapping[str, Board]
    lens: str
    language: str
    theme: str
    scope: str  # a unit code or, on the page of a point or a service, its id; "" for the city
    epoch: int
    now: datetime
    realm: str
    simulated: bool
    settings: Settings
    window: WindowName = "30d"
    part: str = ""  # the section of a page that has sections
    of: ScopeOf = "unit"  # what the scope is


Render = Callable[[View], Props]
