"""The frames behind the charts: the city's, or one unit's where `unit` is given. Times UTC, days the city's `date`s."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, HOUR, NAT, Bools, Floats, Micros, to_index
from coc.metrics import backlog, published
from coc.metrics import points as network
from coc.metrics.city import City, WindowName
from coc.metrics.dispositions import backlog_rows, due_soon_rows, overdue_rows
from coc.metrics.facts import (
    Days,
    Positions,
    day_numbers,
    disposition_column,
    dispositions,
    first_disposition,
    letter_days,
    letters,
    now_of,
    once,
    positions,
    scopes,
    today_of,
    window_start,
    within,
)
from coc.metrics.past import availability_by_hour
from coc.metrics.published import days_frame
from coc.metrics.scoped import count, grouped_quantile
from coc.metrics.trend import trend

__all__ = [
    "app_latency",
    "backlog_by_age",
    "backlog_by_unit",
    "channels",
    "corrected",
    "flow",
    "points",
    "services",
    "trend",
    "unit_names",
    "wifi_availability",
    "wifi_by_hour",
]

AGES = ("0-1", "2-3", "4-5", "gt5")
_BUCKET = HOUR // 4
_APS = Dataset.AP_SAMPLES


def _of_unit(city: City, unit: Positions, code: str | None) -> Bools:
    if not code:
        return np.ones(len(unit), dtype=bool)
    wanted = positions(city, pd.Series([code], dtype="str"))[0]
    found: Bools = (unit == wanted) & (wanted > 0)
    return found


def _per_day(days: Days, rows: Bools, many: int) -> npt.NDArray[np.int64]:
    """How many of the rows are of each of the last days, today the last."""
    mine = days[rows]
    mine = mine[(mine > -many) & (mine <= 0)]
    return np.bincount(mine + np.intp(many - 1), minlength=many).astype("int64")


def flow(city: City, days: int = 30, unit: str | None = None) -> pd.DataFrame:
    """Letters by day, the last `days` with today: day, registered, dispositioned, completed, working, partial, note.

    And corrected: whether another number of letters registered or completed was published for the city's day.
    dispositioned: letters whose first disposition that is not cancelled was issued that day. working: by the default
    calendar. partial: today. note: the holiday's name, "" on other days.
    """
    rows = letters(city)
    mine = _of_unit(city, rows.unit, unit)
    handed = day_numbers(city, first_disposition(city))
    today = today_of(city)
    day = [today - timedelta(days=i) for i in range(days - 1, -1, -1)]
    notes = city.calendars.holiday_names(day[0], day[-1])
    return pd.DataFrame(
        {
            "day": pd.Series(day, dtype="object"),
            "registered": _per_day(letter_days(city, "registered"), mine, days),
            "dispositioned": _per_day(handed, mine, days),
            "completed": _per_day(letter_days(city, "completed"), mine, days),
            "working": city.calendars.default.is_working_day(day),
            "partial": [d == today for d in day],
            "note": pd.Series([notes.get(d, "") for d in day], dtype="str"),
            "corrected": np.logical_or.reduce(list(_corrected(city, day).values())) & (not unit),
        }
    )


def corrected(city: City, days: int = 90) -> pd.DataFrame:
    """The city's days, of the last `days`, for which another number of letters was published: id, day.

    id: correspondence.registered_today or completed_today. Today is not published yet.
    """
    day = [today_of(city) - timedelta(days=i) for i in range(days - 1, -1, -1)]
    marks = _corrected(city, day)
    return days_frame({kpi: [d for d, mark in zip(day, of, strict=True) if mark] for kpi, of in marks.items()})


def _corrected(city: City, day: list[date]) -> dict[str, Bools]:
    """By KPI, of each day: as published, a letter that was registered after its completion is no completed one yet."""
    registered, completed = letter_days(city, "registered"), letter_days(city, "completed")
    counts = {
        "correspondence.registered_today": _per_day(registered, np.ones(len(registered), dtype=bool), len(day)),
        "correspondence.completed_today": _per_day(completed, registered <= completed, len(day)),
    }
    return {kpi: published.corrected(city, kpi, day, of.astype("float64")) for kpi, of in counts.items()}


def unit_names(city: City) -> pd.DataFrame:
    """The list of units by name: code, name, kind (null where none is known)."""

    def find() -> pd.DataFrame:
        found = city.units.assign(name=city.units["code"].map(dict(city.unit_names)).fillna(city.units["code"]))
        return found[["code", "name", "kind"]].sort_values(["name", "code"]).reset_index(drop=True)

    return once(city.part.whole if city.part is not None else city, "unit_names", find)


def backlog_by_unit(city: City) -> pd.DataFrame:
    """Units with a backlog, the largest first: unit, name, backlog, overdue, due_soon."""
    rows, now = dispositions(city), now_of(city)
    waiting = backlog_rows(rows)
    units = scopes(city)
    frame = pd.DataFrame(
        {
            "unit": units,
            "name": units.map(dict(city.unit_names)).fillna(units),
            "backlog": count(city, rows.unit, waiting).astype("int64"),
            "overdue": count(city, rows.unit, overdue_rows(rows, now, waiting)).astype("int64"),
            "due_soon": count(city, rows.unit, due_soon_rows(rows, now, waiting)).astype("int64"),
        }
    ).iloc[1:]
    found = frame[frame["backlog"] > 0].sort_values(["backlog", "overdue", "unit"], ascending=[False, False, True])
    return found.reset_index(drop=True)


def backlog_by_age(city: City, unit: str | None = None) -> pd.DataFrame:
    """The backlog by age in working days of to_unit's calendar: bucket (0-1, 2-3, 4-5, gt5), backlog, overdue.

    Age: working days after the city date of issue, up to and with today; the day of issue never counts.
    """
    waits = _of_unit(city, dispositions(city).unit[backlog.waiting(city)], unit)
    age, late = backlog.age_in_days(city)[waits], backlog.late(city)[waits]
    bucket = np.searchsorted([1, 3, 5], age, side="left")
    return pd.DataFrame(
        {
            "bucket": pd.Series(AGES, dtype="str"),
            "backlog": np.bincount(bucket, minlength=len(AGES)),
            "overdue": np.bincount(bucket[late], minlength=len(AGES)),
        }
    )


def channels(city: City, window: WindowName = "30d", unit: str | None = None) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled: channel, device (null: unknown), count; the largest first."""
    rows, channel, device = dispositions(city), disposition_column(city, "channel"), disposition_column(city, "device")
    chosen = within(rows.issued, window_start(city, window), now_of(city)) & (rows.cancelled == NAT)
    chosen &= _of_unit(city, rows.unit, unit) & (channel.places >= 0)
    # A source may say "unknown" itself.
    words = [*device.words, *(() if "unknown" in device.words else ("unknown",))]
    devices = np.where(device.places < 0, words.index("unknown"), device.places)
    pairs = np.bincount(channel.places[chosen] * len(words) + devices[chosen], minlength=1)
    some = np.flatnonzero(pairs)
    found = pd.DataFrame(
        {
            "channel": pd.Series([channel.words[i // len(words)] for i in some], dtype="str"),
            "device": pd.Series([words[i % len(words)] for i in some], dtype="str"),
            "count": pairs[some],
        }
    )
    return found.sort_values(["count", "channel", "device"], ascending=[False, True, True]).reset_index(drop=True)


def wifi_by_hour(city: City) -> pd.DataFrame:
    """The last 24 clock hours of the access points that count: at (the hour's start), up_share, coverage, clients."""
    past, counted = network.past(city, _APS), network.counted(city, _APS)
    return availability_by_hour(past, city.now, 24, city.limits.ap, len(network.access_points(city)), counted)


def wifi_availability(city: City) -> pd.DataFrame:
    """Known time of the access points that count: hours (24, 720 by the clock), up_share (NaN: unknown), coverage."""
    rows = []
    for hours in (24, 30 * 24):
        known = network.known(city, _APS, hours)
        up, total = known["up_seconds"].sum(), (known["up_seconds"] + known["down_seconds"]).sum()
        window = 3600.0 * hours * len(known)
        rows.append((hours, up / total if total else np.nan, total / window if window else np.nan))
    table = np.array(rows, dtype="float64")
    return pd.DataFrame({"hours": table[:, 0].astype("int64"), "up_share": table[:, 1], "coverage": table[:, 2]})


def app_latency(city: City) -> pd.DataFrame:
    """The last 24 h of each service by quarter of an hour: service, name, at (its start), p50, p95 (ms), up_share.

    Latency is of samples with up = true, null ignored; up_share is of all samples. No row where there is no sample.
    """
    t = network.tracked(city)
    recent = np.flatnonzero(t.taken >= t.now - DAY)
    bucket = t.taken[recent] // _BUCKET
    group, (entity, at) = _groups(t.entity[recent], bucket)
    up = t.up[recent]
    latency = np.where(up, t.latency[recent], np.nan)
    names = network.services(city)["name"]
    service = pd.Series(t.entities[entity], dtype="str")
    frame = pd.DataFrame(
        {
            "service": service,
            "name": service.map(names),
            "at": to_index(at * _BUCKET),
            "p50": _quantiles(group, latency, 0.5, len(at)),
            "p95": _quantiles(group, latency, 0.95, len(at)),
            "up_share": np.bincount(group, weights=up, minlength=len(at)) / np.bincount(group, minlength=len(at)),
        }
    )
    return frame.sort_values(["service", "at"]).reset_index(drop=True)


def _groups(entity: Positions, bucket: Micros) -> tuple[Positions, tuple[Positions, Micros]]:
    """Rows numbered by their (entity, bucket), and the two of each number; rows come sorted by both."""
    if not len(entity):
        return entity, (entity, bucket)
    fresh = np.concatenate([[True], (entity[1:] != entity[:-1]) | (bucket[1:] != bucket[:-1])])
    return np.cumsum(fresh) - 1, (entity[fresh], bucket[fresh])


def _quantiles(group: Positions, values: Floats, q: float, groups: int) -> Floats:
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((values[known], group[known]))]
    return grouped_quantile(group[order], values[order], q, groups)


def points(city: City) -> pd.DataFrame:
    """Every access point that counts, now.

    Columns ap, name, site, site_name, area, state, flapping, since, clients, latency_ms, at.
    """
    found = network.access_points(city).join(network.states(city, Dataset.AP_SAMPLES))
    return found.reset_index()


def services(city: City) -> pd.DataFrame:
    """Every service, now: service, name, owner_unit, state, since, latency_ms, at, availability_24h, coverage."""

    def find() -> pd.DataFrame:
        known = network.known(city, Dataset.SERVICE_SAMPLES, 24)
        total = known["up_seconds"] + known["down_seconds"]
        now = network.states(city, Dataset.SERVICE_SAMPLES)[["state", "since", "latency_ms", "at"]]
        found = network.services(city).join(now)
        found["availability_24h"] = (known["up_seconds"] / total.where(total > 0)).astype("float64")
        found["coverage"] = known["coverage"]
        return found.reset_index()

    return once(city, "services_frame", find)
