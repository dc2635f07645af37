from __future__ import annotations

import pytest

from coc.domain.datasets import COLUMNS
from coc.metrics import WINDOWS, compute, registered
from coc.metrics.registry import kpi
from tests.metrics import cities
from tests.metrics.cities import wib

IDS = {
    "correspondence": {"registered_today", "completed_today", "paperless_rate", "undispositioned"},
    "disposition": {"backlog", "overdue", "due_soon", "on_time_rate", *(f"followup_hours_p{p}" for p in (50, 85, 95))},
    "wifi": {"up", "degraded", "down", "no_data", "clients", "availability_24h", "availability_30d"},
    "apps": {"up", "down", "availability_24h"},
}


def test_the_ids_are_those_that_are_promised_and_no_other() -> None:
    assert set(registered()) == {f"{subject}.{name}" for subject, names in IDS.items() for name in names}


def test_every_kpi_states_its_formula_and_inputs_that_exist() -> None:
    columns = {f"{d.value}.{c.name}" for d, found in COLUMNS.items() for c in found}
    for spec in registered().values():
        assert len(spec.function.__doc__ or "") > 30, spec.id
        assert {i for either in spec.inputs for i in either.split("|")} <= columns
        assert {i.split(".")[0] for either in spec.inputs for i in either.split("|")} <= {
            d.value for d in spec.datasets
        }


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
