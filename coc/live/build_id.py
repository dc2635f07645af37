"""Which build of the product this is: a page of another build reloads itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from coc.settings.models import Realm, Settings

_KINDS: Final = {".py", ".js", ".css", ".po", ".mo", ".json", ".csv"}
_LIBRARIES: Final = ("dash", "plotly", "dash-bootstrap-components")
# What a page is drawn from besides the data: another target is another picture at the same epoch.
_DRAWN_FROM: Final = {"city", "limits", "targets", "calendar", "letter_types", "retention"}


def build_id(settings: Settings, realm: Realm, roots: Iterable[Path]) -> str:
    """Twelve hex digits over the files, the libraries, the settings that pages show, and the realm."""
    digest = hashlib.blake2b(realm.encode(), digest_size=6)
    digest.update(settings.model_dump_json(include=_DRAWN_FROM).encode())
    for library in _LIBRARIES:
        digest.update(_version(library).encode())
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob("*"))
        for file in files:
            if file.suffix in _KINDS and "__pycache__" not in file.parts:
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
