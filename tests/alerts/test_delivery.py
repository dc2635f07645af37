"""From what a look finds to a mail in a mailbox: over real SMTP and HTTP, once, whatever is killed in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coc.alerts import channels
from coc.alerts.courier import Courier
from coc.alerts.engine import Engine
from coc.alerts.findings import Finding
from coc.alerts.look import Looked
from coc.clock import system_now
from coc.settings.models import Settings
from coc.store import Control, LostLeaseError
from coc.store.control import Fence
from coc.ui.alert_letters import Letters
from tests.alerts.receivers import Mailbox, free_port, mail_server, webhook

T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
LATE = {"kpi": "disposition.overdue", "above": 20, "for": "5 min", "clear_after": "2 min", "channels": ["piket"]}
REIGN = Fence(1, 1)
BAD = Finding("late", "", "kpi", "", "bad", 31.0, 20.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    opened = Control(f"sqlite:///{tmp_path_factory.mktemp('alerts')}/control.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, Mailbox]]:
    with mail_server() as found:
        yield found


class Room:
    """One realm's alerts with its channels: looks, and sends what is due."""

    number = 0

    def __init__(self, store: Control, port: int, **alerts: Any) -> None:
        Room.number += 1
        self.store, self.realm, self.now = store, f"room{Room.number}", T0
        block = {
            "shipped": False,
            "rules": {"late": LATE},
            "channels": {"piket": {"mail": ["piket@example.go.id"], "demo": True}},
        } | alerts
        mail = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "coc@example.go.id", "timeout_seconds": 5}
        self.settings = Settings.model_validate(
            {"alerts": block, "mail": mail, "server": {"public_url": "https://coc"}}
        )
        self.engine = self.started()
        self.courier = self.sending()

    def started(self) -> Engine:
        """As after a restart: what it knows is the store's."""
        return Engine(self.store, self.settings, self.realm)  # type: ignore[arg-type]

    def sending(self, **more: Any) -> Courier:
        made = self.settings.alerts.channels, self.settings.mail, Letters(self.settings)
        return Courier(self.store, self.realm, *made, lambda: REIGN, **more)

    def look(self, *found: Finding, minutes: int = 6, fence: Fence = REIGN) -> None:
        for _ in range(minutes):
            self.engine.watch(lambda _: Looked(list(found)), self.now, fence)
            self.now += timedelta(minutes=1)


