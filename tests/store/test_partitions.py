"""Samples by month on PostgreSQL: made when a month's first row comes, dropped whole when it is past."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import DTYPES, Dataset
from coc.settings.models import Retention
from coc.store import Store, bulk, partitions, retention
from coc.store.tables import stored_columns
from tests.databases import Postgres

AP = Dataset.AP_SAMPLES
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def store(postgres: Postgres) -> Iterator[Store]:
    opened = Store(postgres.create(migrated=True))
    yield opened
    opened.close()


def _put(store: Store, *at: datetime, ap: str = "ap-1", dry_run: bool = False) -> None:
    given: dict[str, Any] = {"ap": [ap] * len(at), "at": list(at), "up": [True] * len(at)}
    columns = stored_columns(AP)
    frame = pd.DataFrame(
        {c.name: pd.Series(given.get(c.name, [None] * len(at)), dtype=DTYPES[c.kind]) for c in columns}
    )
    with store.commit("src", dry_run=dry_run) as tx:
        bulk.upsert(tx, AP, frame, source="src")


def _names(store: Store) -> list[str]:
    with store.read() as connection:
        return [p.name.removeprefix("ap_samples_") for p in partitions.held(connection, AP.value)]


def test_a_month_begins_at_utc_midnight_and_ends_before_the_next(store: Store) -> None:
    first = datetime(2026, 2, 1, tzinfo=UTC)
    _put(store, first - timedelta(microseconds=1), first, datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC))
    assert _names(store) == ["2026_01", "2026_02"]
    with store.read() as connection:
        held = [connection.exec_driver_sql(f"SELECT count(*) FROM ap_samples_{n}").scalar() for n in _names(store)]
    assert held == [1, 2]
    _put(store, datetime(2026, 12, 31, tzinfo=UTC), datetime(1969, 12, 31, 23, tzinfo=UTC))
    assert _names(store) == ["1969_12", "2026_01", "2026_02", "2026_12"]


def test_a_dry_run_leaves_no_month_behind(store: Store) -> None:
    _put(store, NOW, dry_run=True)
    assert _names(store) == []


def test_a_month_is_made_while_others_read(store: Store) -> None:
    _put(store, NOW)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ap_samples").scalar() == 1
        _put(store, NOW + timedelta(days=60))
        assert connection.exec_driver_sql("SELECT count(*) FROM ap_samples").scalar() == 1  # its own snapshot
    assert len(store.samples(AP, NOW)) == 2


def test_writers_that_need_the_same_new_months_at_once_all_get_them(store: Store, postgres: Postgres) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    failed: list[BaseException] = []

    def write(n: int) -> None:
        other = Store(url)
        try:
            for month in range(1, 5):
                _put(other, datetime(2026, month, 5, tzinfo=UTC), ap=f"ap-{n}")
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            other.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(store.samples(AP, datetime(2026, 1, 1, tzinfo=UTC))) == 16
    assert _names(store) == [f"2026_0{m}" for m in range(1, 5)]


def test_prune_drops_whole_months_and_deletes_the_rest_of_the_month_at_the_border(store: Store) -> None:
    at = [NOW - timedelta(days=d) for d in (120, 90, 40, 36, 34, 1)]  # of Nov, Dec, Jan (x4: 21, 25, 27) and March
    _put(store, *at)
    assert _names(store) == ["2025_11", "2025_12", "2026_01", "2026_03"]
    assert store.prune(Retention(samples_days=35), NOW)["ap_samples"] == 4
    assert _names(store) == ["2026_01", "2026_03"]
    assert sorted(store.export(AP)["at"]) == [pd.Timestamp(t) for t in sorted(at[4:])]


def test_prune_does_not_wait_for_a_long_read_and_still_forgets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_DROP_MILLISECONDS", 50)
    _put(store, NOW - timedelta(days=90), NOW)
    with store.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM ap_samples")
        assert store.prune(Retention(), NOW)["ap_samples"] == 1
    assert _names(store) == ["2025_12", "2026_03"]
    store.prune(Retention(), NOW)
    assert _names(store) == ["2026_03"]


def test_status_tells_the_months(store: Store) -> None:
    _put(store, NOW, NOW - timedelta(days=40))
    told = store.status()
    months = told["partitions"]["ap_samples"]
    assert [(p["name"], p["rows"]) for p in months] == [("ap_samples_2026_01", 1), ("ap_samples_2026_03", 1)]
    assert all(p["bytes"] > 0 for p in months)
    assert told["partitions"]["link_samples"] == []
    assert told["rows"]["ap_samples"] == 2
