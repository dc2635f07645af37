"""The boards, one file each, found by name: `SUBJECT`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final

from coc.boards.subject import Subject


def _found() -> tuple[Subject, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}."))
    return tuple(importlib.import_module(name).SUBJECT for name in names)


SUBJECTS: Final = _found()
