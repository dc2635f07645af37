"""The only way to read letters and dispositions one by one: which rows and columns a viewer gets (DOMAIN, Privacy).

A lens that sees no letter rows gets a frame without any. Every read leaves a line in the audit log that names the
question and how many rows answered it, never what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import pandas as pd

from coc.access.audit import Audit
from coc.access.table import OF_LETTERS
from coc.access.viewer import SECURITIES, Lens, Viewer
from coc.domain.datasets import COLUMNS, Dataset
from coc.ingest.context import known_units
from coc.settings.models import Realm, Settings
from coc.store import Sight, Store, Wanted

_CONTENTS: Final = frozenset(c.name for d in (Dataset.LETTERS, Dataset.DISPOSITIONS) for c in COLUMNS[d] if c.content)
# Letter contents that each lens does not see.
_HIDDEN: Final[Mapping[Lens, frozenset[str]]] = {"head": frozenset(), "leader": frozenset()}
_HIDDEN_OF_OPERATORS: Final = _CONTENTS - {"number"}
_ALL: Final = Wanted()


class Rows:
    """Letter rows of one realm."""

    def __init__(self, store: Store, audit: Audit, settings: Settings, realm: Realm) -> None:
        self._store, self._audit, self._settings, self._realm = store, audit, settings, realm

    def letters(
        self, viewer: Viewer, wanted: Wanted = _ALL, from_where: str = "", action: str = "rows.read"
    ) -> pd.DataFrame:
        """The letters that the viewer may see, the newest first; a content that it may not see is no column."""
        return self._read(self._store.seen_letters, Dataset.LETTERS, viewer, wanted, from_where, action)

    def dispositions(
        self, viewer: Viewer, wanted: Wanted = _ALL, from_where: str = "", action: str = "rows.read"
    ) -> pd.DataFrame:
        """The dispositions of letters that the viewer may see, the newest first; columns as with letters."""
        return self._read(self._store.seen_dispositions, Dataset.DISPOSITIONS, viewer, wanted, from_where, action)

    def _read(
        self,
        seen: Callable[..., pd.DataFrame],
        dataset: Dataset,
        viewer: Viewer,
        wanted: Wanted,
        from_where: str,
        action: str,
    ) -> pd.DataFrame:
        found = seen(self._sight(viewer), wanted, hidden_of(viewer))
        self._audit.wrote(viewer, action, f"{dataset.value}{_asked(wanted)}: {len(found)} rows", from_where)
        return found

    def _sight(self, viewer: Viewer) -> Sight:
        top = viewer.clearance if viewer.lens in OF_LETTERS else None
        classes = () if top is None else SECURITIES[: SECURITIES.index(top) + 1]
        units = self._with_children(viewer.units) if viewer.lens == "head" else None
        return Sight(classes, units, unknown=top == SECURITIES[-1])

    def _with_children(self, own: Iterable[str]) -> frozenset[str]:
        units = known_units(self._store, self._settings, self._realm)
        return with_children(own, dict(zip(units["code"], units["parent"], strict=True)))


def with_children(own: Iterable[str], parents: Mapping[str, str | None]) -> frozenset[str]:
    """Units and all below them. `parents`: a unit's parent, by code; a circle among them ends."""
    below: dict[str, list[str]] = {}
    for code, parent in parents.items():
        if isinstance(parent, str):
            below.setdefault(parent, []).append(code)
    found, left = set[str](), list(own)
    while left:
        code = left.pop()
        if code not in found:
            found.add(code)
            left += below.get(code, [])
    return frozenset(found)


def hidden_of(viewer: Viewer) -> frozenset[str]:
    """The letter contents that the viewer does not see."""
    return _HIDDEN_OF_OPERATORS if viewer.lens == "operator" else _HIDDEN.get(viewer.lens, _CONTENTS)


def _asked(wanted: Wanted) -> str:
    """The question in words, for the audit log. Ids are counted: they are a source's, and may say anything."""
    said = {
        "unit": wanted.unit,
        "since": wanted.since and wanted.since.isoformat(timespec="seconds"),
        "ids": None if wanted.ids is None else len(wanted.ids),
        "limit": wanted.limit,
        "offset": wanted.offset or None,
    }
    return "".join(f" {name}={value}" for name, value in said.items() if value is not None)
