"""What boards were made of is a quarter of the process; freed, it stays with the C library until it is asked back."""

from __future__ import annotations

import ctypes
from typing import Any


def give_back() -> None:
    """Give freed memory back to the system, where the C library knows how (glibc: some milliseconds)."""
    library: Any = ctypes.CDLL(None)
    trim = getattr(library, "malloc_trim", None)
    if trim is not None:
        trim(0)
