from __future__ import annotations

import pytest

from coc.domain.instants import micros_of
from tests.metrics.cities import wib
from tests.settings.blocks import Write, opened, said


def test_windows_are_read_in_the_citys_time(write: Write) -> None:
    network = opened(
        write(
            """\
network:
  maintenance:
    - {scope: "site:TAMAN-01", from: 2026-03-02T22:00, to: 2026-03-03 02:00, reason: kabel}
    - {scope: "service:ppdb", cron: 0 1 * * sun, duration: 2 h}
  power_cuts:
    - {scope: "area:15.71.01", from: "2026-03-04T09:00:00+07:00", to: 2026-03-04T12:00}
"""
        )
    ).settings.network
    once, weekly = (window.planned("Asia/Jakarta") for window in network.maintenance)
    week = micros_of(wib("2026-03-01T00:30")), micros_of(wib("2026-03-08T02:00"))
    assert [side.tolist() for side in once.spans(*week)] == [
        [micros_of(wib("2026-03-02T22:00"))],
        [micros_of(wib("2026-03-03T02:00"))],
    ]
    assert [side.tolist() for side in weekly.spans(*week)] == [
        [micros_of(wib(f"2026-03-0{day}T01:00")) for day in (1, 8)],
        [micros_of(wib(f"2026-03-0{day}T03:00")) for day in (1, 8)],
    ]
    assert once.spans(week[0], micros_of(wib("2026-03-02T22:00")))[0].size == 0
    assert network.maintenance[0].reason == "kabel"
    assert once.parse(once.text) == once
    assert weekly.parse(weekly.text) == weekly


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "{scope: taman, from: 2026-03-02T22:00, to: 2026-03-03T02:00}",
            "[0].scope: expected what it is of, such as site:TAMAN-01 (ap, site, link, area, service); found `taman`",
        ),
        (
            '{scope: "sites:A", from: 2026-03-02T22:00, to: 2026-03-03T02:00}',
            "[0].scope: expected one of ap:, site:, link:, area:, service:; found `sites:`; did you mean `site`?",
        ),
        (
            '{scope: "site:A", from: 2026-03-02T22:00}',
            "[0]: expected `from` and `to`, or `cron` and `duration`; found `from`",
        ),
        ('{scope: "site:A"}', "[0]: expected `from` and `to`, or `cron` and `duration`; found neither"),
        (
            '{scope: "site:A", from: 2026-03-02T22:00, to: 2026-03-02T20:00}',
            "[0].to: ends before it begins; expected a time after 2026-03-02T22:00",
        ),
        (
            '{scope: "site:A", from: besok, to: 2026-03-02T20:00}',
            "[0].from: expected a time such as 2026-03-02T22:00, in the city's time zone where it says none;"
            " found `besok`",
        ),
        (
            '{scope: "site:A", cron: 0 1 * * sun, duration: dua jam}',
            "[0].duration: expected a duration such as `30 min` or `2 h`; found `dua jam`",
        ),
        (
            '{scope: "site:A", form: 2026-03-02T22:00, to: 2026-03-03T02:00}',
            "[0].form: unknown key; did you mean `from`?",
        ),
        ("{from: 2026-03-02T22:00, to: 2026-03-03T02:00}", "[0].scope: is missing; this key is required"),
    ],
)
def test_a_wrong_window_is_told_with_its_line_and_mend(write: Write, entry: str, expected: str) -> None:
    lines = said(write(f"network:\n  maintenance:\n    - {entry}\n"))
    assert f"config.yaml:3: network.maintenance{expected}" in lines
    assert len(lines) <= 2


def test_a_wrong_cron_line_is_told(write: Write) -> None:
    lines = said(write('network: {power_cuts: [{scope: "area:15", cron: 61 1 * * *, duration: 2 h}]}\n'))
    assert lines[0].startswith("config.yaml:1: network.power_cuts[0].cron: expected a cron line such as")
