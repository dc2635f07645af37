"""What is told of a figure: on its tile, in `docs/kpi.md`, and where it stands against its target."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coc.cli.frame import open_config
from coc.metrics.registry import KpiSpec, registered
from coc.settings.kpi_ids import KPI_IDS
from coc.settings.models import Target, UnitTarget
from coc.ui import tiles
from coc.ui.context import context_of
from coc.ui.explain import info
from coc.ui.i18n import LANGUAGES, t
from coc.ui.kpi_document import markdown
from coc.ui.targets import Band, band_of
from tests.ui import factory
from tests.ui.tree import text_of

ROOT = Path(__file__).parents[2]
RATE = registered()["disposition.on_time_rate"]
COUNT = registered()["disposition.overdue"]
NEITHER = registered()["correspondence.registered_today"]
NUMBERS = st.floats(-1000, 1000)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kpi_has_its_name_definition_and_formula_in_words(language: str) -> None:
    say = t(language)
    for id in KPI_IDS:
        name, definition, formula = (say(f"kpi.{id}.{part}") for part in ("name", "is", "formula"))
        assert 3 <= len(name) <= 60, id
        assert len(definition) > 30, id
        assert len(formula) > 10, id
        assert len({name, definition, formula}) == 3


def test_the_document_is_what_the_program_says() -> None:
    found = (ROOT / "docs/kpi.md").read_text(encoding="utf-8")
    assert found == markdown(open_config(ROOT / "config.yaml").settings), "run: coc kpi --markdown > docs/kpi.md"
    assert all(found.count(f"| `{id}` |") == len(LANGUAGES) for id in KPI_IDS)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("id", ("Tepat waktu", "Rumus", "sekurangnya 90 %; di bawah 80 % harus ditindak", "disposisi, surat")),
        ("en", ("On time", "Formula", "at least 90%; act below 80%", "dispositions, letters")),
    ],
)
def test_the_i_of_a_figure_opens_its_formula_target_and_source(language: str, words: tuple[str, ...]) -> None:
    ctx = context_of(factory.view(language=language))
    said = text_of(info(ctx, RATE.id)).replace("\u00a0", " ")
    for each in words:
        assert each in said


def test_a_tile_of_several_figures_explains_each() -> None:
    ctx = context_of(factory.view())
    said = text_of(tiles.labelled(ctx, "x", "wifi.up", "wifi.down"))
    assert ctx.say("kpi.wifi.up.is") in said
    assert said.count(ctx.say("explain.formula")) == 2


@given(NUMBERS, NUMBERS, st.none() | NUMBERS, st.sampled_from(["up", "down"]))
def test_a_better_value_is_never_in_a_worse_band(one: float, other: float, warn: float | None, better: str) -> None:
    target = 10.0
    found = _band(Target(target=target, warn=warn), better)
    rank = ["missed", "near", "met"]
    worse, best = sorted((one, other), reverse=better == "down")
    assert rank.index(found.state(worse)) <= rank.index(found.state(best))
    assert found.state(target) == "met"


def _band(target: Target, better: str) -> Band:
    spec = RATE if better == "up" else COUNT
    found = band_of({spec.id: target}, spec)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("target", "spec", "unit", "bounds"),
    [
        (Target(target=0.9, warn=0.8), RATE, "", (0.9, 0.8)),
        (Target(target=0.9, warn=0.8), RATE, "DISDIK", (0.9, 0.8)),  # what the unit leaves out is the city's
        (Target(target=0.9, warn=0.8, units={"DISDIK": UnitTarget(target=0.85)}), RATE, "DISDIK", (0.85, 0.8)),
        (Target(target=0.9, warn=0.8, units={"DISDIK": UnitTarget(target=0.7)}), RATE, "DISDIK", (0.7, None)),
        (Target(units={"DISDIK": UnitTarget(target=0.7)}), RATE, "", None),
        (Target(target=0, warn=25), COUNT, "DISDIK", None),  # the city's number of late ones is not each unit's
        (Target(target=0, units={"DISDIK": UnitTarget(target=2, warn=5)}), COUNT, "DISDIK", (2, 5)),
    ],
)
def test_a_unit_is_judged_by_its_own_target_else_by_the_citys_where_that_can_be(
    target: Target, spec: KpiSpec, unit: str, bounds: tuple[float, float | None] | None
) -> None:
    found = band_of({spec.id: target}, spec, unit)
    assert (None if found is None else (found.target, found.warn)) == bounds


def test_a_figure_without_a_good_direction_is_told_its_target_but_not_judged() -> None:
    found = band_of({NEITHER.id: Target(target=100)}, NEITHER)
    assert found is not None
    assert found.state(5) == found.state(500) == "noted"
    judged = band_of({NEITHER.id: Target(target=100, warn=80)}, NEITHER)
    assert judged is not None
    assert (judged.state(90), judged.state(70)) == ("near", "missed")
