"""What each viewer gets of the items behind a figure and of one letter's tree, on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coc.access import LENSES, Items, Viewer
from coc.access.items import PAGE
from coc.access.questions import Asked
from coc.access.viewer import SECURITIES
from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store, open_store
from tests.access.test_rows import ALL, GIVEN, NOW, OF_CLASS, OF_DINKES, PARENTS, ROWS, D, L, Lines, put

TODAY = "correspondence.registered_today"
BACKLOG = "disposition.backlog"
LEADER = Viewer("leader", "wako")
HEAD = Viewer("head", "kadis", ("DINKES",))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('items')}/coc.db"
    else:
        url = request.getfixturevalue("postgres").create(migrated=True)
    opened = open_store(url)
    put(opened, L, ROWS)
    put(opened, D, [{**row, "needs_follow_up": True} for row in GIVEN])
    put(opened, Dataset.UNITS, [{"code": c, "name": c, "kind": "agency", "parent": p} for c, p in PARENTS.items()])
    yield opened
    opened.close()


@pytest.fixture
def audit() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.close()


@pytest.fixture
def items(store: Store, audit: Lines) -> Items:
    block = ConnectorBlock(type="sipadek", url="https://sipadek.example.go.id/coc/v1")
    return Items(store, audit, Settings(connectors={"s": block}), "live")


@pytest.mark.parametrize("cleared", [None, *SECURITIES])
@pytest.mark.parametrize("lens", LENSES)
def test_the_items_are_those_of_the_viewers_rows_and_the_total_is_the_figures(
    items: Items, lens: Any, cleared: Any
) -> None:
    usual: Any = {"operator": "biasa", "head": "terbatas", "leader": "rahasia"}.get(lens)
    top = cleared if cleared and lens in ("head", "leader") else usual
    expected = OF_CLASS[top] if top else set()
    if lens == "head":
        expected = expected & OF_DINKES
    found = items.behind(Viewer(lens, "x", ("DINKES",), cleared), Asked(TODAY), NOW)
    assert set(found.rows["source_id"]) == expected
    assert found.seen == len(expected)
    assert found.total == (len(ALL) if usual else None)
    assert set(found.branches["letter_id"]) <= expected


def test_a_narrowed_list_tells_nothing_of_what_is_above_ones_access(items: Items) -> None:
    for asked in (
        Asked(TODAY, chosen={"kind": "incoming"}),
        Asked(TODAY, age="0-1"),
        Asked(TODAY, unit="DINKES", chosen={"urgency": "biasa"}),
    ):
        found = items.behind(LEADER, asked, NOW)
        assert (found.total, found.whole) == (None, None)
        cleared = items.behind(Viewer("leader", "x", cleared="sangat_rahasia"), asked, NOW)
        assert found.seen < cleared.seen
    narrowed = items.behind(Viewer("operator", "x"), Asked(BACKLOG, chosen={"channel": "text"}), NOW)
    assert sum(narrowed.parts.values()) == narrowed.seen == len(narrowed.rows)


def test_a_unit_of_others_gives_a_head_what_is_its_own_of_it_and_the_figure(items: Items) -> None:
    found = items.behind(HEAD, Asked(TODAY, unit="DISDIK"), NOW)
    assert found.rows["source_id"].tolist() == ["dik-kes"]
    assert found.total == 4  # as the page of any unit shows it


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        (Viewer("leader", "x"), {"a", "e"}),
        (Viewer("leader", "x", cleared="sangat_rahasia"), {"a", "e", "g"}),
        (Viewer("operator", "x"), {"a"}),
        (Viewer("head", "x", ("PKM",)), {"a"}),
        (Viewer("head", "x", ("DINKES",), "rahasia"), {"a", "e"}),
        (Viewer("head", "x", ("DINKES",), "sangat_rahasia"), {"a", "e", "g"}),
    ],
)
def test_a_disposition_whose_letter_has_not_arrived_may_be_of_any_class(
    items: Items, viewer: Viewer, expected: set[str]
) -> None:
    found = items.behind(viewer, Asked(BACKLOG), NOW)
    assert set(found.rows["source_id"]) == expected
    assert (found.seen, found.total) == (len(expected), 3)


@pytest.mark.parametrize(
    ("viewer", "letter", "text"),
    [
        (LEADER, {"number", "subject", "sender"}, True),
        (HEAD, {"number", "subject", "sender"}, True),
        (Viewer("operator", "x"), {"number"}, False),
    ],
)
def test_contents_that_a_lens_does_not_see_are_no_columns_of_list_and_tree(
    items: Items, viewer: Viewer, letter: set[str], text: bool
) -> None:
    contents = {"number", "subject", "sender"}
    listed = items.behind(viewer, Asked(TODAY), NOW)
    given = items.behind(viewer, Asked(BACKLOG), NOW)
    tree = items.tree(viewer, "s", "dik-kes", NOW)
    assert tree is not None
    assert contents & set(listed.rows.columns) == contents & set(tree.letters.columns) == letter
    assert {c.removeprefix("letter_") for c in given.rows.columns} & contents == letter
    for branches in (listed.branches, given.rows, given.branches, tree.branches):
        assert ("instruction_text" in branches.columns) == text


@pytest.mark.parametrize(
    ("viewer", "letter", "seen"),
    [
        (HEAD, "kes", True),
        (HEAD, "dik-kes", True),
        (HEAD, "dik", False),  # of others
        (HEAD, "r", False),  # above its clearance
        (LEADER, "r", True),
        (LEADER, "s", False),
        (LEADER, "gone", False),
        (LEADER, "lost", False),  # has not arrived
        (Viewer("leader", "x", cleared="sangat_rahasia"), "lost", True),
        (Viewer("operator", "x"), "t", False),
        (Viewer("room", "x"), "kes", False),
        (Viewer("public", "x"), "kes", False),
        (Viewer("admin", "x"), "kes", False),
    ],
)
def test_one_letters_tree_is_seen_by_who_sees_the_letter(
    items: Items, audit: Lines, viewer: Viewer, letter: str, seen: bool
) -> None:
    assert (items.tree(viewer, "s", letter, NOW) is not None) == seen
    assert items.tree(viewer, "s", "nowhere", NOW) is None
    assert items.tree(viewer, "other", letter, NOW) is None
    if not seen:  # nor does the log tell one from the other
        assert len(set(audit.lines)) == 1


def test_every_read_is_written_down_by_what_was_asked_and_never_by_what_somebody_typed(
    items: Items, audit: Lines
) -> None:
    items.behind(HEAD, Asked(BACKLOG, "7d", "DINKES", "0-1", {"office": "canary", "type": "canary"}), NOW)
    items.behind(LEADER, Asked(TODAY), NOW)
    items.tree(LEADER, "s", "dik-kes", NOW)
    assert audit.lines == [
        ("kadis", "rows.read", "items kpi=disposition.backlog unit=DINKES window=7d by=age,office,type: 0 rows"),
        ("wako", "rows.read", "items kpi=correspondence.registered_today unit=- window=30d: 9 rows"),
        ("wako", "rows.read", "tree ids=1: 2 rows"),
    ]


def test_a_page_beyond_the_last_is_empty_and_the_counts_stay(items: Items) -> None:
    found = items.behind(LEADER, Asked(TODAY), NOW, page=2)
    assert (len(found.rows), found.seen) == (0, 9)
    assert found.seen <= PAGE
