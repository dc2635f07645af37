"""Keeps the alerts of one realm: judges at every refresh of the boards, under the token of who builds them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from coc.alerts import facts, machine, telling
from coc.alerts.findings import Key
from coc.alerts.look import Looked
from coc.alerts.machine import Event, State
from coc.settings.models import Realm, Settings
from coc.store import Control
from coc.store.control import Fence, Mute
from coc.store.control import outbox as posted

log = logging.getLogger("coc.alerts")
Held = Mapping[Key, State]
Look = Callable[[Held], Looked]


class Engine:
    """Not thread-safe: one thread calls `watch`. The control store remembers; a new reign reads it anew."""

    def __init__(self, control: Control, settings: Settings, realm: Realm) -> None:
        self.control, self.settings, self.realm = control, settings, realm
        self.rules = settings.alerts.in_force
        self.channels = {n: c for n, c in settings.alerts.channels.items() if realm == "live" or c.demo}
        self._zone = ZoneInfo(settings.city.time_zone)
        self._reign: Fence | None = None
        self._states: dict[Key, State] = {}
        self._read = False

    def watch(self, look: Look, now: datetime, fence: Fence | None) -> bool:
        """Judge once, and store what changed; whether a message was queued. Raises LostLeaseError.

        `now`: business time. `fence` None: nobody else could be watching.
        """
        self._begin(fence)
        now = now.astimezone(UTC)
        looked = look(self._states)
        after, events = machine.step(self.rules, looked.findings, self._states, now)
        after, messages = self._told(after, now, self._known(), self.control.mutes(self.realm))
        if not events and not messages and not self._differs(after):
            self._states = after
            return False
        with self.control.alert_writes(self.realm, fence) as writes:
            for key in self._states.keys() - after.keys():
                writes.drop_state(*key)
            for key, state in after.items():
                if self._states.get(key) != state:
                    writes.put_state(*key, facts.dumped(state))
            for state in self._to_record(after, events):
                ended = state.changed if state.phase == "over" else None
                rule = self.rules.get(state.rule)
                if rule is not None and state.fired is not None:
                    writes.record(*state.key, state.since, state.fired, ended, facts.facts_of(state, rule))
            ends = [e.state for e in events if e.what == "ended" and e.state.rule not in self.rules]
            for state in ends:
                writes.end(*state.key, state.since, now)
            queued = [posted.put(writes, m.key, m.channel, self._facts(m, now)) for m in messages]
        self._states = after
        _say(events)
        return any(queued)

    @property
    def states(self) -> Held:
        """As they stood after the last look."""
        return self._states

    def forget(self, now: datetime) -> None:
        """Leave the past to the past: once a day is enough."""
        self.control.prune_alerts(self.realm, self.settings.alerts.history_days, now)

    def _begin(self, fence: Fence | None) -> None:
        """A new reign raises the token before anything else, so that the one before can write no more."""
        if self._read and fence == self._reign:
            return
        with self.control.alert_writes(self.realm, fence):
            pass
        self._states = {key: facts.loaded(raw) for key, raw in self.control.alert_states(self.realm).items()}
        self._reign, self._read = fence, True

    def _known(self) -> set[tuple[str, str, datetime]]:
        """What somebody has acknowledged."""
        if not any(state.live for state in self._states.values()):
            return set()
        going_on = self.control.incidents(self.realm, 10_000, going_on=True)
        return {(i.rule, i.scope, i.since) for i in going_on if i.acknowledged is not None}

    def _told(
        self, after: dict[Key, State], now: datetime, known: set[tuple[str, str, datetime]], mutes: list[Mute]
    ) -> tuple[dict[Key, State], list[telling.Message]]:
        messages: list[telling.Message] = []
        local = now.astimezone(self._zone)
        for key, state in after.items():
            acknowledged = (*key, state.since) in known
            muted = any(mute.covers(*key) for mute in mutes)
            due = telling.due(state, self.rules[state.rule], now, local=local, acknowledged=acknowledged, muted=muted)
            for step, channels in list(due):
                ours = tuple(name for name in channels if name in self.channels)
                messages += [telling.Message(self.realm, state, step, name) for name in ours]
                after[key] = state = telling.told(state, step, ours)
        return after, messages

    def _facts(self, message: telling.Message, now: datetime) -> dict[str, object]:
        rule = self.rules[message.state.rule]
        return facts.message_of(message.state, rule, message.step, self.realm, now)

    def _differs(self, after: Held) -> bool:
        """Whether anything moved but the figures of what is not firing."""
        return after.keys() != self._states.keys() or any(state != self._states[key] for key, state in after.items())

    @staticmethod
    def _to_record(after: Held, events: list[Event]) -> list[State]:
        over = [e.state for e in events if e.what in ("resolved", "ended")]
        return [*over, *(state for state in after.values() if state.live)]


def _say(events: list[Event]) -> None:
    """Codes and counts: what a letter says is in none of them."""
    for event in events:
        if event.what in ("fired", "resolved"):
            log.info("alert %s: %s %s", event.what, event.state.rule, event.state.scope)
