"""`coc template`: the register of the WiFi programme as an empty form, with a row that shows how it is filled."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import Annotated, Final

import typer

from coc.cli.frame import ConfigOption, guarded


class Form(StrEnum):
    SITES = "sites"
    ACCESS_POINTS = "access_points"


# The columns as `titik_kota` of the shipped config.yaml maps them, and a row of each kind of state.
FORMS: Final[dict[Form, tuple[tuple[str, ...], ...]]] = {
    Form.SITES: (
        ("kode", "nama", "jenis", "kecamatan", "opd", "status", "target", "terpasang", "kapasitas", "sumber_dana"),
        ("TW-001", "Contoh Taman Kota", "taman", "15.71.01", "DLH", "aktif", "01/03/2026", "12/02/2026", "80", "APBD"),
        ("TW-002", "Contoh SMP", "sekolah", "15.71.02", "DISDIK", "direncanakan", "01/09/2026", "", "60", "CSR"),
    ),
    Form.ACCESS_POINTS: (
        ("kode", "titik", "nama", "lintang", "bujur"),
        ("AP-001-1", "TW-001", "Contoh Taman Kota 1", "-1,595200", "103,563100"),
    ),
}


@guarded
def template(
    form: Annotated[Form, typer.Argument(help="Which register.")] = Form.SITES,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Print a register to fill in, of WiFi sites or of their access points: `coc template sites > titik-wifi.csv`.

    Separated by semicolons, as a spreadsheet in Indonesian opens it. docs/programme.md says what each column means.
    """
    csv.writer(sys.stdout, delimiter=";", lineterminator="\n").writerows(FORMS[form])