def test_a_mail_says_what_where_how_much_since_when_and_nothing_else(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    room.look(BAD)
    assert room.courier.deliver() == 1
    [mail] = box.mails
    assert (mail["From"], mail["To"]) == ("coc@example.go.id", "piket@example.go.id")
    assert mail["Subject"] == "[Waspada] Disposisi terlambat"
    body = mail.get_content()
    for line in (
        "disposition.overdue",
        "seluruh kota",
        "Nilai: 31",
        "lebih dari 20",
        "10.00 WIB",
        "https://coc/peringatan",
    ):
        assert line in body
    assert mail["Message-ID"].endswith("@example.go.id>")


def test_what_is_over_is_told_to_who_was_told(store: Control, server: tuple[int, Mailbox]) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    room.look(BAD)
    room.look(Finding("late", "", "kpi", "", "well", 3.0, 20.0), minutes=4)
    assert room.courier.deliver() == 2
    assert [m["Subject"] for m in box.mails] == ["[Waspada] Disposisi terlambat", "[Selesai] Disposisi terlambat"]
    assert len({m["Message-ID"] for m in box.mails}) == 2
    [over] = store.incidents(room.realm)
    assert over.ended == T0 + timedelta(minutes=6)


def test_a_kill_between_send_and_mark_repeats_the_same_message_and_loses_none(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    room.look(BAD)

    def sent_and_killed(*given: Any) -> None:
        channels.send(*given)
        raise KeyboardInterrupt  # no handler of ours stops it: as if the process were gone

    with pytest.raises(KeyboardInterrupt):
        room.sending(sender=sent_and_killed).deliver()
    assert store.outbox(room.realm)[0].state == "waiting"
    room.engine = room.started()
    room.look(BAD)  # the next leader finds it firing, and queues nothing anew
    later = store.outbox(room.realm)[0].next_try
    assert room.courier.deliver() == 0
    _at(room.courier, later)
    assert len(box.mails) == 2
    assert len({m["Message-ID"] for m in box.mails}) == 1
    assert [m.state for m in store.outbox(room.realm)] == ["sent"]


def _at(courier: Courier, when: datetime) -> None:
    """Deliver as if it were later."""
    import coc.alerts.courier as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "system_now", lambda: when)
        courier.deliver()


def test_a_killed_look_decides_and_queues_together_or_not_at_all(store: Control, server: tuple[int, Mailbox]) -> None:
    room = Room(store, server[0])
    room.look(BAD, minutes=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coc.alerts.engine.posted.put", _killed)
        with pytest.raises(KeyboardInterrupt):
            room.look(BAD, minutes=1)
    assert (store.incidents(room.realm), store.outbox(room.realm)) == ([], [])
    room.engine = room.started()
    room.look(BAD, minutes=2)
    assert len(store.outbox(room.realm)) == len(store.incidents(room.realm)) == 1


def _killed(*_: Any) -> bool:
    raise KeyboardInterrupt


def test_who_led_before_neither_decides_nor_sends(store: Control, server: tuple[int, Mailbox]) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    old, new = room.started(), room.started()
    room.look(BAD)
    new.watch(lambda _: Looked([]), room.now, Fence(2, 2))
    with pytest.raises(LostLeaseError):
        old.watch(lambda _: Looked([BAD]), room.now, Fence(1, 1))
    with pytest.raises(LostLeaseError):
        room.courier.deliver()  # it still believes in its token
    assert box.mails == []


def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    away = Room(store, free_port())
    away.look(BAD)
    away.courier.deliver()
    [message] = store.outbox(away.realm)
    assert (message.state, message.error) == ("waiting", "unreachable")
    box.refusing = "554 no"
    try:
        refused = Room(store, port)
        refused.look(BAD)
        refused.courier.deliver()
    finally:
        box.refusing = ""
    [message] = store.outbox(refused.realm)
    assert (message.state, message.error) == ("dead", "mail_554")


def test_a_webhook_is_told_over_http_with_the_same_key_each_time(store: Control, server: tuple[int, Mailbox]) -> None:
    with webhook() as (url, taken):
        rules = {"late": LATE | {"channels": ["ruang"]}}
        room = Room(store, server[0], rules=rules, channels={"ruang": {"url": url, "language": "en", "demo": True}})
        room.look(BAD)
        assert room.courier.deliver() == 1
        [(headers, payload)] = taken
    assert payload["title"] == "[Warning] Overdue dispositions"
    assert "Value: 31" in payload["message"]
    assert headers["Idempotency-Key"] == headers["Message-ID"].strip("<>")


def test_a_unit_s_figure_that_the_public_may_not_see_stays_in_the_house(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    room.look(Finding("late", "DISDIK", "kpi", "Dinas Pendidikan", "bad", 31.0, 20.0, tellable=False))
    room.courier.deliver()
    body = box.mails[0].get_content()
    assert "Dinas Pendidikan" in body
    assert "31" not in body
    assert "31" not in str(store.outbox(room.realm)[0].facts)


def test_what_is_simulated_leaves_over_a_channel_that_takes_it_alone_and_says_so(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    box.mails.clear()
    channels_there = {
        "piket": {"mail": ["piket@example.go.id"]},
        "latihan": {"mail": ["uji@example.go.id"], "demo": True},
    }
    room = Room(store, port, rules={"late": LATE | {"channels": ["piket", "latihan"]}}, channels=channels_there)
    room.realm = "demo"
    room.engine, room.courier = room.started(), room.sending()
    room.look(BAD)
    room.courier.deliver()
    [mail] = box.mails
    assert mail["To"] == "uji@example.go.id"
    assert mail["Subject"].startswith("DATA SIMULASI ")


def test_nobody_is_told_twice_and_an_acknowledgement_stops_the_escalation(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    escalating = LATE | {"escalate": [{"after": "10 min", "channels": ["piket"]}]}
    room = Room(store, server[0], rules={"late": escalating})
    room.look(BAD)
    [incident] = store.incidents(room.realm)
    store.acknowledge(room.realm, incident.id, "operator", "sari")
    room.look(BAD, minutes=30)
    assert [m.facts["step"] for m in store.outbox(room.realm)] == ["fired"]
    store.acknowledge(room.realm, incident.id, "operator", "sari", undo=True)
    room.look(BAD, minutes=3)
    assert [m.facts["step"] for m in store.outbox(room.realm)] == ["escalated-1", "fired"]
    store.mute(room.realm, "late", None, system_now() + timedelta(hours=1), "operator", "sari")
    room.look(Finding("late", "", "kpi", "", "well", 3.0, 20.0), minutes=5)
    assert len(store.outbox(room.realm)) == 2


def test_no_address_and_no_secret_is_in_an_error(store: Control, tmp_path: Path) -> None:
    room = Room(store, free_port(), channels={"piket": {"url": "json://user:s3cret@127.0.0.1:1/x", "demo": True}})
    room.look(BAD)
    room.courier.deliver()
    [message] = store.outbox(room.realm)
    assert message.error == "gateway"
    assert "s3cret" not in repr(room.settings)


SENDS_AND_IS_KILLED = """
import os, signal, sys
from coc.alerts import channels
from coc.alerts.courier import Courier
from coc.settings.alerts import Channel, Mail
from coc.store import Control
from coc.store.control import Fence

def send(*given):
    channels.send(*given)
    os.kill(os.getpid(), signal.SIGKILL)

control, port, realm = Control(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mail = Mail(host="127.0.0.1", port=port, tls="none", sender="coc@example.go.id")
written = {"piket": Channel(mail=("piket@example.go.id",))}, mail, lambda facts, language: ("subject", "body")
Courier(control, realm, *written, lambda: Fence(1, 1), sender=send).deliver()
"""


@pytest.mark.slow
def test_a_process_killed_between_send_and_mark_leaves_the_message_to_the_next_one(
    store: Control, server: tuple[int, Mailbox]
) -> None:
    port, box = server
    box.mails.clear()
    room = Room(store, port)
    room.look(BAD)
    command = [sys.executable, "-c", SENDS_AND_IS_KILLED, str(store.engine.url), str(port), room.realm]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(box.mails) == 1
    _at(room.courier, store.outbox(room.realm)[0].next_try)
    assert len(box.mails) == 2
    assert len({m["Message-ID"] for m in box.mails}) == 1
    assert store.outbox(room.realm)[0].state == "sent"
