"""Every table of the control store, by name; each module beside this one adds its own."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
