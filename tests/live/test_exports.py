"""`/export`: what a viewer sees, as a file that opens without doing anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import orjson
import pandas as pd
import pytest

from coc.export import TooLongError, files, http, written
from coc.settings.models import Access, ApiToken
from tests.live.serving import TOKENS, Answer, Served, digest, served, settings_with_tokens

ROLES = ("operator", "screen", "leader", "admin", "head", "guest")
AT = pd.Timestamp("2026-03-02T10:00:00.5+07:00").tz_convert("UTC")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    settings = settings_with_tokens()
    tokens = dict(settings.access.api_tokens)
    for role in ROLES:
        units = ["DISDIK"] if role == "head" else []
        secret = TOKENS.get(role, f"{role}-secret")
        tokens[role] = ApiToken(sha256=digest(secret), role=role, units=units)
    with served(settings.model_copy(update={"access": Access(api_tokens=tokens)})) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(server: Served) -> None:
    server.store.rows = pd.DataFrame({"source_id": [f"L{n}" for n in range(5)], "registered_at": [AT] * 5})
    server.store.asked.clear()


def ask(server: Served, path: str, role: str) -> Answer:
    return server.ask(path, headers={"Authorization": f"Bearer {TOKENS.get(role, f'{role}-secret')}"})


def items(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    return list(orjson.loads(answer.body)["items"])


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
@pytest.mark.parametrize("what", ["kpis", "letters"])
def test_a_file_is_saved_and_kept_nowhere_on_the_way(server: Served, what: str, format: str) -> None:
    answer = ask(server, f"/export/{what}.{format}", "leader")
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{what}-')
    assert answer.headers["content-disposition"].endswith(f'.{format}"')
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("role", ROLES)
def test_letters_are_for_the_lenses_that_see_them(server: Served, role: str) -> None:
    allowed = role in ("operator", "head", "leader")
    for path in ("/export/letters.csv", "/export/dispositions.json"):
        assert ask(server, path, role).status == (200 if allowed else 403)
    assert bool(server.store.asked) == allowed


def test_a_head_s_export_asks_for_its_own_units_and_class(server: Served) -> None:
    ask(server, "/export/letters.csv?unit=DINKES&since=2026-03-01T00:00:00%2B07:00", "head")
    ((sight, wanted, hidden),) = server.store.asked
    assert (set(sight.classes), set(sight.units)) == ({"biasa", "terbatas"}, {"DISDIK"})
    assert (wanted.unit, wanted.since.isoformat(), hidden) == ("DINKES", "2026-03-01T00:00:00+07:00", frozenset())


def test_units_figures_are_masked_for_the_public_in_files_too(server: Served) -> None:
    path = "/export/kpis.json?unit=DISDIK&window=7d"
    shown = {i["id"]: i for i in items(ask(server, path, "screen"))}
    masked = {i["id"]: i for i in items(ask(server, path, "guest"))}
    rate = "correspondence.paperless_rate"
    assert (shown[rate]["value"], shown[rate]["state"], shown[rate]["unit"]) == (3, "ok", "DISDIK")
    assert (masked[rate]["value"], masked[rate]["state"]) == (None, "masked")
    assert masked["correspondence.registered_today"]["state"] == "masked"  # 3 is a small cell
    assert shown[rate]["as_of"] == "2026-03-02T03:00:00+00:00"


def test_the_rows_behind_a_chart_are_those_that_the_lens_sees(server: Served) -> None:
    answer = ask(server, "/export/chart/home/chart.csv", "operator")
    assert answer.headers["content-disposition"].startswith('attachment; filename="home-chart-kota-30d-')
    rows = {role: _csv_rows(ask(server, "/export/chart/home/chart.csv", role)) for role in ("operator", "guest")}
    assert [r["name"] for r in rows["operator"]] == [r["name"] for r in rows["guest"]]
    assert any(r["rows_in"] for r in rows["operator"])
    assert not any(r["rows_in"] for r in rows["guest"])


def _csv_rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer.body
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


def test_more_rows_than_a_file_takes_are_refused_with_the_way_out(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_ROWS", 4)
    refused = ask(server, "/export/letters.json", "leader")
    assert refused.status == 422
    assert b"limit=" in refused.body
    first = items(ask(server, "/export/letters.json?limit=3", "leader"))
    rest = items(ask(server, "/export/letters.json?limit=3&offset=3", "leader"))
    assert [row["source_id"] for row in (*first, *rest)] == ["L0", "L1", "L2", "L3", "L4"]
    assert first[0]["registered_at"] == "2026-03-02T03:00:00.500000+00:00"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/export/kpis.json?unit=NOWHERE", 404),
        ("/export/kpis.json?window=1d", 422),
        ("/export/letters.json?limit=0", 422),
        ("/export/letters.json?limit=999999", 422),
        ("/export/letters.json?offset=-1", 422),
        ("/export/letters.json?since=2026-03-01T00:00:00", 422),
        ("/export/letters.pdf", 404),
        ("/export/quarantine.csv", 404),
        ("/export/chart/home/none.csv", 404),
        ("/export/chart/none/chart.csv", 404),
        ("/export/chart/home/chart.xlsx", 404),
        ("/export/chart/home/chart.csv?unit=NOWHERE", 404),
        ("/export/chart/home/chart.csv?window=1d", 422),
        ("/export", 404),
    ],
)
def test_what_makes_no_file_says_why(server: Served, path: str, status: int) -> None:
    answer = ask(server, path, "leader")
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_export_leaves_a_line_without_contents(server: Served) -> None:
    lines: list[tuple[str, ...]] = []
    server.services.audit.wrote, kept = lambda _v, *said: lines.append(said), server.services.audit.wrote
    try:
        ask(server, "/export/kpis.csv?unit=DISDIK", "guest")
        ask(server, "/export/chart/home/chart.csv?window=7d", "guest")
        ask(server, "/export/letters.csv?limit=2", "leader")
        ask(server, "/export/letters.csv", "admin")
    finally:
        server.services.audit.wrote = kept
    assert [line[:2] for line in lines][2:] == [("export", "letters limit=2: 2 rows")]
    assert lines[1][1].startswith("chart home/chart unit=- window=7d as csv: ")
    assert lines[0][1].startswith("kpis unit=DISDIK window=30d as csv: ")


# --- the files themselves ---

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a"b,c\nd', "biasa", "", None, "x\x00y", "=cmd|' /C calc'!A0"]


def test_no_cell_is_a_formula_in_a_spreadsheet() -> None:
    frame = pd.DataFrame({"text": pd.Series(NASTY, dtype="object"), "number": range(-6, 6)})
    rows = list(csv.DictReader(io.StringIO(written(frame, "csv").decode(), newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(written(frame, "xlsx"))).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    for n, text in enumerate(NASTY):
        dangerous = bool(text) and text[0] in "=+-@\t\r"
        assert rows[n]["text"] == (f"'{text}" if dangerous else text or "")
        assert cells[n].data_type in ("s", "n", "inlineStr")
        assert not str(cells[n].value or "").startswith(("=", "+", "-", "@", "\t"))
    assert rows[0]["number"] == "-6"  # a number is a number
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == list(range(-6, 6))


def test_json_keeps_every_text_as_it_is() -> None:
    frame = pd.DataFrame({"text": pd.Series(NASTY, dtype="object")})
    assert [i["text"] for i in orjson.loads(written(frame, "json"))["items"]] == NASTY


def test_nulls_booleans_and_times_are_the_same_in_every_kind() -> None:
    frame = pd.DataFrame(
        {
            "at": pd.Series([AT, pd.NaT], dtype="datetime64[us, UTC]"),
            "flag": pd.Series([True, None], dtype="boolean"),
            "pages": pd.Series([3, None], dtype="Int64"),
            "name": pd.Series(["Dinas", None], dtype="str"),
        }
    )
    first, second = orjson.loads(written(frame, "json"))["items"]
    assert first == {"at": "2026-03-02T03:00:00.500000+00:00", "flag": True, "pages": 3, "name": "Dinas"}
    assert set(second.values()) == {None}
    assert written(frame, "csv").decode().splitlines()[1:] == ["2026-03-02T03:00:00.500000+00:00,true,3,Dinas", ",,,"]
    sheet = openpyxl.load_workbook(io.BytesIO(written(frame, "xlsx"))).active
    assert [c.value for c in sheet[2]] == ["2026-03-02T03:00:00.500000+00:00", True, 3, "Dinas"]


def test_what_does_not_fit_on_a_sheet_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_ROWS", 1)
    with pytest.raises(TooLongError, match="take csv or json"):
        written(pd.DataFrame({"a": [1, 2]}), "xlsx")
