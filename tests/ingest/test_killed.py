"""Killed at any moment, a pull loses nothing and doubles nothing."""

from __future__ import annotations

from typing import Any

import pytest

from coc.domain.datasets import Dataset
from coc.ingest import load as loading
from tests.databases import NewDatabase
from tests.ingest.kit import City, batch, city, disposition, iso, letter, unit

pytestmark = pytest.mark.postgres_slow

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS
STEPS = ("upsert", "reject", "acquit", "save_position")


def _pages() -> list[Any]:
    letters = [batch(L, [letter(f"{p}-{i}", updated_at=iso(90 - p)) for i in range(20)]) for p in range(3)]
    bad = batch(L, [letter("bad", urgency="kilat")])
    of_both = [disposition(i, f"L-{i % 3}-{i}", updated_at=iso(30)) for i in range(20)]
    return [batch(U, [unit("DISDIK")]), *letters, bad, batch(D, of_both)]


def _all(src: City) -> dict[str, Any]:
    letters = src.letters().reset_index()
    dispositions = src.dispositions().reset_index()
    held = sorted((r.source_id, r.reason) for r in src.store.quarantined())
    return {"letters": letters, "dispositions": dispositions, "held": held, "positions": src.store.positions("src")}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("at", [2, 5])
def test_a_pull_that_was_killed_is_made_good_by_the_next(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    whole = city(new_database)
    whole.pull(*_pages())
    src = city(new_database)
    where = loading.bulk if step == "upsert" else loading
    real, calls = getattr(where, step), 0

    def killing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(where, step, killing)
        with pytest.raises(KeyboardInterrupt):
            src.pull(*_pages())
    before = src.store.commit_number()
    with src.store.read() as connection:
        revs = connection.exec_driver_sql("SELECT max(rev) FROM letters").scalar()
    assert (revs or 0) <= before  # no row of a commit that never was
    src.pull(*_pages())
    expected, found = _all(whole), _all(src)
    assert found["letters"].equals(expected["letters"])
    assert found["dispositions"].equals(expected["dispositions"])
    assert found["held"] == expected["held"]
    assert found["positions"] == expected["positions"]
