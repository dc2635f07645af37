"""`coc export`: what is stored and what is shown, as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from tests.cli.feed import NOW, Feed, city_rows, serving
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW}


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """One city for all that only read it."""
    with serving(Feed(city_rows())) as feed:
        terminal = Terminal(tmp_path_factory.mktemp("exports"))
        auth = "{bearer: '${FEED_TOKEN}'}"
        terminal.write(f"connectors:\n  sipadek: {{type: sipadek, url: '{feed.url}', auth: {auth}}}\n")
        assert terminal.coc("pull", env=CLOCK).code == 0
        yield terminal


def rows(terminal: Terminal, what: str) -> list[dict[str, Any]]:
    ran = terminal.coc("export", what, "--format", "json", env=CLOCK)
    assert ran.code == 0, ran.err
    return ran.items


def test_letters_come_with_canonical_names_and_times_in_utc(pulled: Terminal) -> None:
    first = rows(pulled, "letters")[0]
    assert (first["source"], first["source_id"], first["unit"]) == ("sipadek", "L0", "DISDIK")
    assert first["registered_at"] == "2026-02-01T02:00:00+00:00"
    assert first["completed_at"] is None
    assert not {"rev", "row_hash"} & set(first)
    assert len(rows(pulled, "dispositions")) == 20


def test_a_deleted_row_is_not_exported(city: Terminal, feed: Feed) -> None:
    feed.rows["letters"][0]["deleted"] = True
    assert city.coc("pull", env=CLOCK).code == 0
    found = {row["source_id"] for row in rows(city, "letters")}
    assert "L0" not in found
    assert "L1" in found


def test_a_figure_comes_for_the_city_and_each_unit(pulled: Terminal) -> None:
    found = {(r["unit"], r["window"]): r["value"] for r in rows(pulled, "disposition.backlog")}
    assert found[None, "30d"] == found["DINKES", "7d"] == 20
    assert found["DISDIK", "30d"] == 0


def test_the_three_kinds_of_file_say_the_same(pulled: Terminal) -> None:
    as_json = rows(pulled, "dispositions")
    as_csv = list(csv.DictReader(io.StringIO(pulled.coc("export", "dispositions", env=CLOCK).out)))
    assert [row["source_id"] for row in as_csv] == [row["source_id"] for row in as_json]
    assert pulled.coc("export", "dispositions", "--format", "xlsx", "-o", "d.xlsx", env=CLOCK).code == 0
    sheet = openpyxl.load_workbook(pulled.folder / "d.xlsx").active
    head, *body = sheet.iter_rows(values_only=True)
    assert [dict(zip(head, row, strict=True))["source_id"] for row in body] == [row["source_id"] for row in as_json]
    assert body[0][head.index("issued_at")] == as_json[0]["issued_at"]
    assert (pulled.folder / "d.xlsx").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["leters"], "letters"),
        (["disposition.backlogs"], "disposition.backlog"),
        (["letters", "--format", "xlsx"], "--output"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(city: Terminal, args: list[str], said: str) -> None:
    ran = city.coc("export", *args)
    assert ran.code == 2
    assert said in ran.err


def test_an_export_leaves_a_line(pulled: Terminal) -> None:
    rows(pulled, "letters")
    (line,) = pulled.coc("audit", "--json", "--action", "export", "--last", "1").items
    assert (line["what"], line["realm"], line["outcome"]) == ("letters as json: 28 rows", "live", "ok")
