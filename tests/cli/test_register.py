"""The register of WiFi sites as an office really keeps it: its XLSX, the figures, the list of what is wrong."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from coc.store import open_store
from tests.cli.feed import NOW
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW, "COLUMNS": "230"}
ROOT = Path(__file__).parents[2]


def shipped_example() -> dict[str, Any]:
    """The commented-out `titik_kota` of the shipped config.yaml, as an engineer takes the marks off."""
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("  # titik_kota:"))
    block = []
    for line in lines[first:]:
        if not line.startswith("  #"):
            break
        block.append(line.replace("  # ", "  ", 1))
    found: dict[str, Any] = yaml.safe_load("connectors:\n" + "\n".join(block))
    return found


def sheet(path: Path) -> None:
    """A title, a blank row, a header of two rows with merged cells, and eight kinds of mistakes between good rows."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Titik"
    page["A1"] = "DAFTAR TITIK WIFI GRATIS, KOTA JAMBI"
    page.merge_cells("A1:J1")
    for column, name in enumerate(("kode", "nama", "jenis", "kecamatan", "opd", "status"), start=1):
        page.cell(3, column, name)
        page.merge_cells(start_row=3, end_row=4, start_column=column, end_column=column)
    page["G3"] = "Tanggal"
    page.merge_cells("G3:H3")
    page["G4"], page["H4"], page["I3"], page["J3"] = "target", "terpasang", "kapasitas", "sumber_dana"
    rows: list[tuple[Any, ...]] = [
        ("TW-1", "Taman", "taman", "15.71.04", None, "aktif", date(2026, 2, 1), datetime(2026, 1, 20), "1.200", "APBD"),  # noqa: DTZ001
        (None,) * 10,
        ("TW-2", "SD 1", "sekolah", "Telanaipura", None, "direncanakan", "01/09/2026", None, 60, "CSR"),
        ("TW-3", "SD 2", "sekolah", "Telanaipura", None, "aktiff", None, None, 60, "CSR"),
        ("TW-4", None, "sekolah", "Telanaipura", None, "aktif", None, None, 60, "CSR"),
        ("TW-5", "SD 4", "sekolah", "Telanaipura", None, "aktif", "2026-09-01", None, 60, "CSR"),
        ("TW-6", "SD 5", "sekolah", "Telanaipura", None, "aktif", None, None, "banyak", "CSR"),
        ("TW-7", "SD 6", "sekolah", "Telanaipura", None, "aktif", None, None, 60, "CSR"),
        ("TW-7", "SD 7", "sekolah", "Telanaipura", None, "aktif", None, None, 60, "CSR"),
        (8, "SD 8", "sekolah", "Telanaipura", None, "aktif", 46000, None, 60, "CSR"),
    ]
    for row in rows:
        page.append(row)
    book.save(path)


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    folder = tmp_path_factory.mktemp("register")
    (folder / "data").mkdir()
    sheet(folder / "data" / "titik-wifi.xlsx")
    points = "\ufeffkode;titik;nama;lintang;bujur\r\nAP-1;TW-1;Satu;-1,595200;103,563100\r\n"
    points += "AP-2;TW-1;Dua;103,563;-1,595\r\nAP-3;TW-1;Tiga;-1,5 103,5;\r\n"
    (folder / "data" / "access-points.csv").write_text(points, encoding="utf-8")
    config = shipped_example()
    datasets = config["connectors"]["titik_kota"]["datasets"]
    datasets["sites"] |= {"file": "titik-wifi.xlsx", "sheet": "Titik"}
    terminal = Terminal(folder)
    terminal.write(yaml.safe_dump(config, sort_keys=False))
    ran = terminal.coc("pull", "--json", env=CLOCK)
    assert (ran.items[0]["stored"], ran.items[0]["quarantined"], ran.items[0]["error"]) == (3, 8, None)
    return terminal


def test_the_good_rows_are_the_figures(register: Terminal) -> None:
    found = {
        i["id"]: i["value"]
        for i in register.coc("export", "kpis", "--format", "json", env=CLOCK).items
        if not i.get("unit")
    }
    assert (found["wifi.installed"], found["wifi.target"], found["wifi.schools_served"]) == (1, 2, 0)


def test_every_mistake_is_named_by_file_row_and_column_with_what_was_found_and_what_is_expected(
    register: Terminal,
) -> None:
    items = register.coc("quarantine", "list", "--json", env=CLOCK).items
    told = {}
    for item in items:
        (shown,) = register.coc("quarantine", "show", str(item["id"]), "--json", env=CLOCK).items
        told[shown["where"]] = (shown["column"], shown["found"], shown["expected"])
    sites = "titik-wifi.xlsx, row"
    day = "a date as 31/12/2026, or one that the spreadsheet knows as a date"
    assert told == {
        f"{sites} 8": ("status", "aktiff", "one of direncanakan, pemasangan, aktif, dihentikan (`aktif`?)"),
        f"{sites} 9": ("nama", "", "a value"),
        f"{sites} 10": ("target", "2026-09-01", day),
        f"{sites} 11": ("kapasitas", "banyak", "a whole number such as 80"),
        f"{sites} 13": ("kode", "TW-7 (rows 12, 13)", "a code that no other row has"),
        f"{sites} 14": ("target", "46000", day),
        "access-points.csv, row 3": (
            "lintang",
            "103,563",
            "a number from -90 to 90: latitude and longitude may stand the other way round",
        ),
        "access-points.csv, row 4": ("lintang", "-1,5 103,5", "one number such as -1,595"),
    }
    assert json.dumps(items).count("TW-7") >= 2


def test_a_person_reads_the_row_the_column_and_what_is_expected_in_the_list(register: Terminal) -> None:
    words = " ".join(register.coc("quarantine", "list", env=CLOCK).out.split())
    for said in ("titik-wifi.xlsx, row 8", "aktiff", "one of direncanakan", "access-points.csv, row 3"):
        assert said in words


def test_what_the_page_of_sources_is_told_is_the_file_and_its_rows_and_no_value(register: Terminal) -> None:
    (file,) = (register.folder / "var").glob("coc.db")
    store = open_store(f"sqlite:///{file}")
    places = store.quarantine_places(["titik_kota"])["titik_kota"]
    store.close()
    assert ("unknown_value", "status", "titik-wifi.xlsx", 8) in places
    assert ("out_of_range", "lat", "access-points.csv", 3) in places
    assert "aktiff" not in str(places)


def test_the_form_that_the_program_prints_is_read_by_the_example_that_it_ships(terminal: Terminal) -> None:
    (terminal.folder / "data").mkdir()
    for form, file in (("sites", "titik-wifi.csv"), ("access_points", "access-points.csv")):
        (terminal.folder / "data" / file).write_text(terminal.coc("template", form).out, encoding="utf-8")
    terminal.write(yaml.safe_dump(shipped_example(), sort_keys=False))
    (ran,) = terminal.coc("pull", "--json", env=CLOCK).items
    assert (ran["stored"], ran["quarantined"], ran["error"]) == (3, 0, None)
