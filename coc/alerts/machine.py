"""What is remembered of a rule and a scope: pending, firing, calm, over; and what happened at a look. Pure.

pending: bad, but not yet for as long as the rule asks. firing. calm: was firing, is well; over once that has lasted.
What comes back soon after it was over is the same alert again, and flaps: it is told once more and then only when it
has been calm for `REOPEN`, however often it changes until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from coc.alerts.findings import Finding, Key, Kind
from coc.settings.alerts import Rule

REOPEN: Final = timedelta(minutes=30)
FORGET: Final = timedelta(days=2)  # over, and still something to tell: quiet hours and a mute have passed by then
RESOLVED: Final = "resolved"  # the step that says it is over
CALMED: Final = "resolved-flapping"  # the same of what had come back
JOINED: Final = "joined"  # a finding's detail: it is part of something larger that is told
SILENCED: Final = (JOINED, "maintenance")  # over without a word
Phase = Literal["pending", "firing", "calm", "over"]
What = Literal["fired", "reopened", "resolved", "ended"]


@dataclass(frozen=True, slots=True)
class State:
    """`since`: when it began, which names the alert. `fired`: when it had lasted. `changed`: since when calm or over.

    `worst`: the value furthest from well. `flaps`: how often it came back. `told`: step -> the channels it was told to.
    """

    rule: str
    scope: str
    kind: Kind
    name: str
    phase: Phase
    since: datetime
    fired: datetime | None = None
    changed: datetime | None = None
    value: float | None = None
    worst: float | None = None
    limit: float | None = None
    detail: str = ""
    members: tuple[str, ...] = ()
    tellable: bool = True
    flaps: int = 0
    again_since: datetime | None = None
    told: Mapping[str, tuple[str, ...]] | None = None

    @property
    def key(self) -> Key:
        return self.rule, self.scope

    @property
    def farewell(self) -> str:
        """The step that tells that it is over."""
        return CALMED if self.flaps else RESOLVED

    @property
    def live(self) -> bool:
        return self.phase in ("firing", "calm")


@dataclass(frozen=True, slots=True)
class Event:
    """`ended`: over without a word, for its rule is no more, it went into something larger, or maintenance began."""

    what: What
    state: State


def step(
    rules: Mapping[str, Rule], findings: Iterable[Finding], states: Mapping[Key, State], now: datetime
) -> tuple[dict[Key, State], list[Event]]:
    """The states after this look, and what happened at it. A scope without a finding is unknown, and holds."""
    after: dict[Key, State] = {}
    events: list[Event] = []
    found = {f.key: f for f in findings if f.rule in rules}
    for key in dict.fromkeys((*states, *found)):
        held, finding = states.get(key), found.get(key)
        rule = rules.get(key[0])
        if rule is None:
            if held is not None and held.live:
                events.append(Event("ended", replace(held, phase="over", changed=now)))
            continue
        state, event = _next(rule, held, finding, now)
        if state is not None:
            after[key] = state
        if event is not None:
            events.append(event)
    return after, events


def _next(rule: Rule, held: State | None, finding: Finding | None, now: datetime) -> tuple[State | None, Event | None]:
    verdict = finding.verdict if finding is not None else "unknown"
    if held is None or held.phase == "over":
        return _resting(rule, held, finding if verdict == "bad" else None, now)
    if finding is not None and verdict == "well" and finding.detail in SILENCED:
        gone = replace(held, phase="over", changed=now, detail=finding.detail)
        return None, Event("ended", gone) if held.live else None
    if finding is not None and verdict != "unknown":
        held = _seen(held, finding, rule)
    if held.phase == "pending":
        if verdict != "bad":
            return (_settled(held) if held.flaps else None), None
        return _lasting(rule, held, now)
    if verdict in ("bad", "between"):
        return replace(held, phase="firing", changed=None), None
    if verdict == "unknown":
        return held, None
    if held.phase == "firing":
        held = replace(held, phase="calm", changed=now)
    assert held.changed is not None
    if now - held.changed < (max(REOPEN, rule.clear_after) if held.flaps else rule.clear_after):
        return held, None
    over = replace(held, phase="over", again_since=None)
    return over, Event("resolved", over)


def _resting(rule: Rule, held: State | None, bad: Finding | None, now: datetime) -> tuple[State | None, Event | None]:
    """Nothing, or one that is over: begin, come back, or be forgotten."""
    if held is not None and held.changed is not None:
        apart = now - held.changed
        if bad is not None and apart < REOPEN and not held.flaps:
            again = replace(held, phase="pending", flaps=1, again_since=bad.since or now)
            return _lasting(rule, _seen(again, bad, rule), now)
        # One that came back was calm for long enough; what begins now is another.
        waits = bool(held.told) and held.farewell not in (held.told or ())
        if bad is None and apart < (FORGET if waits else REOPEN):
            return held, None
    if bad is None:
        return None, None
    since = min(bad.since or now, now)
    if held is not None and held.changed is not None:
        since = max(since, held.changed)
    fresh = State(bad.rule, bad.scope, bad.kind, bad.name, "pending", since)
    return _lasting(rule, _seen(fresh, bad, rule), now)


def _lasting(rule: Rule, state: State, now: datetime) -> tuple[State, Event | None]:
    """It is bad: whether that has lasted for as long as the rule asks."""
    began = state.again_since or state.since
    if now - began < rule.for_:
        return state, None
    again = state.flaps > 0
    firing = replace(state, phase="firing", fired=state.fired if again else now, changed=None)
    return firing, Event("reopened" if again else "fired", firing)


def _settled(state: State) -> State:
    """It came back, but not for long enough to count."""
    return replace(state, phase="over", flaps=0, again_since=None)


def _seen(state: State, finding: Finding, rule: Rule) -> State:
    members = finding.members or state.members
    fresh = replace(
        state,
        name=finding.name,
        value=finding.value,
        limit=finding.limit,
        detail=finding.detail or state.detail,
        members=members,
        tellable=finding.tellable,
    )
    if finding.verdict != "bad" or finding.value is None:
        return fresh
    lower = rule.below is not None or (finding.limit is not None and finding.value < finding.limit)
    worst = finding.value if state.worst is None else (min if lower else max)(state.worst, finding.value)
    return replace(fresh, worst=worst)
