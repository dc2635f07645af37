"""Why services went down: the reason in the sample of each turn, read once and held as long as the turn is."""

from __future__ import annotations

import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import to_index, to_micros
from coc.metrics.states import DOWN
from coc.store import Store
from coc.store.service_answers import Answer, At, answers

_UNKNOWN = Answer(None, None)


class Reasons:
    """`frame`: service, vantage, at, status, reason: a row for each turn of a service that is down from then on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: dict[At, Answer] = {}

    def of(self, turns: pd.DataFrame) -> pd.DataFrame:
        """`frame` for these turns. One whose sample is not there (moved to the window's opening) has no reason."""
        mine = turns[((turns["state"] == DOWN) & (turns["dataset"] == Dataset.SERVICE_SAMPLES.value)).to_numpy(bool)]
        at = to_micros(mine["at"]).tolist()
        keys = [At(*key) for key in zip(mine["entity"].tolist(), mine["vantage"].tolist(), at, strict=True)]
        new = [key for key in keys if key not in self._held]
        if new:
            with self.store.read() as connection:
                told = answers(connection, new)
            self._held |= {key: told.get(key, _UNKNOWN) for key in new}
        self._held = {key: self._held[key] for key in keys}
        return pd.DataFrame(
            {
                "service": pd.Series([key.service for key in keys], dtype="str"),
                "vantage": pd.Series([key.vantage for key in keys], dtype="str"),
                "at": to_index(to_micros(mine["at"])),
                "status": pd.Series([self._held[key].status for key in keys], dtype="Int64"),
                "reason": pd.Series([self._held[key].reason for key in keys], dtype="str"),
            }
        )
