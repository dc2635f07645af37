"""The chart library is unpacked once, whole, and its absence breaks nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

from coc.ui.vendored import unpack

ASSETS = Path(__file__).parents[2] / "assets"


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    with gzip.open(tmp_path / "vendor" / "plotly-cartesian.min.js.gz", "wb") as file:
        file.write(b"window.Plotly = {}")
    return tmp_path


def test_the_script_is_unpacked_beside_the_assets(tmp_path: Path) -> None:
    script = unpack(_folder(tmp_path))
    assert script is not None
    assert script.read_bytes() == b"window.Plotly = {}"
    assert [p.name for p in tmp_path.glob("*.part")] == []


def test_a_second_start_leaves_the_file_alone(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    script = unpack(folder)
    assert script is not None
    before = script.stat().st_mtime_ns
    assert unpack(folder) == script
    assert script.stat().st_mtime_ns == before


def test_a_damaged_archive_is_no_script(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "vendor" / "plotly-cartesian.min.js.gz").write_bytes(b"not gzip")
    assert unpack(folder) is None
    assert list(folder.glob("*.js")) == []
    assert list(folder.glob("*.part")) == []


def test_an_install_without_the_archive_serves_dashs_own(tmp_path: Path) -> None:
    assert unpack(tmp_path) is None


def test_what_is_vendored_carries_its_licence() -> None:
    assert "MIT" in (ASSETS / "vendor" / "LICENSE-plotly.js.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in (ASSETS / "fonts" / "LICENSE-inter.txt").read_text(encoding="utf-8")
    assert (ASSETS / "vendor" / "plotly-cartesian.min.js.gz").stat().st_size < 600_000
