"""What a disposition's row gives once calendars and limits are known: due, follow-up, its hours (DOMAIN, KPIs).

Computed once per row at ingest, stored with `derivation_digest`; a changed calendar or limit recomputes stale rows.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from coc.domain import instructions
from coc.domain.instants import HOUR, NAT, Micros, to_index, to_micros
from coc.domain.limits import Limit, Limits
from coc.domain.worktime import Calendar, Calendars


def due_at(dispositions: pd.DataFrame, urgency: pd.Series[Any], calendars: Calendars, limits: Limits) -> pd.Series[Any]:
    """When each disposition is due (UTC): the source's own due_at, else issued_at + the limit of the letter's urgency.

    `urgency`: the letter's, aligned with `dispositions`; null (the letter has not arrived) or unknown gives NaT.
    Limits in h add clock hours; working_h and working_d count in `to_unit`'s calendar.
    """
    issued = to_micros(dispositions["issued_at"])
    due = to_micros(dispositions["due_at"]).copy() if "due_at" in dispositions else np.full(len(issued), NAT)
    of_urgency = urgency.astype("object").to_numpy()
    open_rows = (due == NAT) & (issued != NAT)
    for calendar, in_calendar in calendars.groups(dispositions["to_unit"]):
        for name in type(limits.urgency).model_fields:
            rows = np.flatnonzero(open_rows & in_calendar & (of_urgency == name))
            if rows.size:
                due[rows] = _add(getattr(limits.urgency, name), issued[rows], calendar)
    return pd.Series(to_index(due), index=dispositions.index, name="due")


def _add(limit: Limit, issued: Micros, calendar: Calendar) -> Micros:
    if limit.unit == "h":
        return np.asarray(issued + round(limit.amount * HOUR))
    if limit.unit == "working_h":
        return to_micros(calendar.add_hours(issued, limit.amount))
    return to_micros(calendar.end_of_nth_working_day(issued, int(limit.amount)))


def derive(dispositions: pd.DataFrame, calendars: Calendars, limits: Limits) -> pd.DataFrame:
    """The derived columns, on the index of `dispositions` (canonical columns and `letter_urgency`).

    due: UTC instant or NaT. needs_follow_up: bool. followup_hours: working hours of `to_unit`'s calendar from issued_at
    to completed_at, NaN while open. outside_hours: issued outside working time of the default calendar.
    """
    issued, completed = to_micros(dispositions["issued_at"]), to_micros(dispositions["completed_at"])
    hours = np.full(len(issued), np.nan)
    for calendar, rows in calendars.groups(dispositions["to_unit"]):
        hours[rows] = calendar.hours_between(issued[rows], completed[rows])
    return pd.DataFrame(
        {
            "due": due_at(dispositions, dispositions["letter_urgency"], calendars, limits),
            "needs_follow_up": instructions.needs_follow_up(dispositions["instruction"]),
            "followup_hours": hours,
            "outside_hours": (issued != NAT) & ~calendars.default.inside(issued),
        },
        index=dispositions.index,
    )


def derivation_digest(calendars: Calendars, limits: Limits) -> str:
    """Changes whenever `derive` would give another answer for the same row."""
    rules = json.dumps([limits.urgency.model_dump(mode="json"), instructions.NEEDS_FOLLOW_UP], sort_keys=True)
    return hashlib.blake2b((calendars.digest + rules).encode(), digest_size=16).hexdigest()
