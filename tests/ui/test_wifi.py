"""What the pages of WiFi say: states, the list, sections by address, and one point."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from coc.ui import wifi_spells
from coc.ui.context import context_of
from tests.ui import factory, factory_wifi
from tests.ui.tree import attribute, text_of, walk, with_attribute

wifi = importlib.import_module("pages.wifi")
point = importlib.import_module("pages.wifi_point")
POINTS = factory_wifi.frames(factory.NOW)["network"]["points"]


def rendered(**more: Any) -> dict[str, Any]:
    props: dict[str, Any] = wifi.render(factory.view("wifi", **more))
    return props


def test_the_four_states_and_both_availabilities_carry_their_kpis() -> None:
    shown = with_attribute(rendered(), "data-kpi")
    states = {f"wifi.{s}" for s in ("up", "degraded", "down", "no_data")}
    assert states | {"wifi.availability_24h", "wifi.availability_30d", "wifi.clients"} == set(shown)
    for kpi in states:
        assert float(attribute(shown[kpi], "data-value")) == factory.VALUES[kpi]


def test_no_availability_stands_without_how_much_of_it_is_known() -> None:
    (windows,) = [c for c in walk(rendered(language="en")["wifi-availability"]["children"])
                  if "coc-windows" in (getattr(c, "className", "") or "")]  # fmt: skip
    said = text_of(windows)
    assert said.count("measured") == said.count("%") / 2 == 3


def test_the_list_begins_with_what_is_down_longest_and_counts_what_it_leaves_out() -> None:
    listed = [c for c in walk(rendered()["wifi-down"]["children"]) if getattr(c, "data-ap", None)]
    shown = [(attribute(c, "data-ap"), attribute(c, "data-state")) for c in listed]
    down = POINTS[POINTS["state"] == "down"].sort_values("since")["ap"].tolist()
    assert [ap for ap, state in shown if state == "down"] == down
    assert [state for _, state in shown] == sorted(
        (state for _, state in shown), key=["down", "no_data", "degraded"].index
    )
    assert len(shown) == (POINTS["state"] != "up").sum()
    for item in listed:
        state = attribute(item, "data-state")
        assert any(f"coc-icon-{state}" in (getattr(c, "className", "") or "") for c in walk(item))


def test_a_calm_city_says_so_and_an_empty_one_does_not_call_itself_calm() -> None:
    held = factory.boards()
    calm = POINTS.assign(state="up", flapping=False)
    board = replace(held["network"], frames=held["network"].frames | {"points": calm})
    assert "Every point is up" in text_of(rendered(held=held | {"network": board}, language="en")["wifi-down"])
    assert "Every point" not in text_of(rendered(held=factory.empty_boards(), language="en")["wifi-down"])


def test_points_that_flap_are_told_beside_their_state() -> None:
    count = int(POINTS["flapping"].sum())
    assert count
    assert f"{count} flapping" in text_of(rendered(language="en")["wifi-mark"])


@pytest.mark.parametrize("part", wifi.PAGE.parts)
def test_a_section_is_an_address_and_paints_only_what_it_shows(part: str) -> None:
    view = factory.view("wifi", part=part)
    held = {getattr(c, "id", None) for root in wifi.skeleton(context_of(view)) for c in walk(root)}
    body = {i for i in wifi.render(view) if i not in ("wifi-asof", "wifi-date")}
    assert body <= held
    links = {c.href: attribute(c, "aria-current") for root in wifi.skeleton(context_of(view)) for c in walk(root)
             if getattr(c, "className", "") == "coc-tab"}  # fmt: skip
    here = "/wifi" if part == "sekarang" else f"/wifi?view={part}"
    assert links[here] == "page"
    assert {"/wifi", "/wifi?view=pemakaian", "/wifi?view=wilayah"} <= set(links)


def test_the_tables_count_every_point_once_and_name_those_of_nowhere() -> None:
    props = rendered(part="wilayah", language="en")
    for name in ("wifi-areas", "wifi-kinds"):
        rows = [r for r in walk(props[name]["children"]) if type(r).__name__ == "Tr"][1:]
        assert sum(int(text_of(row.children[1])) for row in rows) == len(POINTS)


def test_a_link_on_the_map_says_what_the_site_is_and_leads_to_its_worst_point() -> None:
    links = [c for c in walk(rendered(language="en")["wifi-map-links"]["children"]) if getattr(c, "href", None)]
    told = {c.href: c.title for c in links}
    assert len(told) == POINTS["site"].nunique()
    states = dict(zip(POINTS["ap"], POINTS["state"], strict=True))
    for href, title in told.items():
        if states[href.removeprefix("/wifi/")] == "down":
            assert "down" in title


def test_a_point_says_its_state_its_place_and_a_role_to_call() -> None:
    said = text_of(point.render(factory.view("point", language="en"))["point-head"])
    row = POINTS.set_index("ap").loc[factory_wifi.POINT]
    assert str(row["name"]) in said
    assert str(row["area_name"]) in said
    assert "Contact: Head of Dinas Pendidikan" in said


def test_the_public_is_told_no_owner() -> None:
    held = factory.boards()
    hidden = POINTS.assign(owner_unit=None)  # as masks hand it to the public lens
    board = replace(held["network"], frames=held["network"].frames | {"points": hidden})
    said = text_of(point.render(factory.view("point", held=held | {"network": board}, language="en"))["point-head"])
    assert "Contact" not in said


def test_spells_end_where_the_next_state_came_or_where_nothing_more_was_heard() -> None:
    now = pd.Timestamp(factory.NOW)
    ago = [now - timedelta(hours=h) for h in (9, 8, 5, 2)]
    turns = pd.DataFrame({"at": ago, "state": ["up", "down", "up", "down"]})
    goes_on = wifi_spells.spells(turns, now, None)
    assert goes_on["seconds"].tolist() == [7200, 10800]
    assert goes_on["end"].isna().tolist() == [True, False]
    silent = wifi_spells.spells(turns, now, now - timedelta(hours=1))
    assert silent["seconds"].tolist() == [3600, 10800]
    assert silent["end"].notna().all()


def test_a_spell_has_the_cause_of_the_event_it_lies_in() -> None:
    now = pd.Timestamp(factory.NOW)
    hours = [now - timedelta(hours=h) for h in range(10)]
    rows = pd.DataFrame({"start": [hours[2], hours[8]], "end": [pd.NaT, hours[7]]})
    events = pd.DataFrame({"start": [hours[9]], "end": [hours[6]], "cause": ["power"]})
    assert wifi_spells.with_causes(rows, events)["cause"].tolist() == ["fault", "power"]


def test_an_unknown_point_is_told_the_nearest() -> None:
    from coc.ui import wifi_card

    said = text_of(wifi_card.unknown(context_of(factory.view("point", language="en")), "AP-006-9"))
    assert "There is no WiFi point named AP-006-9" in said
    assert "AP-006-" in said.partition("nearest")[2]
