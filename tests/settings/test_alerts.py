"""`alerts:` at the door: what is read of a rule that could never fire, or of a channel that could not tell."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path

from tests.settings.blocks import Write, opened, said

SHIPPED = Path(__file__).parents[2] / "config.yaml"
FEED = "connectors: {a: {type: feed, url: 'http://127.0.0.1:1'}}\n"


def test_rules_ship_on_and_tell_nobody_until_there_is_a_channel(write: Write) -> None:
    alerts = opened(write(FEED)).settings.alerts
    assert {"wifi_down", "application_down", "source_failing"} <= set(alerts.in_force)
    assert not any(rule.channels for rule in alerts.in_force.values())


def test_a_rule_is_read_as_it_is_written(write: Write) -> None:
    file = write(
        FEED
        + """\
mail: {host: mail.example.go.id, sender: coc@example.go.id}
alerts:
  channels:
    piket: {mail: [piket@example.go.id]}
    grup: {url: "${CHAT}"}
  rules:
    wifi_down: {ap_state: down, for: 10 min, enabled: false}
    lambat:
      kpi: disposition.overdue
      unit: "*"
      above: 20
      clears_at: 15
      for: 2 h
      quiet_hours: 22:00-06:00
      channels: [piket]
      escalate: [{after: 1 d, channels: [grup]}]
"""
    )
    alerts = opened(file, {"CHAT": "json://127.0.0.1/x"}).settings.alerts
    rule = alerts.in_force["lambat"]
    assert "wifi_down" not in alerts.in_force
    assert (rule.for_, rule.escalate[0].after) == (timedelta(hours=2), timedelta(days=1))
    assert rule.quiet_hours is not None
    assert rule.quiet_hours.holds(time(23))
    assert rule.quiet_hours.holds(time(5, 59))
    assert not rule.quiet_hours.holds(time(6))


def test_every_mistake_names_its_line_and_its_mend(write: Write) -> None:
    file = write(
        FEED
        + """\
targets: {disposition.on_time_rate: {target: 0.9}}
alerts:
  channels:
    surel: {mail: [piket]}
    lama: {url: "mailto://a:b@c"}
    kosong: {}
  rules:
    satu: {kpi: disposition.overdu, above: 3}
    dua: {kpi: disposition.overdue, above: 3, below: 2}
    tiga: {feed: b, for: 5 menit}
    empat: {kpi: wifi.down, unit: DISDIK, above: 3, clears_at: 4}
    lima: {kpi: disposition.on_time_rate, misses: warn, channels: [sural]}
    enam: {for: 5 min}
    tujuh: {ap_state: mati, states: [late], quiet_hours: malam}
    delapan: {service_state: down, group_by: site}
"""
    )
    assert said(file) == [
        "config.yaml:5: alerts.channels.surel.mail[0]: expected an address such as coc@example.go.id; found `piket`",
        "config.yaml:5: alerts.channels.surel.mail: needs mail.host, the server that takes our mail",
        "config.yaml:6: alerts.channels.lama.url: mail goes by our own server, so that a repeated message keeps its id:"
        " write mail: [address]",
        "config.yaml:7: alerts.channels.kosong: expected url: (an address of apprise) or mail: (a list of whom to write"
        " to)",
        "config.yaml:9: alerts.rules.satu.kpi: unknown KPI id `disposition.overdu`;"
        " did you mean `disposition.overdue`?",
        "config.yaml:10: alerts.rules.dua.below: expected one of above, below, misses; found above and below",
        "config.yaml:11: alerts.rules.tiga.feed: no connector of this name; `*` means every one",
        "config.yaml:11: alerts.rules.tiga.for: expected a duration such as `90 s`, `10 min`, `2 h` or `1 d`;"
        " found `5 menit`",
        "config.yaml:12: alerts.rules.empat.unit: wifi.down is a figure of the city alone; leave `unit` out",
        "config.yaml:12: alerts.rules.empat.clears_at: expected at most 3, or it would be over before it began",
        "config.yaml:13: alerts.rules.lima.misses: needs targets.disposition.on_time_rate.warn; set it there, or write"
        " above: or below:",
        "config.yaml:13: alerts.rules.lima.channels[0]: no channel `sural` in alerts.channels; did you mean `surel`?",
        "config.yaml:14: alerts.rules.enam: expected one of kpi, feed, ap_state, service_state; found none",
        "config.yaml:15: alerts.rules.tujuh.states: belongs to rules with `feed:`; this one has `ap_state:`",
        "config.yaml:15: alerts.rules.tujuh.ap_state: expected one of down, degraded, no_data; found `mati`",
        "config.yaml:15: alerts.rules.tujuh.quiet_hours: expected hours of the day such as `22:00-06:00`;"
        " found `malam`",
        "config.yaml:16: alerts.rules.delapan.group_by: expected event or rule: only access points have sites and"
        " areas",
    ]


def test_the_shipped_example_works_when_its_comment_marks_are_taken_off(write: Write) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    blocks = [re.search(rf"^# {name}:\n(#   .*\n)+", text, re.MULTILINE) for name in ("alerts", "mail")]
    shown = "".join(re.sub(r"^# ", "", found[0], flags=re.MULTILINE) for found in blocks if found)
    found = opened(write(FEED + shown), {"TELEGRAM_TOKEN": "1:a", "MAIL_PASSWORD": "b"}).settings
    assert found.alerts.in_force["terlambat"].channels == ("piket",)
    assert found.mail.host == "mail.jambikota.go.id"


def test_the_demo_realm_needs_no_secret_of_a_channel_that_takes_nothing_simulated(write: Write) -> None:
    file = write(
        FEED
        + """\
mail: {host: localhost, sender: coc@example.go.id, password: "${MAIL}"}
alerts:
  channels: {grup: {url: "${CHAT}"}, latihan: {url: "${DRILL}", demo: true}}
  rules: {a: {feed: a, channels: [grup, latihan]}}
"""
    )
    found = opened(file, {"DRILL": "json://127.0.0.1/x"}, realm="demo")
    assert {"CHAT", "MAIL"} <= found.variables["live"]
    assert found.variables["demo"] == {"DRILL"}
