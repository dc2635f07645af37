"""Time series of the simulated Prometheus and what an expression over them gives at a row of instants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from coc.domain.instants import DAY, Bools, Floats, Micros
from coc.simulate.applications import Applications
from coc.simulate.chance import Indices
from coc.simulate.network import SCRAPE_DAYS, Network
from coc.simulate.promql import Binary, Call, Expression, Number, ParseError, Selector
from coc.simulate.vantages import Vantages

MINUTE: Final = 60_000_000
METRICS: Final = (
    "ap_clients", "ap_loss", "ap_rx_bps", "ap_tx_bps", "ap_up", "link_loss", "probe_duration_seconds",
    "probe_http_status_code", "probe_success", "up",
)  # fmt: skip
_WIFI: Final = frozenset(METRICS) - {"probe_http_status_code", "link_loss"}
_LINKS: Final = ("link_loss", "probe_duration_seconds", "probe_success", "up")
_APPS: Final = ("probe_duration_seconds", "probe_http_status_code", "probe_success", "up")
_LOOK_BACK: Final = 5 * MINUTE  # Prometheus': a sample stands for five minutes


class ExecutionError(ValueError):
    """An expression that parses but has no answer here (422)."""


@dataclass(frozen=True)
class Vector:
    """Series (rows) at instants (columns); `at`: when each sample was measured."""

    labels: list[dict[str, str]]
    values: Floats
    present: Bools
    at: Micros


Value = Vector | Floats  # an array: a scalar at each instant


class _Asked(Protocol):
    """What is measured by the minute: each row at its own second."""

    @property
    def labels(self) -> list[dict[str, str]]: ...

    def minute(self, at: Micros) -> Indices: ...


class Metrics:
    """Every series of one seed.

    Two failures of the measuring itself (drills): `dead_since`, when the exporters died; `stands_at`, the instant after
    which nothing is measured any more, though all is answered as it was.
    """

    def __init__(self, seed: int) -> None:
        self.network, self.applications = Network(seed), Applications(seed)
        self.lines = self.network.lines
        self.vantages = Vantages(seed, self.lines, self.applications)
        self.dead_since: int | None = None
        self.stands_at: int | None = None

    def targets(self) -> list[dict[str, str]]:
        return [labels for asked in self._asked for labels in asked.labels]

    def evaluate(self, expression: Expression, at: Micros, now: int) -> Value:
        """The expression at instants `at` (microseconds, ascending); nothing is known of what is later than `now`."""
        if isinstance(expression, Number):
            return np.full(len(at), expression.value)
        if isinstance(expression, Selector):
            if expression.range_seconds is not None:
                raise ParseError("1:1: parse error: invalid expression type: a range is no instant vector")
            return self.select(expression, at, now)
        if isinstance(expression, Call):
            return self._call(expression, at, now)
        left, right = self.evaluate(expression.left, at, now), self.evaluate(expression.right, at, now)
        return _combined(expression, left, right)

    def _call(self, call: Call, at: Micros, now: int) -> Value:
        if call.argument is None:
            return np.asarray(at / 1e6)
        found = self.evaluate(call.argument, at, now)
        if not isinstance(found, Vector):
            raise ParseError(
                '1:1: parse error: expected type instant vector in call to function "timestamp", got scalar'
            )
        measured = found.at / 1e6 if isinstance(call.argument, Selector) else np.broadcast_to(at / 1e6, found.at.shape)
        return _unnamed(replace(found, values=np.asarray(measured)))

    def select(self, selector: Selector, at: Micros, now: int) -> Vector:
        known = (at <= now + _LOOK_BACK) & (at > now - SCRAPE_DAYS * DAY)
        at = np.minimum(at, now if self.stands_at is None else min(now, self.stands_at))
        found = self._found(selector, [asked.minute(at) for asked in self._asked])
        return replace(found, present=found.present & known)

    def measured(self, selector: Selector, first: int, last: int) -> Vector:
        """Every sample in (first, last], at its own time."""
        last = last if self.stands_at is None else min(last, self.stands_at)
        minutes = np.arange(first // MINUTE - 1, last // MINUTE + 1)[None, :]
        found = self._found(selector, [minutes] * len(self._asked))
        return replace(found, present=found.present & (found.at > first) & (found.at <= last))

    @property
    def _asked(self) -> tuple[_Asked, ...]:
        """What is measured, in the order of `_found`'s minutes."""
        return self.network, self.applications, self.lines, self.vantages

    def _found(self, selector: Selector, minutes: list[Indices]) -> Vector:
        """The selector's series, measured at those minutes; what it cannot mean is not computed."""
        parts = []
        wifi, apps, links, elsewhere = minutes
        if any(self._wanted(selector, n, self.network.labels) for n in _WIFI):
            parts.append(self._wifi(selector, wifi))
        if any(self._wanted(selector, n, self.applications.labels) for n in _APPS):
            parts.append(self._apps(selector, self.applications, apps))
        if any(self._wanted(selector, n, self.lines.labels) for n in _LINKS):
            parts.append(self._links(selector, links))
        if any(self._wanted(selector, n, self.vantages.labels) for n in _APPS):
            parts.append(self._apps(selector, self.vantages, elsewhere))
        return _stacked(parts, wifi.shape[1])

    @staticmethod
    def _wanted(selector: Selector, name: str, labels: list[dict[str, str]]) -> list[int]:
        return [
            row for row, held in enumerate(labels) if all(m.fits({"__name__": name, **held}) for m in selector.matchers)
        ]

    def _wifi(self, selector: Selector, minutes: Indices) -> Vector:
        network = self.network
        m = network.measured(minutes)
        begun = m.at >= network.begin[:, None]
        m = replace(m, seen=m.seen & self._alive(m.at))
        columns: dict[str, tuple[npt.NDArray[Any], Bools]] = {
            "probe_success": (m.up, m.seen), "ap_up": (m.up, m.seen), "probe_duration_seconds": (m.seconds, m.seen),
            "ap_clients": (m.clients, m.seen & m.up), "ap_rx_bps": (m.rx_bps, m.seen & m.up),
            "ap_tx_bps": (m.tx_bps, m.seen & m.up), "ap_loss": (m.loss, m.seen),
            "up": (m.seen, begun & (m.at < network.end[:, None])),
        }  # fmt: skip
        return self._picked(selector, columns, network.labels, m.at)

    def _links(self, selector: Selector, minutes: Indices) -> Vector:
        m = self.lines.measured(minutes)
        seen = m.there & self._alive(m.at)
        columns: dict[str, tuple[npt.NDArray[Any], Bools]] = {
            "probe_success": (m.up, seen), "probe_duration_seconds": (m.seconds, seen), "link_loss": (m.loss, seen),
            "up": (seen, m.there),
        }  # fmt: skip
        return self._picked(selector, columns, self.lines.labels, m.at)

    def _apps(self, selector: Selector, asked: Applications | Vantages, minutes: Indices) -> Vector:
        m = asked.measured(minutes)
        always, alive = np.ones_like(m.up), self._alive(m.at)
        columns: dict[str, tuple[npt.NDArray[Any], Bools]] = {
            "probe_success": (m.up, alive), "probe_duration_seconds": (m.seconds, alive),
            "probe_http_status_code": (m.status, alive), "up": (alive, always),
        }  # fmt: skip
        return self._picked(selector, columns, asked.labels, m.at)

    def _alive(self, at: Micros) -> Bools:
        return np.ones(at.shape, dtype=bool) if self.dead_since is None else np.asarray(at < self.dead_since)

    def _picked(
        self,
        selector: Selector,
        columns: Mapping[str, tuple[npt.NDArray[Any], Bools]],
        labels: list[dict[str, str]],
        at: Micros,
    ) -> Vector:
        parts = []
        for name, (values, present) in columns.items():
            rows = self._wanted(selector, name, labels)
            if rows:
                named = [{"__name__": name, **labels[r]} for r in rows]
                parts.append(Vector(named, values[rows].astype("float64"), present[rows], at[rows]))
        return _stacked(parts, at.shape[1])


