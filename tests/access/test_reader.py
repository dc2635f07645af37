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


def public_board(backlog: dict[str, int], overdue: dict[str, int]) -> Reader:
    """The disposition board of a city with these units and no others."""
    made = snapshot(3)
    board = made.boards["correspondence", "public"]
    rows = [
        (f"disposition.{kpi}", unit, window, float(value), "ok")
        for kpi, counts in {"backlog": backlog, "overdue": overdue}.items()
        for unit, value in {"": sum(counts.values()), **counts}.items()
        for window in ("7d", "30d", "90d")
    ]
    rows += [("disposition.on_time_rate", unit, "30d", 0.5, "ok") for unit in ("", *backlog)]
    frame = pd.DataFrame({"unit": list(backlog), "name": [f"Dinas {u}" for u in backlog]})
    frame = frame.assign(backlog=list(backlog.values()), overdue=list(overdue.values()), due_soon=0)
    kpis = pd.DataFrame(rows, columns=["id", "unit", "window", "value", "state"])
    boards = {**made.boards, ("disposition", "public"): replace(board, name="disposition", kpis=kpis, frames={})}
    boards["disposition", "public"] = replace(boards["disposition", "public"], frames={"by_unit": frame})
    return reader(replace(made, boards=boards))


SMALL = ({"A": 50, "B": 30, "C": 40, "D": 60}, {"A": 20, "B": 2, "C": 10, "D": 30})


@pytest.mark.parametrize("window", ["7d", "30d", "90d"])
def test_the_public_lens_sees_published_counts_of_units_but_no_small_one(window: str) -> None:
    held = public_board(*SMALL)
    ids = {"disposition.backlog", "disposition.overdue", "disposition.on_time_rate"}
    found = {
        (f.id.split(".")[1], unit): (f.value, f.state)
        for unit in "ABCD"
        for f in held.figures("public", window, unit, ids)
    }
    assert found["backlog", "C"] == (40, "ok")
    assert found["overdue", "D"] == (30, "ok")
    assert found["overdue", "B"] == found["backlog", "B"] == (None, "masked")
    assert found["overdue", "A"] == found["backlog", "A"] == (None, "masked")  # with the city's total it would tell B's
    if window == "30d":
        assert {found["on_time_rate", unit] for unit in "ABCD"} == {(None, "masked")}


def test_the_public_lens_sees_the_city_whole() -> None:
    (city,) = public_board(*SMALL).figures("public", "30d", None, {"disposition.overdue"})
    assert (city.value, city.state) == (62, "ok")


def test_hidden_units_come_last_by_name_and_say_how_they_are_hidden() -> None:
    shown = public_board(*SMALL).boards("public", ["disposition"])["disposition"].frames["by_unit"]
    assert shown["unit"].tolist() == ["D", "C", "A", "B"]
    assert shown["overdue_masked"].tolist() == ["", "", "complement", "lt5"]
    assert shown.loc[2:, ["backlog", "overdue"]].isna().all(axis=None)


def test_where_all_is_hidden_not_even_who_has_a_backlog_is_told() -> None:
    held = public_board({"A": 3, "B": 2, "C": 0}, {"A": 0, "B": 0, "C": 0})
    shown = held.boards("public", ["disposition"])["disposition"].frames["by_unit"]
    assert shown[["unit", "name", "backlog_masked"]].to_numpy().tolist() == [["", "", "complement"]]
    assert {f.state for u in "ABC" for f in held.figures("public", "30d", u, {"disposition.backlog"})} == {"masked"}


def test_the_public_lens_reads_the_population_without_secret_letters() -> None:
    made = snapshot(3)
    boards = dict(made.boards)
    secret = boards["correspondence", "public"]
    boards["correspondence", "public"] = replace(secret, kpis=secret.kpis.assign(value=7.0))
    held = replace(made, boards=boards)
    (figure,) = reader(held).figures("public", "30d", None, {"correspondence.registered_today"})
    assert figure.value == 7


def test_a_change_that_the_public_may_not_see_is_no_epoch_of_its() -> None:
    made = snapshot(3)
    secret = replace(made.boards["correspondence", "all"], epoch=4)
    boards = {**made.boards, ("correspondence", "all"): secret}
    held = reader(replace(made, epoch=4, boards=boards, epochs={"correspondence": 4, "feeds": 3}))
    assert (held.epoch("room"), held.board_epochs("room")["correspondence"]) == (4, 4)
    assert (held.epoch("public"), held.board_epochs("public")["correspondence"]) == (3, 3)


@pytest.mark.parametrize("column", ["unit", "to_unit"])
def test_a_frame_with_rows_of_units_that_nobody_put_on_the_list_is_empty_for_the_public(column: str) -> None:
    made = snapshot(3)
    table = pd.DataFrame({column: ["DISDIK"], "hours": [2.0]})
    boards = dict(made.boards)
    boards["correspondence", "public"] = replace(boards["correspondence", "public"], frames={"by_unit": table})
    shown = reader(replace(made, boards=boards)).boards("public", ["correspondence"])["correspondence"]
    assert shown.frames["by_unit"].empty
    assert list(shown.frames["by_unit"].columns) == list(table.columns)


def test_the_public_boards_do_not_say_whose_a_service_is() -> None:
    made = snapshot(3)
    boards = dict(made.boards)
    services = pd.DataFrame({"service": ["ppdb"], "owner_unit": ["DISDIK"]})
    boards["apps", "public"] = replace(boards["correspondence", "public"], name="apps", frames={"services": services})
    shown = reader(replace(made, boards=boards)).boards("public", ["apps"])["apps"]
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
        "/assets/fonts/*",
        "/assets/favicon.svg",
    }


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v2/kpis", "/live", "/live/x", "/_x", "/_dash-x", "/api/v1/x\n"]
)
def test_under_the_machines_paths_nothing_is_a_page(path: str) -> None:
    assert rule_of(path) is None
