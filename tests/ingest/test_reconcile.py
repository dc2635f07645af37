"""Late, corrected and deleted rows, orphans, watermarks and the guards of deletion, on both databases."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coc.boards.builder import Builder
from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import pull_connector
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store, open_store
from data_connectors.files import Files
from data_connectors.sipadek import Sipadek
from tests.connectors import feed as v1
from tests.connectors.hostile import Handler, Request, serving
from tests.ingest.kit import NOW, REFUSED, City, batch, city, disposition, ids, iso, letter, sample, unit

pytestmark = pytest.mark.postgres_slow

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS
HUNDRED = [letter(i) for i in range(100)]
EVERY = {f"L-{i}" for i in range(100)}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    found = open_store(database_url)
    yield found
    found.close()


@pytest.fixture
def plain_store(tmp_path: Path) -> Iterator[Store]:
    """One database: for what happens before a row reaches it."""
    found = open_store(f"sqlite:///{tmp_path}/coc.db")
    yield found
    found.close()


@pytest.fixture
def src(store: Store) -> City:
    return City(store, ConnectorBlock(type="sipadek"))


@pytest.fixture
def plain(plain_store: Store) -> City:
    return City(plain_store, ConnectorBlock(type="sipadek"))


def kpi(src: City, name: str) -> float:
    """The city's figure, from boards computed anew."""
    builder = Builder(src.store, src.settings, "live", FrozenClock(src.now))
    builder.refresh(force=True)
    assert builder.snapshot is not None
    kpis = builder.snapshot.boards[name.split(".")[0], "all"].kpis
    mine = kpis[(kpis["id"] == name) & (kpis["unit"] == "") & (kpis["window"] == "30d")]
    return float(mine["value"].iloc[0])


def everything(store: Store) -> list[Any]:
    """All that a store holds, table by table."""
    import sqlalchemy as sa

    from coc.store.tables import metadata

    with store.read() as connection:
        return [
            (table.name, sorted(map(repr, connection.execute(sa.select(table))))) for table in metadata.sorted_tables
        ]


# Deletions and their guards


def test_two_in_a_hundred_may_go_and_three_may_not(src: City) -> None:
    src.pull(batch(L, HUNDRED))
    held = src.pull(ids(L, EVERY - {"L-1", "L-2", "L-3"}), full=True)
    assert (held.error_code, held.detail, held.deleted) == ("mass_deletion", "3 of 100 letters", 0)
    assert src.pull(ids(L, EVERY - {"L-1", "L-2"}), full=True).deleted == 2


def test_a_hundred_may_go_of_a_large_dataset_and_a_hundred_and_one_may_not(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(5100)]))
    left = {f"L-{i}" for i in range(101, 5100)}
    assert src.pull(ids(L, left), full=True).error_code == "mass_deletion"
    assert src.pull(ids(L, left | {"L-0"}), full=True).deleted == 100


def test_allowing_deletions_lets_exactly_one_through(src: City) -> None:
    src.pull(batch(L, HUNDRED))
    half = {f"L-{i}" for i in range(50)}
    assert src.pull(ids(L, half), full=True, allow_deletions=True).deleted == 50
    again = src.pull(ids(L, {"L-1"}), full=True)
    assert (again.error_code, again.detail) == ("mass_deletion", "49 of 50 letters")
    assert int((~src.letters()["deleted"]).sum()) == 50


def test_an_empty_list_deletes_nothing_unless_a_person_says_so(src: City) -> None:
    src.pull(batch(L, HUNDRED))
    assert src.pull(ids(L, set()), full=True).detail == "100 of 100 letters"
    assert not src.letters()["deleted"].any()
    assert src.pull(ids(L, set()), full=True, allow_deletions=True).deleted == 100
    assert src.pull(ids(L, set()), full=True).error is None  # nothing left to miss


