"""`coc alerts`: what fires, acknowledged and muted at the terminal, and a channel tried for real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from coc.store import Control
from tests.alerts.receivers import free_port, mail_server, webhook
from tests.cli.terminal import Terminal

T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
FACTS = {
    "kind": "feed", "name": "sipadek", "kpi": None, "severity": "warning", "owner": "admin", "value": None,
    "limit": None, "detail": "failing",
}  # fmt: skip


def fired(terminal: Terminal, block: str = "") -> None:
    terminal.write("connectors: {a: {type: sipadek, url: 'http://127.0.0.1:9'}}\n" + block)
    control = Control(f"sqlite:///{terminal.folder}/var/control.db")
    with control.alert_writes("live", None) as writes:
        writes.record("source_failing", "sipadek", T0, T0 + timedelta(minutes=10), None, FACTS)
    control.close()


def test_an_alert_is_listed_acknowledged_muted_and_both_are_taken_back(terminal: Terminal) -> None:
    fired(terminal)
    [found] = terminal.coc("alerts", "list", "--json").items
    assert (found["rule"], found["scope"], found["acknowledged_role"]) == ("source_failing", "sipadek", None)
    number = str(found["id"])
    assert terminal.coc("alerts", "ack", number).code == 0
    assert terminal.coc("alerts", "ack", number).code == 1
    assert terminal.coc("alerts", "mute", number, "--for", "2 h").code == 0
    [found] = terminal.coc("alerts", "list", "--json").items
    assert found["acknowledged_role"] == "admin"
    assert found["muted_until"] is not None
    assert terminal.coc("alerts", "ack", number, "--undo").code == 0
    assert terminal.coc("alerts", "mute", number, "--undo").code == 0
    assert terminal.coc("alerts", "mute", number, "--for", "2 jam").code == 2
    assert terminal.coc("alerts", "ack", "99").code == 1
    actions = [i["action"] for i in terminal.coc("audit", "--json", "--action", "alert").items]
    assert actions == ["alert.unmute", "alert.unacknowledge", "alert.mute", "alert.acknowledge"]


def test_a_test_message_says_which_channel_does_not_take_it(terminal: Terminal) -> None:
    with mail_server() as (port, box), webhook() as (url, taken):
        fired(
            terminal,
            f"mail: {{host: 127.0.0.1, port: {port}, tls: none, sender: coc@example.go.id}}\n"
            f"alerts: {{channels: {{surel: {{mail: [a@example.go.id]}}, ruang: {{url: '{url}'}}, "
            f"mati: {{url: 'json://127.0.0.1:{free_port()}'}}}}}}\n",
        )
        ran = terminal.coc("alerts", "test", "--json")
        assert ran.code == 1
        assert {i["channel"]: i["ok"] for i in ran.items} == {"surel": True, "ruang": True, "mati": False}
        assert len(box.mails) == len(taken) == 1
    assert terminal.coc("alerts", "test", "sural").code == 2
