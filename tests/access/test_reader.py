"""What each lens sees of the boards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from coc.access import LENSES, Reader
from coc.access.masks import without_hosts
from coc.access.table import RULES, Right, UndeclaredError, declare, rule_of
from coc.settings.models import ConnectorBlock, Settings
from tests.live.serving import feed_rows, snapshot


def reader(made: Any = None) -> Reader:
    block = ConnectorBlock(type="sipadek", url="https://sipadek.example.go.id/coc/v1")
    held = made or snapshot(3)
    return Reader(Settings(connectors={"sipadek": block}), "live", lambda: held)


@pytest.mark.parametrize("lens", [lens for lens in LENSES if lens != "public"])
def test_figures_of_units_are_for_every_lens_but_the_public_one(lens: Any) -> None:
    (figure,) = reader().figures(lens, "30d", "DISDIK", {"correspondence.registered_today"})
    assert (figure.value, figure.state) == (3, "ok")


def test_the_public_lens_sees_the_city_and_no_unit() -> None:
    (city,) = reader().figures("public", "30d", None, {"correspondence.registered_today"})
    (unit,) = reader().figures("public", "30d", "DISDIK", {"correspondence.registered_today"})
    assert (city.value, city.state) == (12, "ok")
    assert (unit.value, unit.state) == (None, "masked")


def test_the_public_lens_reads_the_population_without_secret_letters() -> None:
    made = snapshot(3)
    boards = dict(made.boards)
    secret = boards["correspondence", "public"]
    boards["correspondence", "public"] = replace(secret, kpis=secret.kpis.assign(value=7.0))
    held = replace(made, boards=boards)
    (figure,) = reader(held).figures("public", "30d", None, {"correspondence.registered_today"})
    assert figure.value == 7


def test_the_public_boards_hold_no_unit_at_all() -> None:
    made = snapshot(3)
    boards = dict(made.boards)
    board = boards["correspondence", "public"]
    by_unit = pd.DataFrame({"unit": ["DISDIK"], "backlog": [2]})
    services = pd.DataFrame({"service": ["ppdb"], "owner_unit": ["DISDIK"]})
    boards["correspondence", "public"] = replace(board, frames={"by_unit": by_unit, "services": services})
    shown = reader(replace(made, boards=boards)).boards("public", ["correspondence"])["correspondence"]
    assert shown.kpis.loc[shown.kpis["unit"] != "", "value"].isna().all()
    assert shown.frames["by_unit"].empty
    assert shown.frames["services"]["owner_unit"].isna().all()


@pytest.mark.parametrize(
    ("lens", "reason", "count", "runs"),
    [
        ("admin", "503 from https://sipadek.example.go.id/coc/v1 (10.1.2.3)", 4, True),
        ("operator", "503 from … (…)", 4, True),
        ("leader", None, None, True),
        ("head", None, None, True),
        ("room", None, None, False),
        ("public", None, None, False),
    ],
)
def test_feed_errors_and_quarantine_are_for_who_tends_the_machine(
    lens: Any, reason: str | None, count: int | None, runs: bool
) -> None:
    row = reader().boards(lens, ["feeds"])["feeds"].frames["feeds"].iloc[0]
    detail = row["error_detail"]
    assert (None if pd.isna(detail) else detail) == reason
    assert (None if pd.isna(row["quarantine_open"]) else row["quarantine_open"]) == count
    assert pd.notna(row["rows_in"]) == runs
    assert row["state"] == "fresh"
    assert pd.notna(row["as_of"])


def test_masking_leaves_the_board_of_the_others_alone() -> None:
    both = reader()
    both.boards("public", ["feeds", "correspondence"])
    assert both.boards("admin", ["feeds"])["feeds"].frames["feeds"].equals(feed_rows())
    (figure,) = both.figures("leader", "30d", "DISDIK", {"correspondence.registered_today"})
    assert figure.value == 3


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("redirected to evil.example", "redirected"),
        ("GET https://user:pw@db.internal:8443/x?token=1", "broken"),
        ("db at [fe80::1]:5432 and 192.168.0.7:80", "broken"),
        ("sipadek.example.go.id:443/path said no", "broken"),
    ],
)
def test_an_operator_reads_no_address_in_a_reason(detail: str, code: str) -> None:
    said = without_hosts(detail, code, {"sipadek.example.go.id"})
    assert said is not None
    assert not any(word in said for word in ("evil", "internal", "fe80", "192.168", "sipadek", "pw", "token", "path"))


def test_a_reason_without_an_address_stays_as_it_is() -> None:
    assert without_hosts("letters.completed_at is gone, 12 rows", "schema_drift", {"x.id"}) is not None
    assert without_hosts("letters.completed_at is gone", "schema_drift", set()) == "letters.completed_at is gone"


def test_without_boards_every_figure_is_no_data_and_every_board_empty() -> None:
    empty = Reader(Settings(), "live", lambda: None)
    assert {f.state for f in empty.figures("operator", "30d", None)} == {"no_data"}
    assert empty.boards("operator", ["wifi"])["wifi"].kpis.empty
    assert empty.feeds("operator") == []
    assert "DISDIK" in empty.units()


def test_a_path_whose_right_nobody_declared_stops_the_start() -> None:
    declare(["/api/v1/kpis/{kpi_id}", "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>", "/"])
    with pytest.raises(UndeclaredError, match="/api/v1/letters"):
        declare(["/api/v1/kpis", "/api/v1/letters"])


def test_only_health_and_the_sign_in_form_are_for_anyone() -> None:
    assert {r.path for r in RULES if r.right is Right.ANYONE} == {
        "/healthz",
        "/readyz",
        "/masuk",
        "/masuk/**",
        "/assets/fonts/**",
    }


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v2/kpis", "/live", "/live/x", "/_x", "/_dash-x", "/api/v1/x\n"]
)
def test_under_the_machines_paths_nothing_is_a_page(path: str) -> None:
    assert rule_of(path) is None
