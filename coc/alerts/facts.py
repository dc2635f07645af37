"""States as JSON for the store, and what is written down and told of an alert: never a letter's field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from coc.alerts.machine import State
from coc.settings.alerts import Rule

_TIMES: Final = ("since", "fired", "changed", "again_since")
_SOME_MEMBERS: Final = 500  # so many points are remembered of one alert
HOW: Final = ("above", "below", "misses")


def dumped(state: State) -> dict[str, Any]:
    found = asdict(state)
    found |= {name: None if (at := found[name]) is None else at.isoformat() for name in _TIMES}
    return found | {"members": list(state.members[:_SOME_MEMBERS])}


def loaded(raw: Mapping[str, Any]) -> State:
    """What an older or newer program wrote beside our fields is passed over."""
    known: dict[str, Any] = {f.name: raw[f.name] for f in fields(State) if f.name in raw}
    known |= {name: datetime.fromisoformat(at) for name in _TIMES if (at := known.get(name))}
    known["members"] = tuple(known.get("members") or ())
    known["told"] = None if not known.get("told") else {s: tuple(c) for s, c in known["told"].items()}
    return State(**known)


def facts_of(state: State, rule: Rule) -> dict[str, Any]:
    """What history keeps of an alert: enough to say it in words once its rule is no more."""
    return {
        "kind": state.kind,
        "name": state.name,
        "kpi": rule.kpi,
        "window": rule.window if rule.kpi else None,
        "watched": rule.ap_state or rule.service_state,
        "how": next((how for how in HOW if getattr(rule, how) is not None), None),
        "severity": rule.severity,
        "owner": rule.owner,
        "value": state.value,
        "worst": state.worst,
        "limit": state.limit,
        "detail": state.detail,
        "points": len(state.members),
        "flaps": state.flaps,
        "tellable": state.tellable,
    }


def message_of(state: State, rule: Rule, step: str, realm: str, at: datetime) -> dict[str, Any]:
    """What a message says. A figure that the public may not see stays in the house."""
    told = facts_of(state, rule)
    if not state.tellable:
        told |= {"value": None, "worst": None}
    return told | {
        "rule": state.rule,
        "scope": state.scope,
        "step": step,
        "realm": realm,
        "since": state.since.isoformat(),
        "ended": state.changed.isoformat() if state.phase == "over" and state.changed else None,
        "at": at.isoformat(),
    }
