"""Dash's components without their generated signatures, which know no `data-*` and no `aria-*`."""

from __future__ import annotations

from typing import Any

from dash import dcc as _dcc
from dash import html as _html

html: Any = _html
dcc: Any = _dcc