def test_one_dataset_withheld_holds_up_no_other(src: City) -> None:
    src.pull(batch(L, HUNDRED), batch(D, [disposition(i) for i in range(100)]))
    report = src.pull(ids(L, set()), ids(D, {f"D-{i}" for i in range(99)}), full=True)
    assert (report.error_code, report.deleted) == ("mass_deletion", 1)


def test_a_dry_run_tells_the_deletions_and_stores_nothing_at_all(src: City) -> None:
    src.pull(batch(L, HUNDRED), batch(L, [letter("x", urgency="kilat")]))
    before = everything(src.store)
    gives = [batch(U, [unit("BARU")]), batch(L, [letter(200, unit="BARU"), letter(201, kind="masuk")])]
    report = src.pull(*gives, ids(L, EVERY - {"L-1"}), full=True, dry_run=True)
    assert (report.stored, report.quarantined, report.deleted, report.error) == (2, 1, 1, None)
    held = src.pull(ids(L, set()), full=True, dry_run=True)
    assert (held.error_code, held.detail) == ("mass_deletion", "100 of 100 letters")
    assert src.pull(ids(L, set()), full=True, dry_run=True, allow_deletions=True).deleted == 100
    assert everything(src.store) == before


def test_a_run_that_fails_halfway_judges_no_absence(src: City) -> None:
    src.pull(batch(L, HUNDRED))
    report = src.pull(ids(L, EVERY - {"L-1"}), REFUSED, full=True)
    assert (report.error_code, report.deleted) == ("unreachable", 0)


def test_samples_and_units_are_never_judged_by_absence(src: City) -> None:
    src.pull(batch(U, [unit(f"U-{i}") for i in range(99)]))
    report = src.pull(ids(U, set()), ids(Dataset.AP_SAMPLES, set()), full=True)
    assert (report.error, report.deleted) == (None, 0)


# A row seen again


def test_a_row_that_was_deleted_and_is_seen_again_is_alive_with_all_that_hangs_on_it(src: City) -> None:
    src.pull(batch(L, HUNDRED), batch(D, [disposition(1, "L-7")]))
    assert kpi(src, "disposition.backlog") == 1
    src.pull(ids(L, EVERY - {"L-7"}), full=True)
    assert kpi(src, "disposition.backlog") == 0
    src.pull(batch(L, [letter(7)]))
    assert not src.letters().loc["L-7", "deleted"]
    assert kpi(src, "disposition.backlog") == 1


def test_a_tombstone_and_its_end_follow_the_time_of_change(src: City) -> None:
    src.pull(batch(L, [letter(1, updated_at=iso(5))]))
    src.pull(batch(L, [letter(1, deleted=True, updated_at=iso(4))]))
    assert src.letters().loc["L-1", "deleted"]
    src.pull(batch(L, [letter(1, updated_at=iso(5))]))  # an older page, once more
    assert src.letters().loc["L-1", "deleted"]
    src.pull(batch(L, [letter(1, updated_at=iso(3))]))
    assert not src.letters().loc["L-1", "deleted"]


def test_deleted_letters_take_their_dispositions_out_of_every_figure(src: City) -> None:
    done = {"completed_at": iso(1), "issued_at": iso(30)}
    src.pull(batch(L, HUNDRED), batch(D, [disposition(1, "L-7"), disposition(2, "L-7", **done)]))
    assert kpi(src, "disposition.followup_hours_p50") > 0
    src.pull(ids(L, EVERY - {"L-7"}), full=True)
    assert kpi(src, "disposition.backlog") == 0
    assert math.isnan(kpi(src, "disposition.followup_hours_p50"))


# Orphans


def test_a_disposition_before_its_letter_counts_and_is_joined_when_the_letter_comes(src: City) -> None:
    src.pull(batch(D, [disposition(1, "L-9", due_at=None)]))
    assert kpi(src, "disposition.backlog") == 1
    assert src.dispositions()["due"].isna().all()
    src.pull(batch(L, [letter(9, urgency="segera")]))
    row = src.dispositions().loc["D-1"]
    assert (row["letter_urgency"], row["due"]) == ("segera", row["issued_at"] + timedelta(hours=48))


