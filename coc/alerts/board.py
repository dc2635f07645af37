"""The boards of alerts: a picture for the pages of what the control store holds (decision 124)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from coc.alerts.findings import CITY, Key
from coc.alerts.machine import State
from coc.boards.city import ALL, PUBLIC
from coc.store import Control
from coc.store.control import Incident, Mute

ALERTS: Final = "alerts"
DELIVERY: Final = "delivery"
NAMES: Final = (ALERTS, DELIVERY)
MOST_PAST: Final = 200
MOST_MESSAGES: Final = 50
_FACTS: Final = (
    "kind", "name", "kpi", "window", "watched", "how", "severity", "owner", "detail", "points", "flaps",
)  # fmt: skip
_TOLD: Final = ("rule", "scope", "name", "kind", "kpi", "watched", "detail", "step")
_NUMBERS: Final = ("value", "worst", "limit")
_TIMES: Final = ("since", "fired", "ended", "acknowledged", "muted_until")
Frames = dict[str, pd.DataFrame]


def boards_of(control: Control, realm: str, states: Mapping[Key, State]) -> dict[tuple[str, str], Frames]:
    """By name and population: what fires and what did, which mutes hold, and for who tends the machine what was sent.

    The public sees the city's alerts alone: none of a unit, and not who acknowledged what.
    """
    mutes = control.mutes(realm)
    firing = [_row(i, mutes, states) for i in control.incidents(realm, MOST_PAST, going_on=True)]
    past = [_row(i, (), {}) for i in control.incidents(realm, MOST_PAST, going_on=False)]
    held = [{"id": m.id, "rule": m.rule, "scope": m.scope, "until": m.until, "role": m.role} for m in mutes]
    columns = ["id", "rule", "scope", "until", "role"]
    silent = pd.DataFrame(held, columns=columns).astype({"id": "int64", "rule": "str", "role": "str"})
    silent["until"] = _times(silent["until"])
    whole = {"firing": _frame(firing), "past": _frame(past), "mutes": silent}
    public = {"firing": _public(whole["firing"]), "past": _public(whole["past"]), "mutes": silent.iloc[:0]}
    return {(ALERTS, ALL): whole, (ALERTS, PUBLIC): public, (DELIVERY, ALL): {"messages": _messages(control, realm)}}


def _row(incident: Incident, mutes: Iterable[Mute], states: Mapping[Key, State]) -> dict[str, Any]:
    key = incident.rule, incident.scope
    state = states.get(key)
    until = max((m.until for m in mutes if m.covers(*key)), default=None)
    facts = {name: incident.facts.get(name) for name in (*_FACTS, *_NUMBERS)}
    return facts | {
        "id": incident.id,
        "rule": incident.rule,
        "scope": incident.scope,
        "since": incident.since,
        "fired": incident.fired,
        "ended": incident.ended,
        "acknowledged": incident.acknowledged,
        "role": incident.acknowledged_role,
        "muted_until": until,
        "calm": state is not None and state.phase == "calm",
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    texts = ("rule", "scope", *(name for name in _FACTS if name not in ("points", "flaps")), "role")
    frame = pd.DataFrame(rows, columns=["id", *texts, "points", "flaps", *_NUMBERS, *_TIMES, "calm"])
    frame = frame.astype(dict.fromkeys(texts, "str") | dict.fromkeys(_NUMBERS, "float64"))
    frame = frame.astype({"id": "int64", "points": "int64", "flaps": "int64", "calm": "bool"})
    return frame.assign(**{name: _times(frame[name]) for name in _TIMES})


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")


def _public(frame: pd.DataFrame) -> pd.DataFrame:
    mine = frame[(frame["kind"] != "kpi") | (frame["scope"] == CITY)]
    return mine.assign(role=pd.Series(None, index=mine.index, dtype="str")).reset_index(drop=True)


def _messages(control: Control, realm: str) -> pd.DataFrame:
    rows = [
        {
            "id": m.id,
            "channel": m.channel,
            **{name: m.facts.get(name) for name in _TOLD},
            "state": m.state,
            "attempts": m.attempts,
            "error": m.error,
            "made": m.made,
            "settled": m.settled,
            "next_try": m.next_try if m.state == "waiting" else None,
        }
        for m in control.outbox(realm, MOST_MESSAGES)
    ]
    texts = ["channel", *_TOLD, "state", "error"]
    frame = pd.DataFrame(rows, columns=["id", *texts, "attempts", "made", "settled", "next_try"])
    frame = frame.astype({"id": "int64", "attempts": "int64", **dict.fromkeys(texts, "str")})
    return frame.assign(**{name: _times(frame[name]) for name in ("made", "settled", "next_try")})


def firing_count(frame: pd.DataFrame | None) -> int:
    """How many fire that nobody has acknowledged or muted."""
    if frame is None or frame.empty:
        return 0
    return int((frame["acknowledged"].isna() & frame["muted_until"].isna()).sum())
