"""The board of /pimpinan: a made-up quarter of the leaders' dispositions, counted by the real frame makers."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pandas as pd

from coc.boards.subjects import offices
from coc.domain.datasets import Dataset
from coc.domain.derive import derive
from coc.domain.limits import Limits
from coc.domain.offices import OFFICES
from tests.metrics.cities import frame
from tests.ui import factory_disposisi

KPIS = {"leaders.first_disposition_hours_p50": 3.4}
_CODES = ("LAKSANAKAN", "TELAAH", "KOORDINASIKAN", "HADIRI", "UNTUK_DIKETAHUI", "ARSIPKAN", "LAINNYA")


@cache
def frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    """By board the frames of a city whose leaders gave 600 dispositions, some to each other; some letters still lie."""
    chance, city = random.Random(5), factory_disposisi.made(now)
    letters = [
        {
            "source_id": f"P{n}",
            "kind": "incoming",
            "unit": "SETDA",
            "registered_at": now - timedelta(hours=chance.uniform(1, 900)),
        }
        for n in range(320)
    ]
    rows = []
    for n in range(600):
        issued = now - timedelta(hours=chance.triangular(1, 2100, 200))
        took = timedelta(hours=chance.lognormvariate(3.6, 1.0))
        done = issued + took
        rows.append(
            {
                "source_id": f"PD{n}",
                "letter_id": f"P{n % 312}",
                "from_office": chance.choices(OFFICES, (20, 12, 50, 6, 6, 6))[0],
                "to_unit": "SETDA",
                "to_office": chance.choice([*OFFICES, "kepala:DISDIK", "kepala:DINKES"]),
                "channel": chance.choices(["text", "voice", "scanned_signature"], [50, 35, 15])[0],
                "instruction": chance.choice(_CODES),
                "issued_at": issued,
                "due_at": issued + timedelta(hours=chance.choice([24, 48, 120])),
                "completed_at": done if done < now and chance.random() < 0.9 else None,
            }
        )
    given = frame(Dataset.DISPOSITIONS, rows)
    given["letter_urgency"] = pd.Series(["biasa"] * len(rows), dtype="str")
    given["letter_deleted"] = pd.Series(False, index=given.index, dtype="boolean")
    given = given.join(derive(given, city.calendars, Limits()))
    whole = replace(city, letters=frame(Dataset.LETTERS, letters), dispositions=given)
    return {"offices": {name: make(whole) for name, make in offices.SUBJECT.frames.items()}}
