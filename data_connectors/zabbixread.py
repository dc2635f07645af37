"""From Zabbix's items and their values to samples: each value counts at its own clock and for as long as it may hold.

Times are epoch milliseconds, as `data_connectors.promjoin` joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from data_connectors.zabbixapi import number_of

NUMERIC: Final = ("0", "3")  # value types: float, unsigned
# Factor to the canonical unit, by what the item says of its own; an item in any other unit is not guessed at.
FACTORS: Final[Mapping[str, Mapping[str, float]]] = {
    "latency_ms": {"s": 1000, "": 1000, "ms": 1},
    "loss": {"%": 0.01, "": 0.01},
    "rx_bps": {"bps": 1, "Bps": 8, "B/s": 8},
    "tx_bps": {"bps": 1, "Bps": 8, "B/s": 8},
}


@dataclass(frozen=True, slots=True)
class Item:
    """An item that can be read: whose it is, which column it fills, and what Zabbix holds as its last value."""

    id: str
    key: str
    column: str
    kind: str
    factor: float
    clock: int  # 0: never fed
    value: str
    supported: bool


def items_of(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], hosts: Mapping[str, str]
) -> tuple[list[Item], list[dict[str, Any]]]:
    """`columns`: item key -> canonical column; `hosts`: id -> key of those that count. Unreadable ones are problems."""
    found, problems = [], []
    for row in rows:
        key, column = hosts.get(str(row.get("hostid"))), columns.get(str(row.get("key_")))
        if key is None or column is None or row.get("status", "0") != "0":
            continue
        kind, units = str(row.get("value_type")), str(row.get("units") or "")
        factor = FACTORS.get(column, {units: 1}).get(units)
        if kind not in NUMERIC or factor is None:
            said = units[:20] if kind in NUMERIC else "not numeric"
            problems.append({"source_id": key, "field": column, "reason": "unknown_value", "value": said})
            continue
        clock, supported = number_of(row.get("lastclock")) or 0, row.get("state") == "0"
        value = str(row.get("lastvalue"))
        found.append(Item(str(row.get("itemid")), key, column, kind, factor, clock, value, supported))
    return found, problems


@dataclass(frozen=True, slots=True)
class Values:
    """Values of items as columns: itemid, clock (s), value (text)."""

    ids: Sequence[str]
    clocks: Sequence[Any]
    values: Sequence[Any]


def values_of(rows: list[dict[str, Any]]) -> Values:
    return Values([r.get("itemid", "") for r in rows], [r.get("clock") for r in rows], [r.get("value") for r in rows])


def held(items: Iterable[Item], start: int) -> Values:
    """The last values. One of an item that stopped is old news, and of an unsupported one no news at all."""
    fed = [i for i in items if i.supported and i.clock > start]
    return Values([i.id for i in fed], [i.clock for i in fed], [i.value for i in fed])


def samples(items: Sequence[Item], parts: Sequence[Values], start: int, hold_seconds: float) -> pd.DataFrame:
    """Rows key, at, value (of `up`) and a column a gauge, of measurements after `start` (epoch s).

    A gauge counts for a sample with the latest value that it had by then, unless that is older than `hold_seconds`.
    """
    by_id = {item.id: place for place, item in enumerate(items)}
    place = np.array([by_id.get(i, -1) for part in parts for i in part.ids], dtype="int64")
    clock = _numbers([c for part in parts for c in part.clocks])
    value = _numbers([v for part in parts for v in part.values])
    good = (place >= 0) & np.isfinite(clock) & (clock > 0)
    place, clock, value = place[good], clock[good], value[good]
    keys = np.array([item.key for item in items], dtype=object)
    columns = np.array([item.column for item in items], dtype=object)
    factors = np.array([item.factor for item in items], dtype="float64")
    frame = pd.DataFrame(
        {
            "key": keys[place] if len(items) else [],
            "column": columns[place] if len(items) else [],
            "at": (clock * 1000).astype("int64"),
            "value": value * factors[place] if len(items) else [],
        }
    )
    frame = frame.drop_duplicates(["key", "column", "at"], keep="first").sort_values("at", kind="stable")
    found = frame[(frame["column"] == "up") & (frame["at"] > start * 1000) & frame["value"].notna()]
    found = found[["key", "at", "value"]].reset_index(drop=True)
    for column in FILLED:
        gauge = frame.loc[(frame["column"] == column) & frame["value"].notna(), ["key", "at", "value"]]
        found[column] = _latest(found, gauge, hold_seconds)
    # A host that does not answer has a response time of 0, which is none.
    found["latency_ms"] = found["latency_ms"].where((found["value"] != 0) | (found["latency_ms"] != 0))
    return found


FILLED: Final = ("clients", "rx_bps", "tx_bps", "latency_ms", "loss")


def _latest(found: pd.DataFrame, gauge: pd.DataFrame, hold_seconds: float) -> pd.Series[float]:
    if found.empty or gauge.empty:
        return pd.Series(np.nan, index=found.index, dtype="float64")
    right = gauge.rename(columns={"value": "gauge"})
    held_ms = int(hold_seconds * 1000)
    return pd.merge_asof(found[["key", "at"]], right, on="at", by="key", tolerance=held_ms)["gauge"]


def _numbers(texts: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.array(texts, dtype="float64")
    except (TypeError, ValueError):  # one is no number
        return pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype="float64")
