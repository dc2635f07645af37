"""Plotly's cartesian build, gzipped in git (0.5 MB for 1.5) and unpacked beside the other assets before Dash looks.

Dash serves every `assets/*.js`, and a script that defines `window.Plotly` takes the place of Dash's own bundle, which
is three times as heavy. Where it cannot be unpacked, Dash's bundle serves: heavier, never broken.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from pathlib import Path

_NAME = "plotly-cartesian.min.js"


def unpack(assets: Path) -> Path | None:
    """The unpacked script in `assets`, written once, whole or not at all; None where that is impossible."""
    packed, target = assets / "vendor" / f"{_NAME}.gz", assets / _NAME
    try:
        if target.exists() and target.stat().st_mtime >= packed.stat().st_mtime:
            return target
        script = gzip.decompress(packed.read_bytes())
        # Two servers may start at once: each writes its own file and renames it into place.
        handle, path = tempfile.mkstemp(dir=assets, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(script)
        Path(path).chmod(0o644)
        Path(path).replace(target)
    except (OSError, EOFError, zlib.error):
        return None
    return target
