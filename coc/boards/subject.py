"""What a board holds: its KPIs and the frames behind its charts. One file of `coc/boards/subjects` a board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from coc.boards.city import ALL, PUBLIC
from coc.domain.datasets import MOVING, Dataset
from coc.metrics.city import City
from coc.metrics.registry import NO_DATA, NOT_RECORDED, compute, registered

FrameMaker = Callable[[City], pd.DataFrame]
MAIL: Final = frozenset({Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS})


@dataclass(frozen=True, slots=True)
class Subject:
    """`prefixes` name the KPI ids of the board; `datasets` are what it is made from (its oldest feed is its as_of).

    `public`: whether the public lens may have any of it; else it is not even made for that population.
    """

    name: str
    prefixes: tuple[str, ...]
    datasets: frozenset[Dataset]
    frames: Mapping[str, FrameMaker]
    public: bool = True

    @property
    def populations(self) -> tuple[str, ...]:
        return (ALL, PUBLIC) if self.public else (ALL,)

    @property
    def moving(self) -> frozenset[Dataset]:
        """The datasets whose rows it counts; the rest only name things."""
        return self.datasets & frozenset(MOVING)

    @property
    def of_letters(self) -> bool:
        """Whether secret letters are in it: only then do the populations differ."""
        return Dataset.LETTERS in self.datasets

    def kpi_ids(self) -> list[str]:
        return [i for i in registered() if i.split(".")[0] in self.prefixes]


def compute_subject(subject: Subject, city: City) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The board's KPI frame (`KPI_COLUMNS`) and its chart frames."""
    return compute(city, ids=subject.kpi_ids()), {name: make(city) for name, make in subject.frames.items()}


def compute_awaited(subject: Subject, city: City) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The same while the first fill of its source is not done: no figure, for half a city would pass for the whole."""
    nothing = {d.value: getattr(city, d.value).iloc[:0] for d in subject.moving}
    pasts = {d: past for d, past in city.pasts.items() if d not in subject.moving}
    kpis, frames = compute_subject(subject, replace(city, pasts=pasts, part=None, letter_places=None, **nothing))
    recorded = kpis["state"] != NOT_RECORDED
    kpis = kpis.assign(value=np.nan, state=kpis["state"].where(~recorded, NO_DATA))
    return kpis, {name: frame.iloc[:0] for name, frame in frames.items()}
