"""What the control store remembers of alerts, on both databases: one leader writes, each message is queued once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from coc.clock import system_now
from coc.store import Control, LostLeaseError
from coc.store.control import Fence, Incident
from coc.store.control import outbox as mail

T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
FIRST, SECOND = Fence(1, 1_000), Fence(2, 2_000)
_numbers = itertools.count(1)
FACTS = {"name": "SMPN 7", "kpi": "", "value": 3.0}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """One of each kind for all tests: each has a realm of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db"
    else:
        url = request.getfixturevalue("postgres").create()
    opened = Control(url)
    yield opened
    opened.close()


@pytest.fixture
def control(store: Control) -> Alerts:
    return Alerts(store, f"realm{next(_numbers)}")


class Alerts:
    """A control store's alerts, of one realm unless another is named."""

    def __init__(self, store: Control, realm: str) -> None:
        self.store, self.realm = store, realm

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(self.store, name), self.realm)


def fired(control: Alerts, scope: str = "site:S1", fence: Fence | None = None) -> Incident:
    with control.alert_writes(fence) as writes:
        writes.record("wifi_down", scope, T0, T0 + timedelta(minutes=5), None, FACTS)
        writes.put_state("wifi_down", scope, {"phase": "firing"})
    found: Incident = control.incidents()[0]
    return found


def queue(control: Alerts, key: str, fence: Fence | None = None) -> bool:
    with control.alert_writes(fence) as writes:
        return mail.put(writes, f"{control.realm}|{key}", "piket", FACTS)


def test_states_and_history_are_kept_by_realm(control: Alerts) -> None:
    fired(control)
    assert control.alert_states() == {("wifi_down", "site:S1"): {"phase": "firing"}}
    assert (control.store.alert_states("demo"), control.store.incidents("demo")) == ({}, [])
    with control.alert_writes(None) as writes:
        writes.record("wifi_down", "site:S1", T0, T0, T0 + timedelta(hours=1), FACTS)
        writes.drop_state("wifi_down", "site:S1")
    [over] = control.incidents(going_on=False)
    assert (over.ended, control.alert_states()) == (T0 + timedelta(hours=1), {})


def test_who_led_before_can_write_nothing_once_the_next_has_written(control: Alerts) -> None:
    fired(control, fence=FIRST)
    queue(control, "a", FIRST)
    with control.alert_writes(SECOND):
        pass  # what a leader does first
    with pytest.raises(LostLeaseError), control.alert_writes(FIRST) as writes:
        writes.put_state("wifi_down", "site:S2", {"phase": "firing"})
    with pytest.raises(LostLeaseError):
        control.take(FIRST, system_now())
    with pytest.raises(LostLeaseError):
        queue(control, "b", FIRST)
    assert ("wifi_down", "site:S2") not in control.alert_states()
    assert [m.key[-1] for m in control.outbox()] == ["a"]


def test_a_restored_store_counts_tokens_anew_and_still_leads(control: Alerts) -> None:
    fired(control, fence=Fence(40, 5_000))
    with control.alert_writes(Fence(3, 9_000)):
        pass
    with pytest.raises(LostLeaseError), control.alert_writes(Fence(2, 4_000)):
        pass


def test_a_message_of_one_key_is_queued_once(control: Alerts) -> None:
    assert [queue(control, "a"), queue(control, "a"), queue(control, "b")] == [True, False, True]
    assert [m.key[-1] for m in control.outbox()] == ["b", "a"]


def test_what_decides_and_what_tells_are_stored_together_or_not_at_all(control: Alerts) -> None:
    def killed() -> None:
        with control.alert_writes(FIRST) as writes:
            writes.put_state("wifi_down", "site:S1", {"phase": "firing"})
            mail.put(writes, "a", "piket", FACTS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed()
    assert (control.alert_states(), control.outbox()) == ({}, [])


def test_a_message_that_was_taken_and_never_marked_comes_again_and_is_never_lost(control: Alerts) -> None:
    queue(control, "a")
    now = system_now()
    first = control.take(None, now)
    assert first is not None
    assert control.take(None, now) is None
    again = control.take(None, first.next_try)
    assert again is not None
    assert (again.key[-1], again.attempts) == ("a", 2)
    control.sent(None, again.id)
    assert control.take(None, now + timedelta(days=1)) is None
    assert control.outbox()[0].state == "sent"


def test_tries_come_further_apart_until_it_is_given_up_for_all_to_see(control: Alerts) -> None:
    queue(control, "a")
    now, apart = system_now(), []
    while (message := control.take(None, now)) is not None:
        apart.append((message.next_try - now).total_seconds())
        now = message.next_try
        if control.failed(None, message, "refused", for_good=False):
            break
    assert apart[:4] == [30, 60, 120, 240]
    assert max(apart) == 3600
    [dead] = control.outbox()
    assert (dead.state, dead.attempts, dead.error) == ("dead", mail.MOST_ATTEMPTS, "refused")
    assert control.try_again(dead.id)
    assert control.outbox()[0].state == "waiting"


def test_an_acknowledgement_is_of_what_goes_on_and_can_be_taken_back(control: Alerts) -> None:
    incident = fired(control)
    before = control.alert_version()
    assert control.acknowledge(incident.id, "operator", "sari")
    assert not control.acknowledge(incident.id, "operator", "sari")
    assert not control.store.acknowledge("demo", incident.id, "operator", "sari")
    assert control.incidents()[0].acknowledged_role == "operator"
    assert control.alert_version() > before
    fired(control)  # as the next look writes it down
    assert control.incidents()[0].acknowledged_role == "operator"
    assert control.acknowledge(incident.id, "operator", "sari", undo=True)
    assert control.incidents()[0].acknowledged is None


def test_a_mute_has_an_end_and_covers_a_rule_or_one_scope(control: Alerts) -> None:
    one = control.mute("wifi_down", "site:S1", system_now() + timedelta(hours=1), "operator", "sari")
    control.mute("source_failing", None, system_now() + timedelta(hours=2), "admin", "budi")
    control.mute("past", None, system_now() - timedelta(seconds=1), "admin", "budi")
    held = control.mutes()
    assert [m.rule for m in held] == ["wifi_down", "source_failing"]
    assert held[0].covers("wifi_down", "site:S1")
    assert not held[0].covers("wifi_down", "site:S2")
    assert held[1].covers("source_failing", "sipadek")
    assert control.unmute(one.id)
    assert not control.unmute(one.id)
    assert [m.rule for m in control.mutes()] == ["source_failing"]


def test_what_is_over_and_old_is_forgotten_and_what_goes_on_is_not(control: Alerts) -> None:
    fired(control)
    fired(control, scope="site:S2")
    with control.alert_writes(None) as writes:
        writes.record("wifi_down", "site:S2", T0, T0, T0 + timedelta(hours=1), FACTS)
    assert control.prune_alerts(1, T0 + timedelta(hours=24)) == 0
    assert control.prune_alerts(1, T0 + timedelta(hours=26)) == 1
    assert [i.scope for i in control.incidents()] == ["site:S1"]
