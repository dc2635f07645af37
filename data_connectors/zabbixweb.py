"""Zabbix's web scenarios as applications: up where no step failed, and why not where one did."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd

from data_connectors.ahead import Ahead, Note
from data_connectors.controllers import Problem
from data_connectors.keeping import objects
from data_connectors.zabbixapi import Rpc, number_of

_KEY: Final = re.compile(r"web\.test\.(fail|error|time|rspcode)\[(\"(?:[^\"\\]|\\.)*\"|[^,\]]*)(?:,.*)?\]")
# Zabbix's words -> the reasons of `http_probe`; its own text may quote a page, so it goes no further.
_REASONS: Final = (
    ("status", re.compile(r"response code", re.I)),
    ("timeout", re.compile(r"time[d ]*-?out", re.I)),
    ("dns", re.compile(r"resolve", re.I)),
    ("tls", re.compile(r"ssl|tls|certificate", re.I)),
    ("content", re.compile(r"required pattern|pattern", re.I)),
    ("refused", re.compile(r"connect|refused|route", re.I)),
)
OTHER: Final = "other"


@dataclass(slots=True)
class Scenario:
    """One scenario's last values. `times`, `codes`: a step each. `measured`: neither disabled nor in maintenance."""

    measured: bool = True
    fail: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    times: list[Mapping[str, Any]] = field(default_factory=list)
    codes: list[Mapping[str, Any]] = field(default_factory=list)


def scenarios(rpc: Rpc, groups: list[str]) -> tuple[dict[str, Scenario], list[Problem]]:
    """By name; those of one name on two hosts are a problem, listed and not measured.

    Without `webitems` Zabbix leaves the items of scenarios out, and says nothing.
    """
    wanted = {
        "groupids": groups, "webitems": True, "search": {"key_": "web.test."}, "startSearch": True,
        "output": ["key_", "status", "state", "lastclock", "lastvalue"],
        "selectHosts": ["hostid", "status", "maintenance_status"],
    }  # fmt: skip
    found: dict[str, Scenario] = {}
    hosts: dict[str, set[str]] = defaultdict(set)
    for row in rpc.rows("item.get", wanted):
        match = _KEY.fullmatch(str(row.get("key_")))
        if match is None:
            continue
        name = match[2].strip('"')
        one = found.setdefault(name, Scenario())
        hosts[name] |= {str(host.get("hostid")) for host in row.get("hosts") or []}
        if match[1] == "fail":
            one.measured = row.get("state") == "0" and row.get("status", "0") == "0" and _in_operation(row)
        if row.get("state") != "0":
            continue
        if match[1] == "fail":
            one.fail = row
        elif match[1] == "error":
            one.error = row
        else:
            (one.times if match[1] == "time" else one.codes).append(row)
    twice = sorted(name for name, on in hosts.items() if len(on) > 1)
    for name in twice:
        found[name].measured = False
    return found, [{"source_id": n, "field": "service", "reason": "not_unique", "value": n[:80]} for n in twice]


def _in_operation(row: Mapping[str, Any]) -> bool:
    hosts = row.get("hosts") or [{}]
    return all(h.get("status", "0") == "0" and h.get("maintenance_status", "0") == "0" for h in hosts)


def services(seen: Mapping[str, Scenario], now: datetime, ahead: Ahead) -> tuple[pd.DataFrame, list[Note]]:
    """The last sample of each that is run. Values of another run of the scenario are not mixed in."""
    rows = [row for name, one in seen.items() if one.measured and (row := _sample(name, one)) is not None]
    columns = ["key", "at", "up", "status", "latency_ms", "reason"]
    found, notes = ahead.capped(pd.DataFrame(rows, columns=columns, dtype=object).astype({"at": "int64"}), now)
    return pd.DataFrame(
        {
            "service": found["key"].astype("str"),
            "vantage": objects([None] * len(found)),
            "at": pd.to_datetime(found["at"].to_numpy("int64"), unit="ms", utc=True).astype("datetime64[us, UTC]"),
            "up": found["up"].astype(bool).to_numpy(),
            "status": pd.array(found["status"].tolist(), dtype="Int64"),
            "latency_ms": found["latency_ms"].astype("float64").to_numpy(),
            "reason": objects(found["reason"].tolist()),
        }
    ), notes


def _sample(name: str, one: Scenario) -> tuple[Any, ...] | None:
    if one.fail is None:
        return None
    clock, failed = number_of(one.fail.get("lastclock")), number_of(one.fail.get("lastvalue"))
    if not clock or failed is None:
        return None

    def of_this_run(rows: list[Mapping[str, Any]]) -> list[float]:
        same = [r for r in rows if number_of(r.get("lastclock")) == clock]
        return [float(r["lastvalue"]) for r in same if re.fullmatch(r"[\d.]+", str(r.get("lastvalue")))]

    seconds, codes = of_this_run(one.times), [int(code) for code in of_this_run(one.codes) if code]
    reason = None
    if failed:
        same = one.error is not None and number_of(one.error.get("lastclock")) == clock
        text = str(one.error.get("lastvalue")) if same and one.error else ""
        reason = next((code for code, words in _REASONS if words.search(text)), OTHER)
    status = codes[-1] if len(one.codes) == 1 and codes else None
    latency = round(sum(seconds) * 1000, 3) if seconds and len(seconds) == len(one.times) and not failed else None
    return name, clock * 1000, failed == 0, status, latency, reason
