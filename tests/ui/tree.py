"""Walk a tree of Dash components as a reader of the page would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dash.development.base_component import Component


def walk(node: Any) -> Iterator[Component]:
    """Every component of a component, a list, or a render's props."""
    if isinstance(node, Component):
        yield node
        yield from walk(getattr(node, "children", None))
    elif isinstance(node, dict):
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from walk(child)


def attribute(component: Component, name: str) -> Any:
    return component.to_plotly_json()["props"].get(name)


def with_attribute(node: Any, name: str) -> dict[str, Component]:
    """Components that carry the attribute, by its value."""
    return {attribute(c, name): c for c in walk(node) if attribute(c, name) is not None}


def text_of(node: Any) -> str:
    if isinstance(node, Component):
        return text_of(getattr(node, "children", None))
    if isinstance(node, (list, tuple)):
        return "".join(map(text_of, node))
    return "" if node is None else str(node)
