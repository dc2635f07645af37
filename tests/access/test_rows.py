"""Which letters and dispositions each viewer gets, and what of them, on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.access import LENSES, Audit, Viewer
from coc.access.rows import Rows, with_children
from coc.access.viewer import SECURITIES
from coc.domain.datasets import COLUMNS, DTYPES, Dataset
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store, Wanted, bulk, columns, open_store, tables
from tests.metrics.cities import DEFAULTS, Row

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
L, D = Dataset.LETTERS, Dataset.DISPOSITIONS
# DINKES > PKM > PUSTU; DISDIK stands beside.
PARENTS = {"DINKES": None, "PKM": "DINKES", "PUSTU": "PKM", "DISDIK": None}


def put(store: Store, dataset: Dataset, rows: list[Row]) -> None:
    full = [{**DEFAULTS.get(dataset, {}), **row} for row in rows]
    table = {c.name: [r.get(c.name) for r in full] for c in tables.stored_columns(dataset)}
    kinds = {c.name: DTYPES[c.kind] for c in tables.stored_columns(dataset)}
    made = pd.DataFrame({name: pd.Series(values, dtype=kinds[name]) for name, values in table.items()})
    extra: dict[str, Any] = {"source": "s", "row_hash": columns.row_hash(made, COLUMNS[dataset])}
    if dataset is D:
        extra["derived_from"] = "x"
    with store.commit("s") as tx:
        bulk.upsert(tx, dataset, made, **extra)


def letter(i: str, unit: str, security: str | None = "biasa", **more: Any) -> Row:
    contents = {"number": f"N-{i}", "subject": f"S-{i}", "sender": f"P-{i}"}
    return {"source_id": i, "unit": unit, "security": security, "registered_at": NOW, **contents, **more}


def disposition(i: str, of: Row, to: str, **more: Any) -> Row:
    its = {f"letter_{n}": of[n] for n in ("security", "registered_at")}
    return {
        "source_id": i,
        "letter_id": of["source_id"],
        "to_unit": to,
        "issued_at": NOW,
        "instruction_text": f"T-{i}",
        "letter_deleted": of.get("deleted", False),
        **its,
        **more,
    }


ROWS = [
    letter("kes", "DINKES"),
    letter("pkm", "PKM"),
    letter("pustu", "PUSTU"),
    letter("dik", "DISDIK"),
    letter("dik-kes", "DISDIK"),  # disposed to PUSTU
    letter("dik-taken", "DISDIK"),  # its dispositions to DINKES were deleted or cancelled
    letter("none", "DISDIK", None),
    letter("t", "DINKES", "terbatas"),
    letter("r", "DINKES", "rahasia"),
    letter("s", "DINKES", "sangat_rahasia"),
    letter("gone", "DINKES", deleted=True),
]
BY_ID = {row["source_id"]: row for row in ROWS}
GIVEN = [
    disposition("a", BY_ID["dik-kes"], "PUSTU"),
    disposition("b", BY_ID["dik-taken"], "DINKES", deleted=True),
    disposition("c", BY_ID["dik-taken"], "DINKES", cancelled_at=NOW),
    disposition("e", BY_ID["r"], "DISDIK"),
    disposition("f", BY_ID["gone"], "DINKES"),
    disposition("g", {**letter("lost", "DINKES"), "registered_at": None, "security": None}, "DINKES"),
]


class Lines(Audit):
    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[tuple[str, str, str]] = []

    def wrote(self, viewer: Viewer, action: str, what: str, from_where: str = "", outcome: str = "ok") -> None:
        self.lines.append((viewer.name, action, what))
        assert (from_where, outcome) == ("", "ok")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Nobody writes to it here: one a database for all tests."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('rows')}/coc.db"
    else:
        url = request.getfixturevalue("postgres").create(migrated=True)
    opened = open_store(url)
    put(opened, L, ROWS)
    put(opened, D, GIVEN)
    put(opened, Dataset.UNITS, [{"code": c, "name": c, "kind": "agency", "parent": p} for c, p in PARENTS.items()])
    yield opened
    opened.close()


@pytest.fixture
def audit() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.close()


@pytest.fixture
def rows(store: Store, audit: Lines) -> Rows:
    block = ConnectorBlock(type="sipadek", url="https://sipadek.example.go.id/coc/v1")
    return Rows(store, audit, Settings(connectors={"s": block}), "live")


def seen(rows: Rows, viewer: Viewer) -> set[str]:
    return set(rows.letters(viewer)["source_id"])


ALL = {row["source_id"] for row in ROWS} - {"gone"}
OF_CLASS = {top: {i for i in ALL if SECURITIES.index(BY_ID[i]["security"] or "biasa") <= n} for n, top in
            enumerate(SECURITIES)}  # fmt: skip
OF_DINKES = {"kes", "pkm", "pustu", "dik-kes", "t", "r", "s"}


@pytest.mark.parametrize("cleared", [None, *SECURITIES])
@pytest.mark.parametrize("lens", LENSES)
def test_letters_by_lens_clearance_and_unit(rows: Rows, lens: Any, cleared: Any) -> None:
    usual = {"operator": "biasa", "head": "terbatas", "leader": "rahasia"}.get(lens)
    top = cleared if cleared and lens in ("head", "leader") else usual
    expected = OF_CLASS[top] if top else set()
    if lens == "head":
        expected = expected & OF_DINKES
    assert seen(rows, Viewer(lens, "x", ("DINKES",), cleared)) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (("PKM",), {"pkm", "pustu", "dik-kes"}),
        (("PUSTU",), {"pustu", "dik-kes"}),
        (("DISDIK",), {"dik", "dik-kes", "dik-taken", "none"}),
        (("PKM", "DISDIK"), {"pkm", "pustu", "dik", "dik-kes", "dik-taken", "none"}),
        ((), set()),
        (("LAIN",), set()),
    ],
)
def test_a_head_sees_its_units_and_what_is_below_them_and_no_other_branch(
    rows: Rows, own: tuple[str, ...], expected: set[str]
) -> None:
    assert seen(rows, Viewer("head", "x", own)) == expected


def test_a_letter_is_a_heads_own_by_a_disposition_only_within_its_clearance(rows: Rows) -> None:
    assert "r" not in seen(rows, Viewer("head", "x", ("DISDIK",)))
    assert "r" in seen(rows, Viewer("head", "x", ("DISDIK",), "rahasia"))


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        (Viewer("leader", "x"), {"a", "c", "e"}),
        (Viewer("leader", "x", cleared="sangat_rahasia"), {"a", "c", "e", "g"}),
        (Viewer("operator", "x"), {"a", "c"}),
        (Viewer("head", "x", ("PKM",)), {"a"}),
        (Viewer("head", "x", ("DINKES",), "rahasia"), {"a", "e"}),
        (Viewer("admin", "x"), set()),
        (Viewer("room", "x"), set()),
        (Viewer("public", "x"), set()),
    ],
)
def test_dispositions_go_with_their_letter(rows: Rows, viewer: Viewer, expected: set[str]) -> None:
    assert set(rows.dispositions(viewer)["source_id"]) == expected


@pytest.mark.parametrize(
    ("lens", "of_letter", "text"),
    [
        ("leader", {"number", "subject", "sender"}, True),
        ("head", {"number", "subject", "sender"}, True),
        ("operator", {"number"}, False),
        ("admin", set(), False),
        ("room", set(), False),
        ("public", set(), False),
    ],
)
def test_contents_that_a_lens_does_not_see_are_no_columns(
    rows: Rows, lens: Any, of_letter: set[str], text: bool
) -> None:
    viewer = Viewer(lens, "x", ("DINKES",))
    assert {"number", "subject", "sender"} & set(rows.letters(viewer).columns) == of_letter
    assert ("instruction_text" in rows.dispositions(viewer).columns) == text


def test_every_read_is_written_down_without_what_was_read(rows: Rows, audit: Lines) -> None:
    viewer = Viewer("head", "kadis", ("DINKES",))
    rows.letters(viewer, Wanted(unit="PUSTU", since=NOW - timedelta(days=1), ids=["pustu", "kes"], limit=5))
    rows.dispositions(Viewer("public", "tamu"))
    assert audit.lines == [
        ("kadis", "rows.read", "letters unit=PUSTU since=2026-03-01T03:00:00+00:00 ids=2 limit=5: 1 rows"),
        ("tamu", "rows.read", "dispositions: 0 rows"),
    ]


def test_pages_follow_each_other_without_a_gap(rows: Rows) -> None:
    viewer = Viewer("leader", "x")
    whole = rows.letters(viewer)["source_id"].tolist()
    pages = [rows.letters(viewer, Wanted(limit=3, offset=at))["source_id"].tolist() for at in range(0, 12, 3)]
    assert [i for page in pages for i in page] == whole
    assert rows.letters(viewer, Wanted(offset=4))["source_id"].tolist() == whole[4:]


def test_filters_narrow_what_one_sees_and_never_widen_it(rows: Rows) -> None:
    head = Viewer("head", "x", ("PKM",))
    assert rows.letters(head, Wanted(unit="DISDIK"))["source_id"].tolist() == ["dik-kes"]
    assert rows.letters(head, Wanted(ids=["dik", "kes", "pkm"]))["source_id"].tolist() == ["pkm"]
    assert rows.letters(head, Wanted(since=NOW + timedelta(seconds=1))).empty


def test_units_in_a_circle_end() -> None:
    assert with_children(["A"], {"A": "C", "B": "A", "C": "B", "D": None}) == {"A", "B", "C"}
