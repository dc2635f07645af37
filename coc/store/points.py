"""One access point, service or link, row by row: what only its own page asks for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.domain.instants import to_index
from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.rows import fetch
from coc.store.state_tables import state_changes
from coc.store.tables import TABLES


class Points(Database):
    def service_samples(self, service: str, vantages: Iterable[str], since: datetime, until: datetime) -> pd.DataFrame:
        """The samples of a service in [since, until] from these vantages ("": the COC's own room)."""
        c = TABLES[Dataset.SERVICE_SAMPLES].c
        mine = [c.service == service, c.vantage.in_(sorted(vantages))]
        return self._between(Dataset.SERVICE_SAMPLES, mine, since, until)

    def link_samples(self, link: str, since: datetime, until: datetime) -> pd.DataFrame:
        """The samples of a link in [since, until]."""
        return self._between(Dataset.LINK_SAMPLES, [TABLES[Dataset.LINK_SAMPLES].c.link == link], since, until)

    def _between(
        self, dataset: Dataset, mine: list[sa.ColumnElement[bool]], since: datetime, until: datetime
    ) -> pd.DataFrame:
        at = TABLES[dataset].c.at
        within = [at >= codec.micros(since), at <= codec.micros(until)]
        with self.read() as connection:
            return fetch(connection, dataset, *mine, *within)

    def point_samples(self, ap: str, since: datetime, until: datetime) -> pd.DataFrame:
        """The samples of an access point in [since, until], canonical columns, in order of time."""
        c = TABLES[Dataset.AP_SAMPLES].c
        mine = [c.ap == ap, c.at >= codec.micros(since), c.at <= codec.micros(until)]
        with self.read() as connection:
            return fetch(connection, Dataset.AP_SAMPLES, *mine, order=[c.at])

    def point_turns(self, ap: str, since: datetime, until: datetime) -> pd.DataFrame:
        """Its changes of state in [since, until] (hysteresis), and before them the one it came with: at, state."""
        c = state_changes.c
        mine = [c.dataset == Dataset.AP_SAMPLES.value, c.entity == ap, c.vantage == ""]
        first, last = codec.micros(since), codec.micros(until)
        came = sa.select(sa.func.max(c.at)).where(*mine, c.at <= first).scalar_subquery()
        chosen = sa.select(c.at, c.state).where(*mine, c.at >= sa.func.coalesce(came, first), c.at <= last)
        with self.read() as connection:
            rows = connection.execute(chosen.order_by(c.at)).fetchall()
        states = pd.Series([str(state) for _, state in rows], dtype="str")
        return pd.DataFrame({"at": to_index(np.array([at for at, _ in rows], dtype="int64")), "state": states})