def test_a_disposition_whose_letter_comes_as_deleted_counts_nowhere(src: City) -> None:
    src.pull(batch(D, [disposition(1, "L-9")]))
    src.pull(batch(L, [letter(9, deleted=True)]))
    assert kpi(src, "disposition.backlog") == 0


# Late and corrected rows, the watermark


def test_an_older_page_that_comes_late_overwrites_nothing_and_changes_no_watermark(src: City) -> None:
    src.pull(batch(L, [letter(1, pages=9, updated_at=iso(1))]))
    mark = src.store.positions("src")[L].watermark
    report = src.pull(batch(L, [letter(1, pages=2, updated_at=iso(9)), letter(2, updated_at=iso(9))]))
    assert (report.stored, report.unchanged) == (1, 1)
    assert src.letters()["pages"].tolist() == [9, 2]
    assert src.store.positions("src")[L].watermark == mark == NOW - timedelta(hours=1)


def test_the_watermark_is_the_smaller_of_the_newest_change_and_the_answers_own_now(src: City) -> None:
    for newest, now, expected in ((iso(2), NOW, 2), (iso(0), NOW - timedelta(hours=1), 1)):
        src.pull(batch(L, [letter(1, updated_at=newest)], source_now=now))
        assert src.store.positions("src")[L].watermark == NOW - timedelta(hours=expected)


def test_a_pull_since_a_later_time_leaves_the_gap_behind_it_to_the_next(src: City) -> None:
    src.pull(batch(L, [letter(1, updated_at=iso(9))]))
    src.pull(batch(L, [letter(2, updated_at=iso(1))]), since=NOW - timedelta(hours=2))
    src.pull()
    assert src.source.windows[-1].since[L] == NOW - timedelta(hours=9, seconds=300)
    src.pull(batch(L, [letter(2, updated_at=iso(1))]), since=NOW - timedelta(hours=20))
    assert src.store.positions("src")[L].watermark == NOW - timedelta(hours=1)


def test_a_first_pull_since_some_time_is_no_first_pull_of_the_rest(src: City) -> None:
    src.pull(batch(L, [letter(2, updated_at=iso(1))]), since=NOW - timedelta(hours=2))
    src.pull()
    assert L not in src.source.windows[-1].since


# Against a real feed, and real files


class Feed:
    """`sipadek` against a feed over HTTP; `answer` may be changed between pulls."""

    def __init__(self, store: Store, url: str) -> None:
        self.store, self.now = store, datetime.fromisoformat(v1.NOW)
        self.block = Sipadek.Block.model_validate(
            {"type": "sipadek", "url": f"{url}/coc/v1", "auth": {"bearer": v1.TOKEN}, "deadline_seconds": 10}
        )

    def pull(self, **how: Any) -> Any:
        settings = Settings(connectors={"sipadek": self.block})
        clock = FrozenClock(self.now)
        return pull_connector(self.store, "sipadek", self.block, Sipadek("sipadek", self.block), settings, clock, **how)

    def alive(self) -> int:
        found = self.store.letters(self.now - timedelta(days=400), after_rev=0)
        return int((~found["deleted"]).sum())


@pytest.fixture
def rows() -> v1.Feed:
    return v1.Feed(letters=[v1.letter(i) for i in range(120)], dispositions=[v1.disposition(1)], page=50)


@pytest.fixture
def feed(plain_store: Store, rows: v1.Feed) -> Iterator[Feed]:
    with serving(lambda handler, request: rows(handler, request)) as server:
        yield Feed(plain_store, server.url)


