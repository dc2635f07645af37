"""The frames behind /aplikasi: applications and the city's own links, now, by day, by vantage and over the day.

An entity is of a `kind`: `app` or `link`; both are answered for in the same strips, for where the uplink is gone no
application is reached. What a place sees is told apart by vantage; the COC's own room is "".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, HOUR, NAT, SECOND, Floats, Micros, micros_of, to_index, to_micros
from coc.metrics import points
from coc.metrics.city import City
from coc.metrics.facts import Positions, now_of, once, places, today_of
from coc.metrics.states import Track, track

DAYS: Final = 90
APP: Final = "app"
LINK: Final = "link"
KINDS: Final = {APP: Dataset.SERVICE_SAMPLES, LINK: Dataset.LINK_SAMPLES}
ROOM: Final = ""
WINDOWS: Final = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}
STEP: Final = HOUR // 2
_STEPS: Final = DAY // STEP
_NEVER: Final = int(np.iinfo("int64").max)
_LATENCY: Final = 1 << 32  # microseconds of an answer: more than an hour


def listed(city: City) -> pd.DataFrame:
    """Every application and link, now: kind, service, name, unit, provider, site, state, flapping, since, at, p50, p95,
    certificate_until, and of the last 24h, 7d, 30d up_share_<w>, coverage_<w>.

    p50, p95: ms of the answers of the last 24 h, as the COC's own room measured. up_share: NaN where nothing is known.
    """
    return once(city, "apps_listed", lambda: _frame([_columns(city, kind) for kind in KINDS]))


def _columns(city: City, kind: str) -> dict[str, Any]:
    dataset = KINDS[kind]
    found, now = points.population(city, dataset), points.states(city, dataset)
    who, n = found.index, len(found)
    p50, p95 = _quantiles_of_day(city, kind, who)
    columns = {
        "kind": np.full(n, kind, dtype=object),
        "service": who.to_numpy(dtype=object),
        "name": found["name"].to_numpy(dtype=object),
        "unit": found["owner_unit" if kind == APP else "unit"].to_numpy(dtype=object),
        "provider": np.full(n, None) if kind == APP else found["provider"].to_numpy(dtype=object),
        "site": np.full(n, None) if kind == APP else found["site"].to_numpy(dtype=object),
        "state": now["state"].to_numpy(dtype=object),
        "flapping": now["flapping"].to_numpy(dtype=bool),
        "since": to_micros(now["since"]),
        "at": to_micros(now["at"]),
        "p50": p50,
        "p95": p95,
        "certificate_until": _certificates(city, who) if kind == APP else np.full(n, NAT),
    }
    for name, hours in WINDOWS.items():
        known = points.known(city, dataset, hours)
        up, down = (known[c].to_numpy(dtype="float64") for c in ("up_seconds", "down_seconds"))
        columns |= {f"up_share_{name}": _ratio(up, up + down), f"coverage_{name}": known["coverage"].to_numpy()}
    return columns


def _frame(parts: list[dict[str, Any]]) -> pd.DataFrame:
    """One frame of several parts' columns, put together once."""
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pd.DataFrame(
        {
            name: to_index(values)
            if name in ("since", "at", "certificate_until")
            else pd.array(values, dtype="str")
            if values.dtype == object
            else values
            for name, values in found.items()
        },
        copy=False,
    )


def _certificates(city: City, services: pd.Index[Any]) -> Micros:
    """The earliest end that a source knows: two that look at one address see one certificate."""
    of, ends = services.get_indexer(pd.Index(city.services["source_id"])), to_micros(city.services["certificate_until"])
    found = np.full(len(services), _NEVER)
    some = (of >= 0) & (ends != NAT)
    np.minimum.at(found, of[some], ends[some])
    return np.where(found == _NEVER, NAT, found)


def days(city: City) -> pd.DataFrame:
    """Each entity's last 90 city days, as the COC's own room sees it: kind, service, day (ISO), up_share, coverage.

    up_share = up / (up + down) of the day, NaN where nothing of it is known; coverage = known time / the day as far as
    it has passed. A day begins with the first whole UTC hour that begins in it.
    """
    today = today_of(city)
    dates = [today - timedelta(days=n) for n in range(DAYS - 1, -1, -1)]
    edges = np.array([micros_of(city.calendars.midnight(d)) for d in [*dates, today + timedelta(days=1)]])
    named = np.array([d.isoformat() for d in dates], dtype=object)
    parts = []
    for kind, dataset in KINDS.items():
        who = points.population(city, dataset).index
        up_share, coverage = by_day(_of_room(city.known_hours, dataset), who, edges, now_of(city))
        parts.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "service": np.repeat(who.to_numpy(dtype=object), DAYS),
                    "day": np.tile(named, len(who)),
                    "up_share": up_share.ravel(),
                    "coverage": coverage.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def by_day(hours: pd.DataFrame, who: pd.Index[Any], edges: Micros, now: int) -> tuple[Floats, Floats]:
    """`days` of `hours` (entity, at, up_seconds, down_seconds), as entities x days; a day is [edges[n], edges[n+1])."""
    days_ = len(edges) - 1
    at, entity = to_micros(hours["at"]), places(who, hours["entity"])
    day = np.searchsorted(edges, at, side="right") - 1
    mine = (entity >= 0) & (day >= 0) & (day < days_)
    cell = entity[mine] * days_ + day[mine]
    up, down = (
        np.bincount(cell, weights=hours[c].to_numpy(dtype="float64")[mine], minlength=len(who) * days_)
        for c in ("up_seconds", "down_seconds")
    )
    passed = (np.clip(now, edges[:-1], edges[1:]) - edges[:-1]) / SECOND
    shape = (len(who), days_)
    known = (up + down).reshape(shape)
    coverage = np.minimum(_ratio(known, np.broadcast_to(passed, shape)), 1.0)
    return _ratio(up, up + down).reshape(shape), np.nan_to_num(coverage)


