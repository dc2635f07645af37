"""The feed keeps COC feed v1 to the letter."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest

from coc.domain.datasets import COLUMNS, Dataset
from coc.simulate.city import City
from coc.simulate.lives import plan_day
from coc.simulate.server import Simulation
from tests.simulate.conftest import MORNING, HandClock, Reader, minutes, when

KEYS = {"units": "code", "letters": "id", "dispositions": "id"}
FIELDS = {
    "units": "code name kind parent calendar valid_from valid_to updated_at",
    "letters": "id kind type category urgency security number subject sender sender_kind unit medium pages copies "
    "received_at registered_at completed_at updated_at deleted",
    "dispositions": "id letter_id parent_id from_office to_unit to_office channel device instruction issued_at due_at "
    "read_at started_at completed_at cancelled_at updated_at deleted",
}


def test_info_names_the_contract(city):
    info = city.get("info")
    assert info["feed"] == "coc/1"
    assert info["datasets"] == ["units", "letters", "dispositions"]
    assert info["retention_days"] == 150
    assert when(info["now"]) == MORNING


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("path", ["info", "units", "letters", "letters/ids", "nowhere"])
def test_nothing_is_told_without_the_token(city, path, token):
    refused = city.raw(path, token=token)
    assert refused.status == 401
    assert refused.content_type == "application/problem+json"
    assert {"title", "detail"} <= set(json.loads(refused.body))


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("letters", {"limit": "0"}, 400),
        ("letters", {"limit": "many"}, 400),
        ("letters", {"updated_since": "kemarin"}, 400),
        ("letters", {"updated_since": "2026-11-01T00:00:00"}, 400),
        ("letters", {"cursor": "%%%"}, 400),
        ("letters", {"cursor": "abc"}, 400),
        ("units/ids", {}, 404),
        ("letter", {}, 404),
    ],
)
def test_a_wrong_request_gets_a_problem(city, path, query, status):
    refused = city.raw(path, **query)
    assert refused.status == status
    assert refused.content_type == "application/problem+json"


def test_a_cursor_of_another_dataset_is_refused(city):
    cursor = city.get("letters", limit="1")["next"]
    assert city.raw("dispositions", cursor=cursor).status == 400


@pytest.mark.parametrize("dataset", KEYS)
def test_pages_are_ordered_by_update_and_key_without_repeats(city, dataset):
    rows = city.all(dataset)
    order = [(when(r["updated_at"]), r[KEYS[dataset]]) for r in rows]
    assert order == sorted(order)
    assert len({key for _, key in order}) == len(order)
    assert set(rows[0]) == set(FIELDS[dataset].split())


def test_limit_is_kept_and_never_more_than_two_thousand(city):
    assert len(city.get("letters")["items"]) == 500
    assert len(city.get("letters", limit="7")["items"]) == 7
    assert len(city.get("letters", limit="99999")["items"]) == 2000


@pytest.mark.parametrize("limit", ["2", "7", "40", "119", "120"])
def test_the_last_page_says_so_at_any_page_size(city, limit):
    pages = list(city.pages("units", MORNING, limit=limit))
    assert sum(map(len, pages)) == 119
    assert all(pages)


def test_updated_since_gives_what_changed_at_or_after_it(city, letters):
    since = sorted(when(r["updated_at"]) for r in letters)[-200]
    found = city.all("letters", updated_since=since.isoformat())
    assert found == [r for r in letters if when(r["updated_at"]) >= since]
    assert len(found) >= 200
    assert city.all("letters", updated_since=since.isoformat().replace("+", " ")) == found


def test_no_change_is_lost_between_pages_while_the_city_lives(city):
    start = MORNING - timedelta(hours=30)

    def live() -> None:
        city.clock.at += minutes(7)

    seen: dict[str, str] = {}
    for page in city.pages("dispositions", MORNING, between=live, limit="150", updated_since=start.isoformat()):
        seen |= {row["id"]: row["updated_at"] for row in page}
    end = city.clock.at
    assert end > MORNING + minutes(30)
    expected = city.all("dispositions", at=end, updated_since=start.isoformat())
    # What changed after the last page was asked for is the next run's; all else must have come, newest state last.
    assert {r["id"] for r in expected} <= set(seen)
    assert all(seen[r["id"]] == r["updated_at"] for r in expected)


def test_a_cursor_means_the_same_place_later(city):
    cursor = city.get("letters", limit="100")["next"]
    first = [r["id"] for r in city.get("letters", limit="100", cursor=cursor)["items"]]
    city.clock.at = MORNING + minutes(10)
    assert [r["id"] for r in city.get("letters", limit="100", cursor=cursor)["items"]] == first


def test_ids_are_those_of_the_rows_that_are_not_deleted(city, letters, dispositions):
    for dataset, rows in (("letters", letters), ("dispositions", dispositions)):
        there = city.get(f"{dataset}/ids")["ids"]
        assert sorted(there) == sorted(r["id"] for r in rows if not r["deleted"])
    assert 5 < sum(r["deleted"] for r in letters) < 300


def test_rows_hold_only_what_the_contract_allows(city, letters, dispositions):
    units = {r["code"] for r in city.all("units")}
    for dataset, rows in ((Dataset.LETTERS, letters), (Dataset.DISPOSITIONS, dispositions)):
        for column in COLUMNS[dataset]:
            values = {r.get("id" if column.name == "source_id" else column.name) for r in rows}
            if column.required:
                assert None not in values, column.name
                assert "" not in values, column.name
            if column.values:
                assert values - {None} <= set(column.values), column.name
            if column.unit_ref:
                assert values - {None} <= units
            if not column.required and column.name != "instruction_text":
                assert values != {None}, column.name


def test_nothing_is_shown_before_it_happens(letters, dispositions):
    for rows, first in ((letters, "registered_at"), (dispositions, "issued_at")):
        names = [n for n in rows[0] if n.endswith("_at") and n != "due_at"]
        for row in rows:
            times = [when(row[n]) for n in names if row[n]]
            assert max(times) <= MORNING
            assert when(row[first]) <= when(row["updated_at"])
    for row in dispositions:
        if row["completed_at"]:
            assert row["completed_at"] >= row["issued_at"]


def test_trees_hang_together(letters, dispositions):
    known = {r["id"]: r for r in dispositions}
    assert {r["letter_id"] for r in dispositions} - {r["id"] for r in letters} == set()
    for row in dispositions:
        if row["parent_id"]:
            parent = known[row["parent_id"]]
            assert parent["letter_id"] == row["letter_id"]
            assert parent["issued_at"] <= row["issued_at"]
            assert row["from_office"] == parent["to_office"]


def test_a_disposition_may_come_before_its_letter(city):
    """Readers must hold such orphans for some minutes; a working day has a few."""
    day = (MORNING.date() - date(1970, 1, 1)).days - 6
    letters = plan_day(city.simulation.city, day).letters
    late = [i for i in range(len(letters.id)) if letters.shown_at[i] > letters.registered_at[i]]
    assert 1 <= len(late) <= 15
    letter, shown = letters.id[late[0]], datetime.fromtimestamp(letters.shown_at[late[0]] / 1e6, tz=UTC)
    city.clock.at = shown - timedelta(seconds=1)
    assert letter not in city.get("letters/ids")["ids"]
    fresh = city.all("dispositions", at=city.clock.at, updated_since=(shown - minutes(7)).isoformat())
    assert letter in {r["letter_id"] for r in fresh}
    city.clock.at = shown
    assert letter in city.get("letters/ids")["ids"]


def test_the_same_seed_and_instant_give_the_same_bytes(city):
    again = Reader(Simulation(clock=(clock := HandClock(MORNING))), clock)
    for query in ({}, {"updated_since": "2026-11-20T00:00:00+07:00", "limit": "2000"}):
        assert again.raw("letters", **query) == city.raw("letters", **query)
        assert again.raw("dispositions", **query) == city.raw("dispositions", **query)
    day = (MORNING.date() - date(1970, 1, 1)).days
    other, ours = (plan_day(City(seed), day).letters.registered_at[:20] for seed in (7, 1571))
    assert other.tolist() != ours.tolist()


@pytest.mark.parametrize(
    "later", [timedelta(hours=20), *(pytest.param(t, marks=pytest.mark.slow) for t in (minutes(30), timedelta(days=9)))]
)
def test_a_later_look_only_adds(city, letters, dispositions, later):
    """Rows stay, their updates grow, what has happened stays so; only a reopened row takes its completion back."""
    for dataset, rows in (("letters", letters), ("dispositions", dispositions)):
        after = {r["id"]: r for r in city.all(dataset, at=MORNING + later)}
        oldest = MORNING + later - timedelta(days=150)
        first = "registered_at" if dataset == "letters" else "issued_at"
        reopened = 0
        for row in rows:
            if when(row[first]) < oldest:
                continue
            now = after[row["id"]]
            assert now["updated_at"] >= row["updated_at"]
            if now["updated_at"] == row["updated_at"]:
                assert now == row
            for name in ("registered_at", "issued_at", "read_at", "started_at", "cancelled_at"):
                assert row.get(name) is None or now[name] == row[name]
            reopened += row["completed_at"] is not None and now["completed_at"] != row["completed_at"]
        assert reopened < 0.01 * len(rows)


def test_reopened_letters_are_rare_but_there_are_some(city, letters):
    closed = {r["id"] for r in letters if r["completed_at"]}
    later = {r["id"]: r for r in city.all("letters", at=MORNING + timedelta(days=1))}
    again = [i for i in closed if i in later and later[i]["completed_at"] is None]
    assert 1 <= len(again) <= 20


def test_problem_and_rows_over_http(web):
    refused = web("/coc/v1/letters")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    token = {"Authorization": "Bearer simulator"}
    answer = web("/coc/v1/letters?limit=3", headers=token)
    assert answer.headers["content-type"] == "application/json"
    assert len(orjson.loads(answer.content)["items"]) == 3
    assert web("/coc/v1/letters", method="POST", headers=token).status_code == 405
