"""What /aplikasi says: the worst first, unknown never as good, reasons in words, coverage beside every share."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

import pages.aplikasi as aplikasi
import pages.aplikasi_satu as satu
from coc.figures.palette import DARK
from coc.figures.strips import HEIGHT, foot_of, strip
from coc.ui.apps_rows import REASONS, lasted, reason_words
from coc.ui.context import context_of
from tests.ui import factory
from tests.ui.tree import attribute, text_of, walk


def rows(view: Any) -> list[Any]:
    return [c for c in walk(aplikasi.render(view)["aplikasi-rows"]["children"]) if attribute(c, "data-entity")]


def row(name: str, language: str = "id") -> Any:
    return next(r for r in rows(factory.view("aplikasi", language=language)) if attribute(r, "data-entity") == name)


def test_what_is_down_stands_first_and_in_the_headline() -> None:
    view = factory.view("aplikasi")
    assert [attribute(r, "data-state") for r in rows(view)][:4] == ["down", "degraded", "no_data", "up"]
    said = text_of(aplikasi.render(view)["aplikasi-headline"]["children"])
    assert said == "SIMRS Abdul Manap tidak dapat dibuka sejak 13.40 (25 mnt)"


def test_links_of_the_city_follow_as_services_of_their_own() -> None:
    kinds = [attribute(r, "data-kind") for r in rows(factory.view("aplikasi"))]
    assert kinds == ["app"] * 10 + ["link"] * 3


def test_a_certificate_warns_before_it_ends_and_is_not_guessed() -> None:
    assert "9 hari" in text_of(row("ppdb"))
    assert "Berakhir" in text_of(row("jdih"))
    assert "tanpa data" in text_of(row("kinerja"))
    tones = {
        n: next(attribute(c, "data-tone") for c in walk(row(n)) if attribute(c, "data-certificate"))
        for n in ("ppdb", "jdih", "izin")
    }
    assert tones == {"ppdb": "warn", "jdih": "bad", "izin": "idle"}


def test_a_unit_sees_its_own_and_is_told_when_it_has_none() -> None:
    mine = replace(factory.view("aplikasi"), scope="DISDIK")
    assert [attribute(r, "data-entity") for r in rows(mine)] == ["ppdb"]
    none = aplikasi.render(replace(mine, scope="SETDA"))
    assert none["aplikasi-rows"]["children"] == []
    assert "tidak memiliki aplikasi" in text_of(none["aplikasi-days-empty"]["children"])


def test_an_unknown_day_is_never_drawn_in_the_colour_of_a_good_one() -> None:
    nothing = unquote(strip([(float("nan"), 0.0)] * 90, DARK))
    assert DARK.accent not in nothing
    assert "url(#h)" in nothing
    assert DARK.bad in unquote(strip([(0.9, 1.0)], DARK))


def test_a_foot_grows_with_the_time_down_and_is_always_seen() -> None:
    feet = [foot_of(up) for up in (1.0, 0.9999, 0.99, 0.8, 0.3, 0.0)]
    assert feet == sorted(feet)
    assert (feet[0], feet[-1]) == (0, HEIGHT)
    assert feet[1] >= HEIGHT / 4


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_reason_is_said_in_words(language: str) -> None:
    ctx = context_of(factory.view("aplikasi", language=language))
    told = {
        r: reason_words(ctx, {"kind": "app", "cause": "fault", "reason": r, "status": None}) for r in (*REASONS, None)
    }
    assert len(set(told.values())) == len(told)
    assert not any("apps." in words for words in told.values())
    assert "503" in reason_words(ctx, {"kind": "app", "cause": "fault", "reason": "status", "status": 503})


def test_what_goes_on_is_on_top_and_planned_work_is_no_failure() -> None:
    lines = aplikasi.render(factory.view("aplikasi", language="en"))["aplikasi-incidents"]["children"]
    assert "for 25 min now" in text_of(lines[0])
    assert "Error in the server (HTTP 503)" in text_of(lines[0])
    planned = next(line for line in lines if attribute(line, "data-incident") == "portal")
    assert "Planned maintenance: Pembaruan server" in text_of(planned)
    assert attribute(planned, "data-tone") == "idle"


def test_a_place_that_cannot_reach_what_others_can_is_told_apart() -> None:
    cells = [
        c
        for c in walk(aplikasi.render(factory.view("aplikasi"))["aplikasi-vantages"]["children"])
        if attribute(c, "data-vantage") == "smpn-1"
    ]
    assert [attribute(c, "data-state") for c in cells].count("down") == 2  # SIMRS from everywhere, SIAK from here alone


def test_a_time_is_told_in_its_two_largest_units() -> None:
    ctx = context_of(factory.view("aplikasi"))
    assert [lasted(ctx, s) for s in (20, 300, 7500, 90_000, 86_400)] == [
        "20 dtk",
        "5 mnt",
        "2 jam 5 mnt",
        "1 hari 1 jam",
        "1 hari",
    ]


def test_one_application_has_its_own_rows_alone() -> None:
    props = satu.render(factory.view("service"))
    assert "PPDB" in text_of(props["service-head"]["children"])
    assert len(props["service-incidents"]["children"]) == 1
    assert len(props["service-places"]["children"]) == 4
    assert len(props["service-service_latency"]["figure"]["data"]) == 4


def test_the_tile_of_the_overview_leads_here() -> None:
    tile = importlib.import_module("pages.overview").render(factory.view())["overview-apps"]["children"]
    assert "/aplikasi" in {getattr(c, "href", None) for c in walk(tile)}


def test_the_uplink_of_the_whole_city_comes_before_a_site_s_link() -> None:
    links = [attribute(r, "data-entity") for r in rows(factory.view("aplikasi")) if attribute(r, "data-kind") == "link"]
    assert links == ["cadangan", "uplink", "fo-barat"]  # degraded, the city's, a site's
