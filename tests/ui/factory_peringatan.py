"""Boards of alerts on a bad afternoon, by the contract's columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from coc.alerts.board import ALERTS, DELIVERY, _frame, _messages, _public, _times
from coc.boards.board import Board
from coc.store.control import Posting

KPI = {"kind": "kpi", "window": "30d", "points": 0}
WIFI = {"kind": "ap", "watched": "down", "rule": "wifi_down"}
SERVICE = {"kind": "service", "watched": "down", "rule": "application_down", "severity": "critical"}


def _row(number: int, since: timedelta, now: datetime, **facts: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": number, "scope": "", "name": "", "kpi": None, "window": None, "watched": None, "how": None,
        "severity": "warning", "owner": "operator", "detail": "", "points": 0, "flaps": 0, "value": None, "worst": None,
        "limit": None, "since": now - since, "fired": now - since + timedelta(minutes=5), "ended": None,
        "acknowledged": None, "role": None, "muted_until": None, "calm": False,
    }  # fmt: skip
    return base | facts


def firing(now: datetime) -> list[dict[str, Any]]:
    minutes, hours = (lambda n: timedelta(minutes=n)), (lambda n: timedelta(hours=n))
    late = KPI | {"rule": "terlambat", "kpi": "disposition.overdue", "how": "above", "limit": 20.0, "owner": "head"}
    return [
        _row(1, minutes(47), now, **SERVICE, scope="ppdb", name="PPDB", detail="down"),
        _row(2, minutes(134), now, **WIFI, scope="site:S1", name="SMPN 7 Jambi", points=3, detail="upstream"),
        _row(3, minutes(25), now, **WIFI, scope="area:Kota Baru", name="Kota Baru", points=11, detail="power"),
        _row(4, hours(26), now, **late, scope="DISDIK", name="Dinas Pendidikan", value=31.0, worst=34.0),
        _row(
            5, hours(3), now, **KPI, rule="wifi_availability", kpi="wifi.availability_24h", how="below", limit=0.9,
            value=0.881, worst=0.874, acknowledged=now - hours(1), role="operator",
        ),
        _row(
            6, minutes(96), now, kind="feed", rule="source_failing", scope="sipadek", name="sipadek", detail="failing",
            owner="admin", muted_until=now + hours(2), flaps=1,
        ),
    ]  # fmt: skip


def past(now: datetime) -> list[dict[str, Any]]:
    def ended(number: int, ago: float, lasted: float, **facts: Any) -> dict[str, Any]:
        row = _row(number, timedelta(hours=ago), now, **facts)
        return row | {"ended": row["since"] + timedelta(minutes=lasted)}

    slow = KPI | {"rule": "applications_slow", "kpi": "apps.latency_ms_p95", "how": "above", "limit": 2000.0}
    return [
        ended(20, 5, 38, **WIFI, scope="ap:AP-007-3", name="Taman Rimba 3", points=1, role="operator"),
        ended(19, 9, 141, **SERVICE, scope="jdih", name="JDIH", detail="down", role="operator"),
        ended(18, 22, 65, **slow, value=1400.0, worst=3120.0),
        ended(
            17, 30, 412, kind="feed", rule="source_failing", scope="titik", name="titik_wifi", detail="frozen",
            role="admin",
        ),
    ]  # fmt: skip


class _Outbox:
    """Messages in each state of delivery."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def outbox(self, realm: str, last: int) -> list[Posting]:
        now, rows = self.now, firing(self.now)
        states = [
            (rows[0], "piket", "fired", "sent", 1, None),
            (rows[0], "grup_piket", "escalated-1", "waiting", 3, "unreachable"),
            (rows[1], "piket", "fired", "sent", 1, None),
            (rows[5], "grup_piket", "flapping", "dead", 10, "gateway"),
            (rows[3], "piket", "fired", "waiting", 0, None),
        ]
        return [
            Posting(
                n, f"k{n}", channel, facts | {"step": step}, now, state, tries, now + timedelta(minutes=4),  # type: ignore[arg-type]
                now - timedelta(minutes=n) if state != "waiting" else None, error,
            )
            for n, (facts, channel, step, state, tries, error) in enumerate(states, 1)
        ]  # fmt: skip


def boards(now: datetime, *, calm: bool = False) -> Mapping[str, Board]:
    made: dict[str, Any] = {
        "firing": _frame([] if calm else firing(now)),
        "past": _frame([] if calm else past(now)),
        "mutes": _mutes(),
    }
    messages: Any = _messages(_Outbox(now), "live")  # type: ignore[arg-type]
    return {
        ALERTS: _board(ALERTS, now, made),
        DELIVERY: _board(DELIVERY, now, {"messages": messages.iloc[:0] if calm else messages}),
    }


def public(board: Board) -> Board:
    frames = board.frames
    shown = {"firing": _public(frames["firing"]), "past": _public(frames["past"]), "mutes": frames["mutes"].iloc[:0]}
    return _board(ALERTS, board.computed_at, shown)


def _mutes() -> Any:
    import pandas as pd

    frame = pd.DataFrame(columns=["id", "rule", "scope", "until", "role"])
    return frame.assign(until=_times(frame["until"]))


def _board(name: str, now: datetime, frames: dict[str, Any]) -> Board:
    import pandas as pd

    nothing = pd.DataFrame({c: [] for c in ("id", "unit", "window", "value", "state")})
    return Board(name, "all", 3, "", now.astimezone(UTC), now, nothing, frames)