def test_a_source_without_a_list_of_ids_marks_its_deletions_in_the_rows(feed: Feed, rows: v1.Feed) -> None:
    rows.with_ids = False
    assert feed.pull(full=True).error is None
    rows.letters[5] |= {"deleted": True, "updated_at": "2026-03-02T02:00:00+07:00"}
    gone = rows.letters.pop(6)
    assert (feed.pull(full=True).error, feed.alive()) == (None, 119)
    assert gone["id"] in set(feed.store.letters(feed.now - timedelta(days=400), after_rev=0)["source_id"])


def test_a_full_pull_of_a_real_feed_finds_what_is_gone(feed: Feed, rows: v1.Feed) -> None:
    assert feed.pull(full=True).stored == 121
    del rows.letters[7:9]
    assert (feed.pull().deleted, feed.alive()) == (0, 120)  # only a full pull judges
    assert (feed.pull(full=True).deleted, feed.alive()) == (2, 118)


def test_an_emptied_source_empties_nothing(feed: Feed, rows: v1.Feed) -> None:
    feed.pull(full=True)
    rows.letters = []
    assert feed.pull(full=True).detail == "120 of 120 letters"
    assert feed.alive() == 120


def test_letters_older_than_the_source_keeps_them_stay_when_it_forgets_them(feed: Feed, rows: v1.Feed) -> None:
    old = {"registered_at": "2026-01-15T08:00:00+07:00", "updated_at": "2026-01-15T08:00:00+07:00"}
    rows.letters = [*(v1.letter(500 + i, **old) for i in range(50)), *rows.letters]
    feed.pull(full=True)
    rows.letters = rows.letters[50:]
    assert (feed.pull(full=True).error, feed.alive()) == (None, 170)


def test_rows_that_arrive_while_the_list_is_made_are_not_taken_for_deleted(feed: Feed, rows: v1.Feed) -> None:
    """Another pull stores a letter that the list, made a moment before, does not have."""
    feed.pull(full=True)
    plain: Callable[[Handler, Request], None] = v1.Feed.__call__.__get__(rows)

    def meanwhile(handler: Handler, request: Request) -> None:
        if request.path.endswith("letters/ids"):
            came = v1.letter(900, registered_at="2026-03-02T09:59:59+07:00", updated_at="2026-03-02T10:00:01+07:00")
            City(feed.store, ConnectorBlock(type="sipadek"), name="sipadek").pull(
                batch(L, [{"source_id" if k == "id" else k: v for k, v in came.items() if k != "warna"}])
            )
        plain(handler, request)

    with serving(meanwhile) as server:
        report = Feed(feed.store, server.url).pull(full=True)
    assert (report.error, report.deleted, feed.alive()) == (None, 0, 121)


@pytest.mark.parametrize(
    ("trick", "code"),
    [("repeats", "paging_loop"), ("stuck", "paging_loop"), ("backwards", "cursor_backwards"),
     ("endless", "too_many_pages")],
)  # fmt: skip
def test_paging_that_goes_wrong_is_reported_and_keeps_what_was_whole(
    plain_store: Store, rows: v1.Feed, trick: str, code: str
) -> None:
    plain: Callable[[Handler, Request], None] = v1.Feed.__call__.__get__(rows)

    def answer(handler: Handler, request: Request) -> None:
        first = int(request.query.get("cursor", "0"))
        if not request.path.endswith("/letters") or first < 50:
            return plain(handler, request)
        page = {
            "repeats": rows.letters[:50],
            "stuck": rows.letters[50:51],
            "backwards": [v1.letter(700 + i, updated_at="2026-02-01T08:00:00+07:00") for i in range(9)],
            "endless": [],
        }[trick]
        following = "50" if trick == "stuck" else str(first + 1)
        return handler.json({"items": page, "next": following, "now": rows.now})

    with serving(answer) as server:
        found = Feed(plain_store, server.url)
        report = found.pull(full=True)
        assert report.error_code == code
        assert found.alive() in (50, 51)
        assert found.store.feeds()[0].failures == 1
    with serving(lambda handler, request: rows(handler, request)) as server:
        assert Feed(plain_store, server.url).pull().error is None
        assert found.alive() == 120


