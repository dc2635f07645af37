"""Exports as offices make them: any separator, Excel's dates, a row that is wrong, a column that is gone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError
from data_connectors.files import Files
from tests.connectors import hostile
from tests.connectors.hostile import serving

FIELDS = {"source_id": "kode", "name": "nama", "status": "keadaan", "installed_at": "dipasang"}
SITES = {
    "fields": FIELDS,
    "values": {"status": {"aktif": "active", "rencana": "planned"}},
    "time": {"zone": "Asia/Jakarta", "format": "%d/%m/%Y"},
}
TEXT = "kode;nama;keadaan;dipasang;catatan\nS1;Taman Anggrek;aktif;02/03/2026;baik\nS2;SD 1;rencana;;\n"


def connector(place: Path | str, **datasets: Any) -> Files:
    where = {"path": str(place)} if isinstance(place, Path) else {"url": place}
    return Files("titik", Files.Block(type="files", **where, datasets=datasets or {"sites": SITES}))


def pulled(place: Path | str, window: Any, **datasets: Any) -> list[Batch]:
    return list(connector(place, **datasets).pull(window()))


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(name, "<x/>")
    return out.getvalue()


def failure(place: Path | str, window: Any, **datasets: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(place, window, **datasets)
    return caught.value


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(body: str | bytes, name: str = "titik.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    return write


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        "\ufeff" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(";", ","),
        TEXT.replace(";", "\t"),
        TEXT.replace("Taman Anggrek", '"Taman Anggrek"'),
        TEXT.encode("utf-16"),
        "\n" + TEXT + "\n;;;;\n",
        TEXT.replace("S2;SD 1;rencana;;", "S2;SD 1;rencana"),
        TEXT.replace("kode;nama", "KODE; Nama "),
        "sep=;\r\n" + TEXT,
        "DAFTAR TITIK WIFI, KOTA JAMBI, 2026\n\n" + TEXT,
        TEXT.replace("kode;nama;keadaan;dipasang", "Titik;;Keadaan;\nkode;nama;;dipasang"),
        TEXT.replace("dipasang", '"dipasang\n"'),
    ],
)
def test_a_csv_is_read_however_it_was_written(body: str | bytes, written: Any, window: Any) -> None:
    rows, ids = pulled(written(body), window)
    assert rows.dataset is Dataset.SITES
    assert rows.frame["name"].tolist() == ["Taman Anggrek", "SD 1"]
    assert rows.frame["status"].tolist() == ["active", "planned"]
    assert rows.frame["installed_at"].tolist()[0] == datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
    assert "catatan" not in rows.frame
    assert not rows.problems
    assert ids.ids == {"S1", "S2"}


def test_a_wrong_row_is_named_by_its_number_and_the_rest_flows(written: Any, window: Any) -> None:
    body = TEXT + "S3;Pasar;rusak;;\nS4;Kantor;aktif;kemarin;\nS5;Terminal;aktif;01/02/2026;\n"
    rows, ids = pulled(written(body), window)
    assert rows.frame["source_id"].tolist() == ["S1", "S2", "S5"]
    assert [(p["source_id"], p["field"], p["reason"], p["value"]) for p in rows.problems] == [
        ("S3", "status", "unknown_value", "row 4: rusak"),
        ("S4", "installed_at", "bad_time", "row 5: kemarin"),
    ]
    assert ids.ids == {"S1", "S2", "S3", "S4", "S5"}, "a wrong row still exists"


def test_a_row_that_cannot_be_read_takes_the_right_to_judge_deletions(written: Any, window: Any) -> None:
    (rows,) = pulled(written(TEXT + "S3;Pasar; kota;aktif;;;baik\n"), window)
    assert "row 4: 7 cells under 5 columns" in rows.problems[0]["value"]


def test_a_time_without_a_zone_is_that_rows_error(written: Any, window: Any) -> None:
    mapped = {"fields": FIELDS, "values": SITES["values"], "time": {"format": "%d/%m/%Y"}}
    rows, _ = pulled(written(TEXT), window, sites=mapped)
    assert [p["reason"] for p in rows.problems] == ["no_zone"]
    assert rows.frame["source_id"].tolist() == ["S2"]


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("epoch_s", "1772384400"),
        ("epoch_ms", "1772384400000"),
        ("iso", "2026-03-02T00:00:00+07:00"),
        ("iso", "2026-03-02 00:00:00"),
        ("date", "2026-03-02"),
    ],
)
def test_times_are_read_as_the_block_says(form: str, cell: str, written: Any, window: Any) -> None:
    mapped = {**SITES, "time": {"zone": "Asia/Jakarta", "format": form}}
    rows, _ = pulled(written(TEXT.replace("02/03/2026", cell)), window, sites=mapped)
    assert rows.frame["installed_at"].tolist()[0] == datetime(2026, 3, 1, 17, 0, tzinfo=UTC)


def test_without_fields_columns_have_their_canonical_names(written: Any, window: Any) -> None:
    path = written("source_id,site,name,lat,lon,warna\nap-1,S1,AP 1,-1.61,103.6,biru\n")
    rows, ids = pulled(path, window, access_points={})
    assert list(rows.frame) == ["source_id", "site", "name", "lat", "lon"]
    assert ids.ids == {"ap-1"}


def test_two_datasets_share_one_file_and_a_decimal_comma(written: Any, window: Any) -> None:
    path = written("kode;nama;keadaan;ap;lintang\nS1;Taman;aktif;ap-1;-1,61\n")
    points = {"fields": {"source_id": "ap", "site": "kode", "name": "nama", "lat": "lintang"}, "decimal": ","}
    sites = {"fields": {k: v for k, v in FIELDS.items() if k != "installed_at"}, "values": SITES["values"]}
    batches = pulled(path, window, access_points=points, sites=sites)
    assert [b.dataset for b in batches] == [Dataset.SITES, Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.ACCESS_POINTS]
    assert batches[2].frame["lat"].tolist() == ["-1.61"]


def test_constants_fill_what_the_register_does_not_have(written: Any, window: Any) -> None:
    path = written("id,jenis,opd,tanggal,perihal\n7,masuk,DISDIK,2026-03-02T08:00:00+07:00,rahasia\n")
    letters = {
        "fields": {"source_id": "id", "kind": "jenis", "unit": "opd", "registered_at": "tanggal", "subject": "perihal"},
        "values": {"kind": {"masuk": "incoming"}},
        "constants": {"category": "unknown", "medium": "paper"},
    }
    rows, _ = pulled(path, window, letters=letters)
    row = rows.frame.iloc[0]
    assert (row["source_id"], row["kind"], row["category"], row["medium"]) == ("7", "incoming", "unknown", "paper")
    assert "subject" not in rows.frame, "contents are dropped unless kept"
    assert connector(path, letters=letters).provides() >= {"letters.category", "letters.registered_at"}


@pytest.mark.parametrize(
    ("form", "to_the_day"),
    [("date", True), ("%d/%m/%Y", True), ("%d/%m/%Y %H:%M", False), ("%d/%m/%Y %I.%M %p", False), ("iso", False)],
)
def test_a_register_of_dates_says_that_it_records_no_hours(written: Any, form: str, to_the_day: bool) -> None:
    path = written("id,tanggal\n")
    fields = {"source_id": "id", "registered_at": "tanggal", "unit": "id"}
    found = connector(path, letters={"fields": fields, "time": {"zone": "Asia/Jakarta", "format": form}}).provides()
    assert ("letters.registered_at@date" in found) is to_the_day
    assert ("letters.registered_at" in found) is not to_the_day
    assert "letters.unit" in found


def test_units_end_and_are_never_deleted_by_absence(written: Any, window: Any) -> None:
    path = written("code,name,kind,valid_from\nDISDIK,Dinas,department,2023-01\n")
    (rows,) = pulled(path, window, units={})
    assert rows.frame["valid_from"].tolist() == ["2023-01"]


def test_a_spreadsheet_keeps_its_dates_and_its_ids(written: Any, window: Any) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Titik").append(["kode", "nama", "keadaan", "dipasang"])
    book["Titik"].append([17.0, "Taman", "aktif", datetime(2026, 3, 2)])  # noqa: DTZ001 - Excel has no zones
    book["Titik"].append([None, None, None, None])
    book["Titik"].append([18, "SD 1", "rencana", None])
    body = io.BytesIO()
    book.save(body)
    path = written(body.getvalue(), "titik.xlsx")
    rows, ids = pulled(path, window, sites={**SITES, "sheet": "Titik"})
    assert rows.frame["source_id"].tolist() == ["17", "18"]
    assert rows.frame["installed_at"].tolist()[0] == datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
    assert ids.ids == {"17", "18"}
    assert "no sheet" in failure(path, window, sites={**SITES, "sheet": "Lain"}).detail
    assert failure(written(body.getvalue()[:900], "putus.xlsx"), window).code == "file"


def test_rows_keep_the_numbers_that_the_spreadsheet_shows(written: Any, window: Any) -> None:
    rows, _ = pulled(written("sep=;\nDAFTAR\n\n" + TEXT + "\nS3;Pasar;rusak;;\n"), window)
    assert [p["value"] for p in rows.problems] == ["row 8: rusak"]


@pytest.mark.parametrize(
    ("decimal", "cell", "read"),
    [
        (",", "1.234,5", "1234.5"),
        (",", "-1,595200", "-1.595200"),
        (",", "-1.595200", "-1.595200"),
        (",", "12.34.5", "12.34.5"),
        (".", "1,595", "1,595"),
        (".", "1.595", "1.595"),
    ],
)
def test_marks_of_thousands_are_taken_off_only_where_the_block_says_what_a_comma_is(
    decimal: str, cell: str, read: str, written: Any, window: Any
) -> None:
    path = written(f'source_id;name;lat\nap;AP;"{cell}"\n')
    assert pulled(path, window, access_points={"decimal": decimal})[0].frame["lat"].tolist() == [read]


def test_two_rows_of_one_code_are_both_refused_unless_they_say_the_same(written: Any, window: Any) -> None:
    rows, ids = pulled(written(TEXT + "S1;Taman Lain;aktif;;\nS2;SD 1;rencana;;\n"), window)
    assert rows.frame["source_id"].tolist() == ["S2", "S2"]
    assert [(p["reason"], p["value"]) for p in rows.problems] == [
        ("not_unique", "row 2: S1 (rows 2, 4)"),
        ("not_unique", "row 4: S1 (rows 2, 4)"),
    ]
    assert ids.ids == {"S1", "S2"}, "they are not gone"


def test_json_lines_are_rows_and_a_broken_line_is_a_problem(written: Any, window: Any) -> None:
    path = written(
        '{"source_id": "a", "name": "A"}\n\n{"source_id": "b", "name": \n{"source_id": "c", "site": "S"}\n', "x.jsonl"
    )
    (rows,) = pulled(path, window, access_points={})
    assert rows.frame["source_id"].tolist() == ["a", "c"]
    assert rows.problems[0]["value"] == "row 3: not a JSON object"


def test_a_folder_holds_one_file_a_dataset(tmp_path: Path, window: Any) -> None:
    (tmp_path / "sites.csv").write_text(TEXT)
    (tmp_path / "ap.csv").write_text("source_id,name\nap-1,AP\n")
    batches = pulled(tmp_path, window, sites=SITES, access_points={"file": "ap.csv"})
    assert [len(b.frame) for b in batches if b.ids is None] == [2, 1]
    assert failure(tmp_path, window, units={}).detail.startswith("units.csv")


def test_a_file_at_a_url_is_fetched_with_every_rule_of_fetching(window: Any) -> None:
    with serving(hostile.status(200, TEXT.encode(), "text/csv; charset=utf-8")) as server:
        rows, _ = pulled(f"{server.url}/data", window, sites={**SITES, "file": "titik-wifi.csv"})
        assert len(rows.frame) == 2
        assert [r.path for r in server.seen] == ["/data/titik-wifi.csv"]
    for answer, code in (
        (hostile.login_page, "login_page"),
        (hostile.status(404), "not_found"),
        (hostile.status(200, b"GIF89a", "image/gif"), "file"),
        (hostile.cut_short, "broken"),
    ):
        with serving(answer) as server:
            assert failure(f"{server.url}/titik.csv", window).code == code


def test_a_file_that_cannot_be_read_says_why(written: Any, window: Any, tmp_path: Path) -> None:
    for body, words in (
        ("", "is empty"),
        (
            "kode;nama\nS1;Caf\xe9\n".encode("latin-1"),
            "is not utf-8 text (line 2): save it as CSV UTF-8, or set `encod",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 99, "is an old Excel file (.xls), or has a password"),
        (zipped("content.xml"), "is an OpenDocument sheet: save it as .xlsx"),
        (zipped("other.xml"), "is not a whole XLSX file"),
        (b"kode\0nama", "is not text"),
        ('kode;nama\nS1;"Taman\n', "row 2"),
        ("kode;kode\n1;2\n", "two columns named `kode`"),
    ):
        error = failure(written(body), window)
        assert error.code == "file"
        assert words in error.detail
    assert "No such file" in failure(tmp_path / "tidak-ada.csv", window).detail


def test_a_mapped_column_that_is_gone_is_schema_drift(written: Any, window: Any) -> None:
    error = failure(written(TEXT.replace("keadaan", "kondisi")), window)
    assert error.code == "schema_drift"
    assert "`keadaan` (for `status`)" in error.detail
    assert "kondisi" in error.detail
    error = failure(written(TEXT.replace("keadaan", "Keada an")), window)
    assert "`keadaan` (for `status`), the nearest is `Keada an`; it has kode, nama" in error.detail


@pytest.mark.parametrize(
    "block",
    [
        {"path": "x", "datasets": {}},
        {"datasets": {"sites": {}}},
        {"path": "x", "url": "http://x", "datasets": {"sites": {}}},
        {"path": "x", "datasets": {"situs": {}}},
        {"path": "x", "datasets": {"sites": {"fields": {"sorce_id": "a"}}}},
        {"path": "x", "datasets": {"sites": {"fields": {"name": "a"}, "constants": {"name": "b"}}}},
        {"path": "x", "datasets": {"sites": {"time": {"zone": "Asia/Jambi"}}}},
        {"path": "x", "datasets": {"sites": {"time": {"format": "besok"}}}},
    ],
)
def test_a_block_that_cannot_work_is_refused_at_the_door(block: Any) -> None:
    with pytest.raises(ValidationError):
        Files.Block(type="files", **block)


def test_check_counts_rows_and_names_what_is_lacking(written: Any) -> None:
    reached = connector(written(TEXT)).check()
    assert (reached.ok, reached.said) == (True, "sites: 2 rows")
    lacking = connector(written("source_id,name\na,b\n"), sites={}).check()
    assert "no `status`" in lacking.said
    assert connector(written(b"\xff\xfe\xfa")).check().code == "file"
