"""Who is due a message: each step of an alert, to each channel, once. Pure.

A step is told when it is due and nothing keeps it silent (quiet hours, a mute); what is over before it could be told is
told to nobody, and that it is over is told to those alone who were told that it began.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from coc.alerts.machine import State
from coc.settings.alerts import Rule

FIRED: Final = "fired"
FLAPPING: Final = "flapping"
ESCALATED: Final = "escalated-"  # and the number of the step


@dataclass(frozen=True, slots=True)
class Message:
    """One step of one alert to one channel. `key` names it for good: what has the same key is the same message."""

    realm: str
    state: State
    step: str
    channel: str

    @property
    def key(self) -> str:
        state = self.state
        return "|".join((self.realm, state.rule, state.scope, state.since.isoformat(), self.step, self.channel))


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a key: the same however often the message is sent."""
    return f"<coc-{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def due(
    state: State, rule: Rule, now: datetime, *, local: datetime, acknowledged: bool, muted: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Steps that are due and not told yet, with their channels. `local`: `now` in the city's time."""
    quiet = rule.quiet_hours is not None and rule.quiet_hours.holds(local.time())
    if muted or quiet or state.fired is None:
        return
    told = state.told or {}
    if state.live:
        for step, after, channels in _steps(rule, state):
            if step in told or (acknowledged and step != FLAPPING) or now - state.fired < after:
                continue
            if channels:
                yield step, channels
    elif state.phase == "over" and told and state.farewell not in told:
        yield state.farewell, tuple(dict.fromkeys(name for names in told.values() for name in names))


def _steps(rule: Rule, state: State) -> Iterator[tuple[str, timedelta, tuple[str, ...]]]:
    yield FIRED, timedelta(0), rule.channels
    for number, escalation in enumerate(rule.escalate, 1):
        yield f"{ESCALATED}{number}", escalation.after, escalation.channels
    if state.flaps and FIRED in (state.told or {}):
        yield FLAPPING, timedelta(0), rule.channels


def told(state: State, step: str, channels: tuple[str, ...]) -> State:
    return replace(state, told={**(state.told or {}), step: channels})


def escalation(step: str) -> int:
    """Which escalation a step is, 0 for none."""
    return int(step.removeprefix(ESCALATED)) if step.startswith(ESCALATED) else 0
