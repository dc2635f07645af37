from __future__ import annotations

from coc.domain import reference
from coc.domain.datasets import UNIT_KINDS, Dataset, column_names


def test_the_shipped_units_are_a_canonical_list_whose_parents_exist() -> None:
    units = reference.units()
    assert list(units.columns) == column_names(Dataset.UNITS)
    assert units["code"].is_unique
    assert units["kind"].isin(UNIT_KINDS).all()
    assert units["parent"].dropna().isin(units["code"]).all()
    assert set(units["valid_from"].dropna()) == {"2023-01-01"}


def test_there_are_11_kecamatan_and_68_kelurahan() -> None:
    areas = reference.areas()
    assert areas["level"].value_counts().to_dict() == {"kecamatan": 11, "kelurahan": 68}
    assert areas.loc[areas["level"] == "kecamatan", ["lat", "lon"]].notna().all(axis=None)


def test_every_ramadan_lasts_29_or_30_days() -> None:
    spans = reference.ramadan()
    assert {(last - first).days + 1 for first, last in spans.values()} <= {29, 30}
    assert {2025, 2026} <= spans.keys()