def _stacked(parts: list[Vector], size: int) -> Vector:
    parts = [p for p in parts if p.labels]
    if not parts:
        nothing = np.empty((0, size))
        return Vector([], nothing, nothing.astype(bool), nothing.astype("int64"))
    return Vector(
        [labels for p in parts for labels in p.labels],
        np.concatenate([p.values for p in parts]),
        np.concatenate([p.present for p in parts]),
        np.concatenate([p.at for p in parts]),
    )


def _unnamed(vector: Vector) -> Vector:
    return replace(vector, labels=[{k: v for k, v in row.items() if k != "__name__"} for row in vector.labels])


def _combined(expression: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, Vector) and isinstance(right, Vector):
        raise ExecutionError("binary operations between two vectors are not served by this simulator")
    vector = left if isinstance(left, Vector) else right if isinstance(right, Vector) else None
    a = left.values if isinstance(left, Vector) else left
    b = right.values if isinstance(right, Vector) else right
    with np.errstate(divide="ignore", invalid="ignore"):
        result = _OPERATIONS[expression.operator](a, b)
    if result.dtype == bool:
        return _compared(expression, result, vector)
    return result if vector is None else _unnamed(replace(vector, values=result))


def _compared(expression: Binary, holds: Bools, vector: Vector | None) -> Value:
    if vector is None:
        if not expression.as_bool:
            raise ParseError("1:1: parse error: comparisons between scalars must use BOOL modifier")
        return holds.astype("float64")
    if expression.as_bool:
        return _unnamed(replace(vector, values=holds.astype("float64")))
    return replace(vector, present=vector.present & holds)


_OPERATIONS: Final = {
    "*": np.multiply, "/": np.divide, "+": np.add, "-": np.subtract, "==": np.equal, "!=": np.not_equal,
    ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip
