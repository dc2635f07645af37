"""One device's answer of openwisp-monitoring -> samples. Stations are counted here and go no further."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from data_connectors.answers import required
from data_connectors.base import FetchError
from data_connectors.counters import Reading

_UPTIME, _LOSS, _LATENCY = "uptime", "packet_loss", "RTT_average"  # traces of the ping check's charts
_REPORTS: Final = "Monitoring Data Collected"


@dataclass(frozen=True, slots=True)
class Report:
    """What the device itself last said: its own clock (s), stations, bytes received from and sent to them."""

    clock: float
    clients: int
    reading: Reading | None


@dataclass(slots=True)
class Device:
    """`rows`: (at in ms, up, latency_ms, loss), oldest first. `report`: null where it is not to be believed."""

    key: str
    rows: list[tuple[int, bool, float | None, float | None]] = field(default_factory=list)
    report: Report | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)

    def problem(self, name: str, reason: str, value: Any) -> None:
        said = {"source_id": self.key, "field": name, "reason": reason, "value": str(value)[:40]}
        if said not in self.problems:
            self.problems.append(said)


def device_of(key: str, body: Any, after: float) -> Device:
    """`after`: epoch s; older points are not looked at. Raises `schema_drift`."""
    where = "the answer for a device"
    charts, found = required(body, "charts", list, where), Device(key)
    traces: dict[str, list[Any]] = {}
    for chart in charts:
        for trace in required(chart, "traces", list, "a chart"):
            if not isinstance(trace, list) or len(trace) != 2 or not isinstance(trace[1], list):
                raise FetchError("schema_drift", "a chart's trace is not a name and its values", permanent=True)
            if trace[0] in (_UPTIME, _LOSS, _LATENCY):
                traces.setdefault(trace[0], trace[1])
    if _UPTIME in traces:
        _points(found, required(body, "x", list, where), traces, after)
    if found.rows and found.rows[-1][1] and _reports(body):
        found.report = _report(body.get("data"))
    return found


def _points(found: Device, times: list[Any], traces: Mapping[str, list[Any]], after: float) -> None:
    if any(len(values) != len(times) for values in traces.values()):
        raise FetchError("schema_drift", "a chart has not as many values as `x` has times", permanent=True)
    for place in range(len(times) - 1, -1, -1):
        percent = traces[_UPTIME][place]
        if percent is None:
            continue
        try:
            # Without a zone; UTC is what was asked for.
            at = datetime.strptime(times[place], "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
        except (TypeError, ValueError):
            found.problem("at", "bad_time", times[place])
            continue
        if at <= after:
            break
        share = _number(percent)
        if share is None or not 0 <= share <= 100:
            found.problem("up", "unknown_value", percent)
            continue
        lost, up = _of(traces, _LOSS, place, found, "loss"), share > 0
        latency = _of(traces, _LATENCY, place, found, "latency_ms") if up else None
        found.rows.append((int(at * 1000), up, latency, None if lost is None else lost / 100))
    found.rows.reverse()


def _of(traces: Mapping[str, list[Any]], name: str, place: int, found: Device, column: str) -> float | None:
    value = traces[name][place] if name in traces else None
    number = _number(value)
    if value is not None and number is None:
        found.problem(column, "bad_number", value)
    return number


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _reports(body: Mapping[str, Any]) -> bool:
    """Whether its reports still come: the last one is given for ever after, and bears the device's own clock only."""
    told = body.get("monitoring")
    metrics = told.get("related_metrics") if isinstance(told, dict) else None
    named = {m.get("name"): m.get("is_healthy") for m in metrics or [] if isinstance(m, dict)}
    return named.get(_REPORTS) is not False


def _report(data: Any) -> Report | None:
    general = data.get("general") if isinstance(data, dict) else None
    if not isinstance(general, dict) or (clock := _number(general.get("local_time"))) is None:
        return None
    radios = [
        (interface, radio)
        for interface in data.get("interfaces") or []
        if isinstance(interface, dict) and isinstance(radio := interface.get("wireless"), dict)
        and radio.get("mode") == "access_point"
    ]  # fmt: skip
    if not radios:
        return None
    told = [radio.get("clients") for _, radio in radios]
    clients = sum(len(stations) for stations in told if isinstance(stations, list | dict))
    counted = [i["statistics"] for i, _ in radios if isinstance(i.get("statistics"), dict)]
    received, sent = (_sum(counted, name) for name in ("rx_bytes", "tx_bytes"))
    uptime = _number(general.get("uptime"))
    reading = None if received is None or sent is None else Reading(clock, received, sent, uptime)
    return Report(clock, clients, reading)


def _sum(counted: list[Mapping[str, Any]], name: str) -> int | None:
    numbers = [_number(statistics.get(name)) for statistics in counted]
    return None if not numbers or None in numbers else int(sum(n for n in numbers if n is not None))