def test_a_file_that_lost_a_row_loses_it_here_and_one_with_a_torn_row_judges_nothing(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "sites.csv"
    block = Files.Block.model_validate({"type": "files", "path": file, "datasets": {"sites": {}}})
    settings = Settings(connectors={"titik": block})

    def pull(lines: list[str], **how: Any) -> Any:
        file.write_text("\n".join(["source_id,name,status", *lines]))
        return pull_connector(store, "titik", block, Files("titik", block), settings, FrozenClock(NOW), **how)

    sites = [f"S-{i},Taman {i},active" for i in range(100)]
    pull(sites)
    torn = pull([*sites[2:], "S-0,Taman, kota,active"])
    assert (torn.deleted, torn.quarantined, len(store.table(Dataset.SITES))) == (0, 1, 100)
    refused = pull([*sites[1:], "S-0,Taman 0,aktif"])
    assert (refused.deleted, refused.quarantined) == (0, 1)  # it is there, only not right
    assert pull(sites[1:]).deleted == 1
    assert store.quarantined()[0].reason == "unreadable"
    assert pull([]).error_code == "mass_deletion"
    assert pull(sites[:50], allow_deletions=True, full=True).deleted == 50
    assert len(store.table(Dataset.SITES)) == 50


def test_services_follow_config_without_asking(tmp_path: Path) -> None:
    apps = city(tmp_path, "http_probe")
    apps.source.datasets = {Dataset.SERVICES}
    rows = [{"source_id": f"a{i}", "name": f"A {i}"} for i in range(4)]
    apps.pull(batch(Dataset.SERVICES, rows, ordered=False))
    assert apps.pull(ids(Dataset.SERVICES, {"a0"}), full=True).deleted == 3


# Drift, line by line of FEED


def test_nineteen_known_rows_are_chance_and_twenty_are_drift(plain: City) -> None:
    plain.pull(batch(L, [letter(i, completed_at=iso(10)) for i in range(30)]))
    few = [letter(i, completed_at=..., updated_at=iso(1)) for i in range(19)]
    assert plain.pull(batch(L, few)).error is None
    many = [letter(i, completed_at=..., updated_at=iso(0.5)) for i in range(10, 30)]
    assert plain.pull(batch(L, many)).detail == "letters.completed_at"
    assert plain.letters()["completed_at"].notna().all()


def test_known_rows_that_hold_nothing_there_are_no_drift(plain: City) -> None:
    plain.pull(batch(L, [letter(i, completed_at=iso(10) if i < 5 else None) for i in range(60)]))
    rows = [letter(i, completed_at=..., updated_at=iso(1)) for i in range(60)]
    assert plain.pull(batch(L, rows)).error is None
    assert plain.letters()["completed_at"].notna().sum() == 5


def test_drift_in_a_reconcile_judges_no_absence_either(plain: City) -> None:
    plain.pull(batch(L, [letter(i, completed_at=iso(10)) for i in range(60)]))
    bare = batch(L, [letter(i, completed_at=...) for i in range(59)])
    report = plain.pull(bare, ids(L, {f"L-{i}" for i in range(59)}), full=True)
    assert (report.error_code, report.deleted) == ("schema_drift", 0)


def test_samples_of_one_key_count_once_whatever_order_they_come_in(store: Store) -> None:
    wifi = City(store, ConnectorBlock(type="prometheus"))
    wifi.source.datasets = {Dataset.AP_SAMPLES}
    rows = [sample("ap-1", m) for m in (5, 3, 4)]
    assert wifi.pull(batch(Dataset.AP_SAMPLES, [*rows, *rows[::-1]])).stored == 3
    before = store.commit_number()
    wifi.pull(batch(Dataset.AP_SAMPLES, rows[1:]))
    assert store.commit_number() == before
