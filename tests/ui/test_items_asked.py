"""What the address of a list may say, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from coc.access.questions import Asked
from coc.ui.i18n import t
from coc.ui.items_asked import Address, address_of

UNITS = ("DISDIK", "DINKES")
BACKLOG = "disposition.backlog"


def read(**query: Any) -> Address:
    return address_of(query, UNITS, t("en"))


def test_every_choice_is_taken() -> None:
    said = {
        "kpi": BACKLOG, "unit": "DISDIK", "window": "7d", "age": "gt5", "office": "walikota", "channel": "voice",
        "device": "phone", "medium": "paper", "kind": "incoming", "type": "undangan", "urgency": "segera", "page": "3",
    }  # fmt: skip
    address = read(**said)
    chosen = {k: said[k] for k in ("office", "channel", "device", "kind", "type", "medium", "urgency")}
    assert address.asked == Asked(BACKLOG, "7d", "DISDIK", "gt5", chosen)
    assert (address.page, address.told) == (3, ())
    assert read(**address.query).asked == address.asked


@pytest.mark.parametrize("value", ["wifi.up", "disposition.x", "", "<script>", "disposition.backlog' OR 1=1"])
def test_a_figure_without_items_gives_no_list_and_is_named(value: str) -> None:
    address = read(kpi=value)
    assert address.asked is None
    assert len(address.told) == (1 if value else 0)
    assert all(value in said for said in address.told)


@pytest.mark.parametrize("unit", ["disdik", "TIADA", "%", "*", "DISDIK,DINKES", "DISDIK' OR 1=1 --"])
def test_an_unknown_unit_never_becomes_the_whole_city(unit: str) -> None:
    address = read(kpi=BACKLOG, unit=unit)
    assert address.asked is None
    assert unit in address.told[0]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"age": "old"}, "“old” is no choice for Age"),
        ({"channel": "smoke"}, "“smoke” is no choice for Channel"),
        ({"office": "a;b"}, "“a;b” is no choice for From office"),
        ({"office": "x" * 61}, "…” is no choice for From office"),
        ({"window": "365d"}, "“365d” is no choice for Window"),
        ({"page": "0"}, "no page 0"),
        ({"page": "9999999"}, "no page 9999999"),
        ({"flow": "arrived"}, "Flow does not narrow this figure"),
        ({"clearance": "sangat_rahasia"}, "“clearance” narrows nothing here"),
        ({"viewer": "wako"}, "“viewer” narrows nothing here"),
    ],
)
def test_what_is_no_choice_is_told_and_left_out(query: dict[str, str], told: str) -> None:
    address = read(kpi=BACKLOG, **query)
    assert address.asked == Asked(BACKLOG)
    assert address.page == 1
    assert len(address.told) == 1
    assert told in address.told[0]


def test_a_rate_may_be_listed_as_its_whole_and_nothing_else_has_one() -> None:
    assert read(kpi="correspondence.paperless_rate", part="whole").told == ()
    assert read(kpi=BACKLOG, part="whole").told


def test_choices_of_letters_do_not_hold_for_those_of_dispositions_and_of_units_none() -> None:
    assert read(kpi="correspondence.undispositioned", channel="voice").told
    assert read(kpi="adoption.rate", kind="memo").told
    assert read(kpi="leaders.first_disposition_hours_p50", office="sekda").told == ()


def test_what_every_page_takes_is_nothing_to_tell_of() -> None:
    assert read(kpi=BACKLOG, lang="en", theme="light", lens="leader", scope="DISDIK", realm="demo").told == ()


def test_taking_a_choice_away_or_another_one_begins_with_the_first_page() -> None:
    address = read(kpi=BACKLOG, unit="DISDIK", age="gt5", office="sekda", page="4")
    assert address.at(age="") == "/telusur?kpi=disposition.backlog&unit=DISDIK&window=30d&office=sekda"
    assert address.at(window="7d", page="2").endswith("window=7d&age=gt5&office=sekda&page=2")


def test_only_less_than_a_shown_figure_is_a_narrowed_one() -> None:
    assert not read(kpi=BACKLOG, unit="DISDIK", age="gt5").asked.narrowed  # type: ignore[union-attr]
    assert not read(kpi="disposition.on_time_rate", part="whole").asked.narrowed  # type: ignore[union-attr]
    assert not read(kpi="disposition.net_flow", flow="arrived").asked.narrowed  # type: ignore[union-attr]
    assert read(kpi=BACKLOG, urgency="segera").asked.narrowed  # type: ignore[union-attr]
    assert read(kpi="disposition.on_time_rate", age="gt5").asked.narrowed  # type: ignore[union-attr]
