from __future__ import annotations

import pytest

from coc.domain.datasets import COLUMNS
from coc.metrics import WINDOWS, compute, registered
from coc.metrics.registry import kpi
from coc.settings.kpi_ids import KPI_IDS
from tests.metrics import cities
from tests.metrics.cities import wib


def test_the_ids_are_those_that_are_promised_and_no_other() -> None:
    assert set(registered()) == set(KPI_IDS)


def test_every_kpi_states_its_formula_and_inputs_that_exist() -> None:
    columns = {f"{d.value}.{c.name}" for d, found in COLUMNS.items() for c in found}
    for spec in registered().values():
        assert len(spec.function.__doc__ or "") > 30, spec.id
        inputs = {name.removesuffix("@time") for either in spec.inputs for name in either.split("|")}
        assert inputs <= columns
        assert {name.split(".")[0] for name in inputs} <= {d.value for d in spec.datasets}


def test_every_scope_and_window_has_one_row() -> None:
    rows = compute(cities.city(wib("2026-01-02T10:00")))
    assert not rows.duplicated(["id", "unit", "window"]).any()
    assert set(rows["window"]) == set(WINDOWS)
    assert rows["value"].dtype == "float64"


def test_an_id_nobody_made_is_refused() -> None:
    with pytest.raises(KeyError):
        compute(cities.city(wib("2026-01-02T10:00")), ["correspondence.sheets_lost"])
    assert compute(cities.city(wib("2026-01-02T10:00")), []).empty


def test_two_files_cannot_claim_one_id() -> None:
    with pytest.raises(ValueError, match=r"wifi\.up"):
        kpi("wifi.up", measure="count", better=None, datasets=(), inputs=())(lambda city, window: city.units)
