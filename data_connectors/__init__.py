"""One file per kind of source, found by its presence here or by the entry point group `coc.connectors`.

A connector file holds one class with `kind` (the `type:` in config.yaml), `datasets`, `Block` (its config block) and
`check`, `pull`, `provides` (`data_connectors.base`). Nothing else has to be edited to add one.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

from data_connectors.base import Connector, FetchError

ENTRY_POINTS: Final = "coc.connectors"
log = logging.getLogger(__name__)

__all__ = ["Connector", "FetchError", "is_pushed", "registry"]


@cache
def registry() -> dict[str, type[Any]]:
    """`type:` -> connector class. Ours win over a third party's of the same kind; a broken third party is left out."""
    found: dict[str, type[Any]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        found |= {
            cls.kind: cls for cls in vars(loaded).values() if _is_connector(cls) and cls.__module__ == loaded.__name__
        }
    for point in entry_points(group=ENTRY_POINTS):
        try:
            cls = point.load()
        except Exception as error:  # noqa: BLE001 - somebody else's package must not stop the city
            log.warning("connector %s (%s) cannot be loaded: %s", point.name, point.value, type(error).__name__)
            continue
        if _is_connector(cls):
            found.setdefault(cls.kind, cls)
        else:
            log.warning("entry point %s (%s) is not a connector", point.name, point.value)
    return found


def is_pushed(kind: str) -> bool:
    """Whether connectors of this kind report by themselves (`Connector.pushed`)."""
    return bool(getattr(registry().get(kind), "pushed", False))


def _is_connector(found: object) -> bool:
    return (
        inspect.isclass(found)
        and isinstance(getattr(found, "kind", None), str)
        and all(hasattr(found, name) for name in ("Block", "datasets", "check", "pull", "provides"))
    )
