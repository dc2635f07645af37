"""The feed v1 reader against an implementation of FEED.md that is not ours, and against its bad days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError, Window
from data_connectors.sipadek import Sipadek
from tests.connectors import hostile
from tests.connectors.feed import TOKEN, Feed, disposition, letter, unit
from tests.connectors.hostile import Handler, Request, Server, serving

Answer = Callable[[Handler, Request], None]


def connector(server: Server, **given: Any) -> Sipadek:
    block = {"type": "sipadek", "url": f"{server.url}/coc/v1", "auth": {"bearer": TOKEN}, **given}
    return Sipadek("sipadek", Sipadek.Block(**block))


@contextmanager
def pulled(answer: Answer, window: Window, **given: Any) -> Iterator[tuple[list[Batch], Server]]:
    with serving(answer) as server:
        yield list(connector(server, **given).pull(window)), server


def taken(answer: Answer, window: Window, **given: Any) -> tuple[list[Batch], FetchError]:
    """What came before the failure, and the failure."""
    batches: list[Batch] = []
    with serving(answer) as server, pytest.raises(FetchError) as caught:
        batches.extend(connector(server, **given).pull(window))
    assert TOKEN not in str(caught.value)
    return batches, caught.value


def paging(pages: Callable[[Request], dict[str, Any]]) -> Answer:
    """/info as it should be, and letters by `pages`."""
    feed = Feed(datasets=("letters",))

    def answer(handler: Handler, request: Request) -> None:
        if request.path.endswith("/letters"):
            handler.json(pages(request))
        else:
            feed(handler, request)

    return answer


def test_units_come_first_then_letters_then_dispositions_page_by_page(window: Any) -> None:
    feed = Feed([unit("DISDIK")], [letter(n) for n in range(25)], [disposition(n) for n in range(5)], page=10)
    with pulled(feed, window()) as (batches, server):
        assert [(b.dataset, len(b.frame)) for b in batches] == [
            (Dataset.UNITS, 1),
            (Dataset.LETTERS, 10),
            (Dataset.LETTERS, 10),
            (Dataset.LETTERS, 5),
            (Dataset.DISPOSITIONS, 5),
        ]
        assert all(b.ordered for b in batches)
        assert {b.source_now for b in batches} == {datetime(2026, 3, 2, 3, 0, tzinfo=UTC)}
        assert {r.query.get("limit") for r in server.seen if r.path != "/coc/v1/info"} == {"2000"}


def test_a_value_that_strict_json_has_no_room_for_is_its_rows_defect_not_the_pages(window: Any) -> None:
    odd = [letter(1, pages=float("nan")), letter(2, unit="\ud800"), letter(3, copies=10**30), letter(4), [float("inf")]]
    with pulled(Feed(letters=odd), window()) as (batches, _):
        batch = next(b for b in batches if b.dataset is Dataset.LETTERS)
    assert batch.frame["source_id"].tolist() == ["L00001", "L00002", "L00003", "L00004"]
    assert batch.frame["pages"].tolist()[0] == "NaN"
    assert batch.frame["unit"].tolist()[1] == "\ud800"
    assert [p["reason"] for p in batch.problems] == ["not_an_object"]


def test_rows_are_handed_over_as_read_under_their_canonical_names(window: Any) -> None:
    rows = [letter(1, registered_at="kemarin", pages="dua"), letter(2, kind=["x"])]
    with pulled(Feed(letters=rows), window()) as (batches, _):
        frame = next(b.frame for b in batches if b.dataset is Dataset.LETTERS)
    assert frame["source_id"].tolist() == ["L00001", "L00002"]
    assert frame["registered_at"].tolist() == ["kemarin", rows[1]["registered_at"]]
    assert frame["pages"].tolist() == ["dua", None]
    assert frame["kind"].tolist() == ["incoming", ["x"]]
    assert not {"warna", "id", "completed_at"} & set(frame)


def test_a_column_that_no_row_has_is_absent_unless_it_is_required(window: Any) -> None:
    rows = [{"id": "1"}, {"kode": "2"}]
    with pulled(Feed(letters=rows), window()) as (batches, _):
        frame = next(b.frame for b in batches if b.dataset is Dataset.LETTERS)
    assert len(frame) == 2
    assert frame["kind"].isna().all()
    assert "completed_at" not in frame


def test_letter_contents_are_dropped_unless_kept(window: Any) -> None:
    feed = Feed(letters=[letter(1)], dispositions=[disposition(1, instruction="Tolong hadiri rapatnya")])
    with pulled(feed, window()) as (batches, _):
        columns = {c for b in batches for c in b.frame}
        assert "number" in columns
        assert not {"subject", "sender", "instruction_text"} & columns
    with pulled(feed, window(), keep=["subject", "instruction_text"]) as (batches, _):
        assert "number" not in batches[1].frame
        assert batches[1].frame["subject"].tolist() == ["rahasia sekali"]
        assert batches[2].frame["instruction_text"].tolist() == ["Tolong hadiri rapatnya"]


def test_instructions_in_words_become_codes_and_blank_ones_stay_blank(window: Any) -> None:
    given = ["arsipkan", "ARSIPKAN", "qwerty", None, "  "]
    rows = [disposition(n, instruction=words) for n, words in enumerate(given)]
    with pulled(Feed(dispositions=rows), window(), keep=["instruction_text"]) as (batches, _):
        frame = batches[-1].frame
    assert frame["instruction"].tolist()[:3] == ["ARSIPKAN", "ARSIPKAN", "LAINNYA"]
    assert [str(v or "").strip() for v in frame["instruction"].tolist()[3:]] == ["", ""]
    assert frame["instruction_text"].tolist()[:3] == [None, None, "qwerty"]


def test_an_ordinary_run_asks_from_the_watermark_and_a_full_one_for_everything(window: Any) -> None:
    since = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    feed = Feed(letters=[letter(n) for n in range(20)], page=3)
    with pulled(feed, window(since={Dataset.LETTERS: since})) as (batches, server):
        assert [i for b in batches if b.dataset is Dataset.LETTERS for i in b.frame["source_id"]] == []
        asked = [r.query.get("updated_since") for r in server.seen if r.path == "/coc/v1/letters"]
        assert [datetime.fromisoformat(a or "") for a in asked] == [since]
    with pulled(feed, window(since={Dataset.LETTERS: since}, full=True)) as (batches, server):
        assert sum(len(b.frame) for b in batches if b.dataset is Dataset.LETTERS) == 20
        assert not any("updated_since" in r.query for r in server.seen)


def test_a_full_run_lists_the_ids_that_exist_after_the_rows(window: Any) -> None:
    feed = Feed([unit("DISDIK")], [letter(n) for n in range(5)], [disposition(1)], page=2)
    with pulled(feed, window(full=True)) as (batches, _):
        listed = [(b.dataset, b.ids, b.retention_days) for b in batches if b.ids is not None]
        assert listed == [
            (Dataset.LETTERS, {f"L{n:05}" for n in range(5)}, 30),
            (Dataset.DISPOSITIONS, {"D00001"}, 30),
        ]
        assert batches[-1].ids is not None


def test_a_feed_without_id_lists_is_no_failure(window: Any) -> None:
    with pulled(Feed(letters=[letter(1)], with_ids=False), window(full=True)) as (batches, _):
        assert all(b.ids is None for b in batches)


def test_an_item_that_is_no_object_is_a_problem_and_the_rest_flows(window: Any) -> None:
    with pulled(Feed(letters=["L1", letter(2), None]), window()) as (batches, _):
        batch = next(b for b in batches if b.dataset is Dataset.LETTERS)
    assert batch.frame["source_id"].tolist() == ["L00002"]
    assert [p["reason"] for p in batch.problems] == ["not_an_object", "not_an_object"]
    assert batch.problems[0]["source_id"] != batch.problems[1]["source_id"]


def test_a_cursor_that_comes_twice_is_reported_once_and_the_good_pages_are_kept(window: Any) -> None:
    numbers = iter(range(10, 1000))
    stuck = paging(lambda _: {"items": [letter(next(numbers))], "next": "same"})
    batches, error = taken(stuck, window())
    assert error.code == "paging_loop"
    assert "same cursor twice" in error.detail
    assert len(batches) == 2


def test_a_page_that_repeats_is_reported_once(window: Any) -> None:
    cursors = iter(range(1000))
    batches, error = taken(paging(lambda _: {"items": [letter(1)], "next": str(next(cursors))}), window())
    assert error.code == "paging_loop"
    assert "repeats" in error.detail
    assert len(batches) == 1


def test_pages_that_run_backwards_are_reported(window: Any) -> None:
    pages = iter([[letter(600 + n) for n in range(9)], [letter(n) for n in range(9)]])
    cursors = iter(range(9))
    batches, error = taken(paging(lambda _: {"items": next(pages), "next": str(next(cursors))}), window())
    assert error.code == "cursor_backwards"
    assert len(batches) == 1


def test_one_broken_time_does_not_look_like_pages_running_backwards(window: Any) -> None:
    rows = [letter(n) for n in range(40)]
    rows[5]["updated_at"], rows[17]["updated_at"], rows[18]["updated_at"] = "2099-01-01T00:00:00Z", "kapan-kapan", 5
    with pulled(Feed(letters=rows, page=9), window()) as (batches, _):
        assert sum(len(b.frame) for b in batches if b.dataset is Dataset.LETTERS) == 40


def test_paging_without_end_stops_at_the_limit_of_pages(window: Any) -> None:
    numbers = iter(range(10_000))
    endless = paging(lambda _: {"items": [letter(n := next(numbers))], "next": str(n)})
    batches, error = taken(endless, window(), max_pages=30)
    assert error.code == "too_many_pages"
    assert "30 pages" in error.detail
    assert len(batches) == 30


def test_paging_without_end_is_named_so_also_when_the_deadline_comes_first(window: Any) -> None:
    numbers = iter(range(100_000))
    endless = paging(lambda _: {"items": [letter(n := next(numbers))], "next": str(n)})
    _, error = taken(endless, window(2))
    assert error.code == "too_many_pages"


def test_empty_pages_without_end_are_no_data_for_ever(window: Any) -> None:
    numbers = iter(range(10_000))
    _, error = taken(paging(lambda _: {"items": [], "next": str(next(numbers))}), window())
    assert error.code == "too_many_pages"


@pytest.mark.parametrize(
    ("page", "detail"),
    [({"rows": []}, "no `items`"), ({"items": {}}, "`items`"), ([], "not an object")],
)
def test_a_page_of_another_shape_is_schema_drift(page: Any, detail: str, window: Any) -> None:
    _, error = taken(paging(lambda _: page), window())
    assert error.code == "schema_drift"
    assert detail in error.detail


def test_a_page_without_next_is_the_last(window: Any) -> None:
    with pulled(paging(lambda _: {"items": [letter(1)]}), window()) as (batches, _):
        assert len(batches) == 1


def test_another_version_of_the_feed_is_refused_in_words(window: Any) -> None:
    _, error = taken(Feed(version="coc/2"), window())
    assert error.code == "config"
    assert "coc/2" in error.detail


def test_a_wrong_base_url_is_told_from_a_refused_token(window: Any) -> None:
    with serving(Feed()) as server:
        for given, code in (
            ({"url": f"{server.url}/lain"}, "not_found"),
            ({"auth": {"bearer": "salah"}}, "credentials"),
        ):
            with pytest.raises(FetchError) as caught:
                list(connector(server, **given).pull(window()))
            assert caught.value.code == code


def test_a_clock_ahead_is_noted_once(window: Any) -> None:
    with pulled(Feed(now="2026-03-02T17:00:00+07:00", letters=[letter(1)]), window()) as (batches, _):
        assert [n for b in batches for n in b.notes] == [("clock_ahead", "+7 h")]


def test_a_failing_page_in_the_middle_leaves_the_pages_before_it(window: Any) -> None:
    feed = Feed(letters=[letter(n) for n in range(30)], page=10, datasets=("letters",))

    def answer(handler: Handler, request: Request) -> None:
        (hostile.truncated if request.query.get("cursor") == "20" else feed)(handler, request)

    batches, error = taken(answer, window())
    assert error.code == "broken"
    assert [len(b.frame) for b in batches] == [10, 10]


def test_check_reaches_every_dataset_and_never_raises() -> None:
    with serving(Feed(letters=[letter(1)])) as server:
        reached = connector(server).check()
        assert reached.ok
        assert "Lain 1" in reached.said
        refused = connector(server, auth={"bearer": "salah"}).check()
    assert (refused.ok, refused.code) == (False, "credentials")
    assert "auth" in refused.mend


def test_provides_is_narrowed_to_what_the_source_records() -> None:
    with serving(Feed()) as server:
        assert "letters.completed_at" in connector(server).provides()
        narrow = connector(server, provides=["completed_at"]).provides()
    assert {"letters.completed_at", "dispositions.completed_at", "letters.registered_at"} <= narrow
    assert not {"letters.due_at", "dispositions.channel", "dispositions.read_at"} & narrow


@pytest.mark.parametrize("following", [{"page": 2}, ["2"], True, "\ud800"])
def test_a_next_that_is_no_cursor_is_drift(following: Any, window: Any) -> None:
    page = {"items": [letter(1)], "next": following, "now": "2026-03-02T10:00:00+07:00"}
    _, error = taken(paging(lambda _: page), window())
    assert (error.code, error.detail) == ("schema_drift", "`next` of /letters is not a cursor")
