"""What an alert does over a night: it waits, fires, calms down, flaps; and who is told of it, when, and once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coc.alerts import telling
from coc.alerts.findings import Finding, Key, Verdict
from coc.alerts.machine import REOPEN, RESOLVED, State, step
from coc.settings.alerts import Rule

T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rule(**more: Any) -> Rule:
    return Rule.model_validate(
        {"kpi": "disposition.overdue", "above": 10, "for": "5 min", "clear_after": "2 min", "channels": ("piket",)}
        | more
    )


def finding(verdict: Verdict, value: float | None = 12, **more: Any) -> Finding:
    return Finding("late", "", "kpi", "", verdict, value, 10, **more)


class Night:
    """Looks at one rule, minute by minute."""

    def __init__(self, of: Rule | None = None) -> None:
        self.rules = {"late": of or rule()}
        self.states: dict[Key, State] = {}
        self.now = T0
        self.happened: list[str] = []
        self.told: list[str] = []
        self.acknowledged = self.muted = False

    def look(self, *verdicts: Verdict, apart: timedelta = MINUTE, **more: Any) -> Night:
        for verdict in verdicts:
            self._look([finding(verdict, **more)])
            self.now += apart
        return self

    def _look(self, findings: Iterable[Finding]) -> None:
        self.states, events = step(self.rules, findings, self.states, self.now)
        self.happened += [event.what for event in events]
        for key, state in self.states.items():
            local = self.now + timedelta(hours=7)
            silent = {"acknowledged": self.acknowledged, "muted": self.muted}
            for name, channels in telling.due(state, self.rules["late"], self.now, local=local, **silent):
                self.told += [f"{name} {channel}" for channel in channels]
                self.states[key] = state = telling.told(state, name, channels)

    @property
    def state(self) -> State:
        return self.states["late", ""]


def test_it_fires_once_it_has_lasted_and_is_over_once_it_has_been_well_for_a_while() -> None:
    night = Night().look(*["bad"] * 5)
    assert night.happened == []
    night.look(*["bad"] * 10)
    assert night.happened == ["fired"]
    assert (night.state.since, night.state.fired) == (T0, T0 + 5 * MINUTE)
    night.look("well", "well")
    assert night.state.phase == "calm"
    night.look("well")
    assert night.happened == ["fired", "resolved"]
    assert night.told == ["fired piket", "resolved piket"]


def test_what_is_short_never_fires() -> None:
    night = Night().look(*(["bad"] * 4 + ["well"]) * 10)
    assert (night.happened, night.told) == ([], [])


def test_what_the_data_say_began_long_ago_fires_at_once() -> None:
    night = Night().look("bad", since=T0 - timedelta(hours=3))
    assert night.happened == ["fired"]
    assert night.state.since == T0 - timedelta(hours=3)


def test_between_the_two_thresholds_it_stays_as_it_is() -> None:
    night = Night().look(*["bad"] * 7, "between", "between", "well", "between", "well", "between")
    assert night.state.phase == "firing"
    assert night.happened == ["fired"]
    assert Night().look(*["between"] * 9).states == {}


def test_without_data_nothing_begins_and_nothing_ends() -> None:
    assert Night().look(*["unknown"] * 20, value=None).states == {}
    night = Night().look(*["bad"] * 4, "unknown", *["bad"] * 4)
    assert night.happened == []
    night = Night().look(*["bad"] * 7, *["unknown"] * 60, value=None)
    assert (night.state.phase, night.happened) == ("firing", ["fired"])


def test_what_flaps_all_night_is_told_as_such_once() -> None:
    night = Night().look(*(["bad"] * 7 + ["well"] * 4) * 40)
    assert night.told == ["fired piket", "resolved piket", "flapping piket"]
    assert night.happened == ["fired", "resolved", "reopened"]
    night.look(*["well"] * 32)
    assert night.happened[-1] == "resolved"
    assert night.told[-1] == "resolved-flapping piket"


def test_after_a_calm_half_hour_it_is_another_alert() -> None:
    night = Night().look(*["bad"] * 7, *["well"] * 40, *["bad"] * 7)
    assert night.happened == ["fired", "resolved", "fired"]
    assert night.told == ["fired piket", "resolved piket", "fired piket"]
    assert night.state.since > T0 + REOPEN


def test_what_joins_something_larger_ends_without_a_word() -> None:
    night = Night().look(*["bad"] * 7).look("well", detail="joined")
    assert (night.happened, night.told, night.states) == (["fired", "ended"], ["fired piket"], {})


def test_a_rule_that_is_taken_out_ends_its_alerts() -> None:
    night = Night().look(*["bad"] * 7)
    night.rules = {}
    night.look("bad")
    assert (night.happened, night.states) == (["fired", "ended"], {})


def test_in_quiet_hours_nobody_is_told_until_they_end_and_only_if_it_lasts() -> None:
    quiet = rule(quiet_hours="09:00-11:00")  # 02:00 to 04:00 UTC
    night = Night(quiet).look(*["bad"] * 50)
    assert (night.happened, night.told) == (["fired"], [])
    night.look(*["bad"] * 15)
    assert night.told == ["fired piket"]
    short = Night(quiet).look(*["bad"] * 10, *["well"] * 90)
    assert (short.happened, short.told) == (["fired", "resolved"], [])


def test_a_mute_is_silent_until_it_ends() -> None:
    night = Night()
    night.muted = True
    night.look(*["bad"] * 30)
    assert night.told == []
    night.muted = False
    assert night.look("bad").told == ["fired piket"]


def test_it_is_escalated_unless_somebody_acknowledged_it() -> None:
    escalating = rule(escalate=[{"after": "30 min", "channels": ("grup", "wali")}])
    night = Night(escalating).look(*["bad"] * 60)
    assert night.told == ["fired piket", "escalated-1 grup", "escalated-1 wali"]
    night.look(*["well"] * 4)
    assert night.told[3:] == ["resolved piket", "resolved grup", "resolved wali"]
    known = Night(escalating).look(*["bad"] * 10)
    known.acknowledged = True
    assert known.look(*["bad"] * 60).told == ["fired piket"]


def test_a_message_keeps_its_id_and_no_two_steps_share_one() -> None:
    state = Night().look(*["bad"] * 7).state
    ids = {
        telling.message_id(telling.Message("live", state, name, channel).key, "example.go.id")
        for name in (telling.FIRED, RESOLVED, telling.FLAPPING, "escalated-1")
        for channel in ("piket", "grup")
        for _ in range(2)
    }
    assert len(ids) == 8


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["bad", "well", "between", "unknown"]), max_size=150))
def test_whatever_comes_each_alert_is_told_of_at_most_once_a_step_and_ends_at_most_once(seen: list[Verdict]) -> None:
    night = Night().look(*seen)
    fired, resolved = night.told.count("fired piket"), night.told.count("resolved piket")
    assert 0 <= fired - resolved <= 1
    assert night.told.count("flapping piket") <= fired
    assert night.happened.count("fired") == fired
    # Two alerts in a row are half an hour apart, or one flapped until it had been calm for that long.
    assert fired <= 1 + len(seen) // 30