def _of_room(frame: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    mine = ((frame["dataset"] == dataset.value) & (frame["vantage"] == ROOM)).to_numpy(dtype=bool)
    return frame.loc[mine, ["entity", "at", "up_seconds", "down_seconds"]]


def _quantiles_of_day(city: City, kind: str, who: pd.Index[Any]) -> tuple[Floats, Floats]:
    t = _of_the_room(city, kind)
    rows = _answers(t)
    entity = who.get_indexer(t.entities)[t.entity[rows]]
    mine = entity >= 0
    p50, p95 = quantiles(entity[mine], t.latency[rows][mine], len(who), (0.5, 0.95))
    return p50, p95


def _of_the_room(city: City, kind: str) -> Track:
    """What the COC's own room measured in the last 24 h."""
    if kind == APP:
        return points.tracked(city)
    return once(city, "apps_links", lambda: track(city.link_samples, city.now))


def _answers(t: Track) -> Positions:
    """The samples that measured an answer in [now - 24 h, now]."""
    return np.flatnonzero(t.up & (t.taken >= t.now - DAY) & ~np.isnan(t.latency))


def vantages(city: City) -> pd.DataFrame:
    """Every application from every place that looks at it: service, vantage, place (its name, "" the COC's own room),
    state, since, up_share, coverage (of the last 24 h). The COC's own room comes first, then places by name.
    """
    states, known = points.vantage_states(city), points.vantage_known(city, WINDOWS["24h"])
    total = (known["up_seconds"] + known["down_seconds"]).to_numpy()
    found = states[["service", "vantage", "state", "since"]].assign(
        place=named_places(city, states["vantage"]),
        up_share=_ratio(known["up_seconds"].to_numpy(), total),
        coverage=known["coverage"].to_numpy(),
    )
    return found.sort_values(["service", "place"], ignore_index=True)


def named_places(city: City, vantage: pd.Series[Any]) -> pd.Series[Any]:
    """A site's or a link's name; a vantage that is neither keeps its own."""
    tables = (city.links, city.sites)
    names = {
        key: name for t in tables for key, name in zip(t["source_id"].tolist(), t["name"].tolist(), strict=True) if key
    }
    return vantage.map(lambda v: names.get(v, v)).astype("str")


def latency(samples: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """The last 48 half hours of some samples (service or link, vantage, at, up, latency_ms), of those that measured
    something: vantage, at, p50 (ms of the answers, NaN without one), up_share (of the samples).
    """
    t = track(samples, now)
    first = (t.now // STEP - _STEPS + 1) * STEP
    size = len(t.entities) * _STEPS
    recent = np.flatnonzero(t.taken >= first)
    cell = t.entity[recent] * _STEPS + (t.taken[recent] - first) // STEP
    good = t.up[recent] & ~np.isnan(t.latency[recent])
    (p50,) = quantiles(cell[good], t.latency[recent][good], size, (0.5,))
    seen = np.bincount(cell, minlength=size)
    up_share = _ratio(np.bincount(cell, weights=t.up[recent], minlength=size), seen.astype("float64"))
    rows = np.flatnonzero(seen)
    pair = rows // _STEPS
    return pd.DataFrame(
        {
            "vantage": t.vantages[pair].astype("str"),
            "at": to_index(first + rows % _STEPS * STEP),
            "p50": p50[rows],
            "up_share": up_share[rows],
        }
    )


def quantiles(group: Positions, values: Floats, groups: int, shares: tuple[float, ...]) -> list[Floats]:
    """Linearly interpolated quantiles of ms by group, to a microsecond, NaN where a group is empty."""
    key = np.sort(group.astype("int64") * _LATENCY + np.minimum(np.rint(values * 1000), _LATENCY - 1).astype("int64"))
    ordered, sizes = (key % _LATENCY) / 1000, np.bincount(group, minlength=groups)
    first, full = np.cumsum(sizes) - sizes, sizes > 0
    found = []
    for share in shares:
        place = share * (sizes[full] - 1)
        below = np.floor(place).astype("int64")
        low = ordered[first[full] + below]
        high = ordered[first[full] + np.minimum(below + 1, sizes[full] - 1)]
        result = np.full(groups, np.nan)
        result[full] = low + (high - low) * (place - below)
        found.append(result)
    return found


def _ratio(part: Any, whole: Any) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found
