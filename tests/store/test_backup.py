"""Backup while a writer commits all the time, restore elsewhere: what is restored is one commit of the source."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock
from coc.store import Control, StoreError, open_store
from coc.store.backup import (
    MANIFEST,
    BackupError,
    Manifest,
    back_up,
    default_name,
    differences,
    read_manifest,
    table_states,
)
from coc.store.control.verify import verify
from coc.store.engine import Database
from coc.store.restore import require_fitting, restore, undo
from tests.databases import Postgres
from tests.ingest.kit import City, batch, disposition, letter, sample, unit

SUBJECT = "Rapat “penting” 📄"


def filled(url: str, letters: int = 40) -> City:
    """A store with rows in every kind of table: samples, quarantine, runs, a board."""
    city = City(open_store(url), ConnectorBlock(type="sipadek"))
    city.source.datasets = {Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.AP_SAMPLES}
    city.pull(
        batch(Dataset.UNITS, [unit("DISDIK")]),
        batch(
            Dataset.LETTERS, [letter(i, subject="Rapat “penting” 📄") for i in range(letters)] + [letter("x", kind="?")]
        ),
        batch(Dataset.DISPOSITIONS, [disposition(i, f"L-{i}") for i in range(letters)]),
        batch(Dataset.AP_SAMPLES, [sample("ap-1", m, latency_ms=m / 3) for m in range(1, 30)]),
    )
    return city


def states(url: str) -> dict[str, Any]:
    database = Database(url)
    with database.read() as connection:
        found = table_states(connection, "store")
    database.close()
    return {n: s for n, s in found.items() if n not in _LIFTED}


_LIFTED = ("meta", "boards")  # they take an epoch of their own


def backed_up(url: str, folder: Path, realm: str = "live") -> tuple[Path, Manifest]:
    database = Database(url)
    try:
        return back_up({"store": database}, realm, folder)
    finally:
        database.close()


def put_back(file: Path, url: str, **how: Any) -> Any:
    return restore(file, read_manifest(file).parts["store"], "store", url, **how)


@contextmanager
def committing(city: City) -> Iterator[Callable[[], int]]:
    """A thread that commits letters and their dispositions together, without a pause; gives the commits so far."""
    ended, done = threading.Event(), [0]

    def write() -> None:
        while not ended.is_set():
            done[0] += 1
            n = 1000 + done[0]
            city.pull(batch(Dataset.LETTERS, [letter(n)]), batch(Dataset.DISPOSITIONS, [disposition(n, f"L-{n}")]))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        ended.set()
        thread.join()


def test_a_backup_under_fire_is_one_commit_of_the_source_on_both_databases_and_across(
    new_database: Callable[[], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = new_database()
    city = filled(source)
    with committing(city) as commits:
        during = tries = 0
        while during < 1:
            before, tries = commits(), tries + 1
            file, manifest = backed_up(source, tmp_path / f"{tries}.coc-backup")
            during = commits() - before
    city.store.close()
    part = manifest.parts["store"]
    postgres: Postgres = request.getfixturevalue("postgres")
    for target in (f"sqlite:///{tmp_path}/elsewhere/coc.db", postgres.create(), postgres.create(migrated=True)):
        done = put_back(file, target)
        assert done.kept is None
        assert states(target) == {n: s for n, s in part.tables.items() if n not in _LIFTED}
        store = open_store(target)
        with store.read() as connection:
            tables = ("units", "letters", "dispositions", "ap_samples")
            revs = [connection.execute(sa.text(f"SELECT max(rev) FROM {t}")).scalar_one() for t in tables]
            assert max(revs) == part.commit
            orphans = "SELECT count(*) FROM dispositions WHERE letter_id NOT IN (SELECT source_id FROM letters)"
            assert connection.execute(sa.text(orphans)).scalar() == 0
        assert store.commit_number() == part.commit
        assert store.status()["rows"]["letters"] == part.tables["letters"].rows
        store.close()


def test_pulls_go_on_from_the_restored_watermark(database_url: str, new_database: Any, tmp_path: Path) -> None:
    city = filled(database_url)
    file, _ = backed_up(database_url, tmp_path)
    city.store.close()
    elsewhere = new_database()
    put_back(file, elsewhere)
    again = City(open_store(elsewhere), city.block)
    before = again.store.commit_number()
    again.source.datasets = city.source.datasets
    again.pull(batch(Dataset.LETTERS, [letter(1, subject=SUBJECT), letter(999)]))
    assert again.source.windows[-1].since[Dataset.LETTERS] > again.now.replace(year=2026, month=2)
    assert again.store.commit_number() == before + 1
    assert len(again.letters()) == 41
    assert again.store.feeds()[0].failures == 0
    again.store.close()


def test_the_old_store_is_kept_and_can_be_put_back(database_url: str, tmp_path: Path) -> None:
    city = filled(database_url)
    file, _ = backed_up(database_url, tmp_path)
    city.pull(batch(Dataset.LETTERS, [letter("later")]))
    city.store.close()
    later = states(database_url)
    with pytest.raises(BackupError, match="holds data already"):
        put_back(file, database_url)
    done = put_back(file, database_url, replace=True)
    assert done.kept is not None
    assert "before" in done.kept
    assert states(database_url)["letters"].rows == 40
    with pytest.raises(BackupError, match="of this name"):
        undo(database_url, "another")
    back = undo(database_url, done.kept)
    assert back.kept is not None
    assert states(database_url) == later
    assert back.epoch >= done.epoch


def test_an_epoch_never_goes_backwards(database_url: str, tmp_path: Path) -> None:
    from tests.boards.test_builder import NOW  # any instant

    store = open_store(database_url)
    from coc.store import BoardRow

    def board(digest: str) -> BoardRow:
        return BoardRow("feeds", "all", 0, digest, NOW, None, b"x")

    store.save_boards(1, [board("a")])
    file, manifest = backed_up(database_url, tmp_path)
    for digest in "bcd":
        seen = store.save_boards(2, [board(digest)])
    store.close()
    assert manifest.parts["store"].epoch == 1
    done = put_back(file, database_url, replace=True)
    store = open_store(database_url)
    assert store.epoch() == done.epoch > seen
    assert [r.epoch for r in store.load_boards()] == [done.epoch]
    assert store.save_boards(2, [board("e")]) == done.epoch + 1
    store.close()


def test_a_store_in_use_is_not_replaced(database_url: str, tmp_path: Path) -> None:
    city = filled(database_url)
    file, _ = backed_up(database_url, tmp_path)
    with pytest.raises(BackupError, match="is in use"):
        put_back(file, database_url, replace=True)
    city.pull(batch(Dataset.LETTERS, [letter("goes on")]))
    assert len(city.letters()) == 41
    city.store.close()


def test_a_damaged_store_is_replaced_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "coc.db"
    url = f"sqlite:///{path}"
    filled(url).store.close()
    file, _ = backed_up(url, tmp_path)
    path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])
    done = put_back(file, url, replace=True)
    assert Path(done.kept).read_bytes()[:16] == b"\0" * 16
    assert states(url)["letters"].rows == 40


@pytest.mark.parametrize("what", ["cut", "flipped", "empty", "text", "swapped"])
def test_a_damaged_archive_is_refused_and_changes_nothing(what: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/coc.db"
    filled(url).store.close()
    before = states(url)
    file, _ = backed_up(url, tmp_path)
    raw = bytearray(file.read_bytes())
    if what == "swapped":  # a whole archive with another database in it
        with zipfile.ZipFile(file) as archive:
            manifest = archive.read(MANIFEST)
        file.unlink()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(MANIFEST, manifest)
            archive.write(tmp_path / "coc.db", "store.db")
    else:
        raw[len(raw) // 2] ^= 0xFF
        file.write_bytes({"cut": raw[: len(raw) // 2], "flipped": raw, "empty": b"", "text": b"backup"}[what])
    with pytest.raises(BackupError, match=r"damaged|no whole backup"):
        put_back(file, url, replace=True)
    assert states(url) == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/coc.db"
    filled(url).store.close()
    file, manifest = backed_up(url, tmp_path)
    with pytest.raises(BackupError, match="of the live realm, not of the demo realm"):
        require_fitting(file, manifest, "demo")
    part = manifest.parts["store"]
    newer = Manifest(1, "9.0", "live", manifest.made, {"store": type(part)(**{**_fields(part), "schema": "9999"})})
    with pytest.raises(BackupError, match="a newer version of this program"):
        require_fitting(file, newer, "live")
    with pytest.raises(BackupError, match="never overwrites"):
        backed_up(url, file)
    with pytest.raises(StoreError, match="nothing to back up"):
        backed_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "none")


def _fields(part: Any) -> dict[str, Any]:
    return {n: getattr(part, n) for n in part.__slots__}


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    from coc.store import schema

    old, url = f"sqlite:///{tmp_path}/old.db", f"sqlite:///{tmp_path}/new.db"
    database = Database(old)
    schema.upgrade(database, to="0001")
    file, manifest = back_up({"store": database}, "live", tmp_path)
    database.close()
    assert manifest.parts["store"].schema == "0001"
    put_back(file, url)
    store = open_store(url)
    assert store.schema_state().up_to_date
    store.close()


def test_the_control_store_travels_along_as_hashes(new_database: Any, database_url: str, tmp_path: Path) -> None:
    control = Control(new_database())
    control.add_token("panel", "ab" * 32, "screen")
    control.audit("operator", "operator", "export", "letters")
    open_store(database_url).close()
    store = Database(database_url)
    file, manifest = back_up({"store": store, "control": control}, "live", tmp_path)
    store.close()
    control.close()
    assert {"api_tokens", "audit", "audit_anchors"} <= set(manifest.parts["control"].tables)
    elsewhere = new_database()
    restore(file, manifest.parts["control"], "control", elsewhere)
    control = Control(elsewhere)
    assert [t.name for t in control.tokens()] == ["panel"]
    assert [a.what for a in control.audit_rows()] == ["letters"]
    control.audit("operator", "operator", "export", "dispositions")  # its numbers go on, and its chain
    assert (verify(control).lines, verify(control).wrong) == (2, None)
    control.close()


def test_differences_are_named_by_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/coc.db"
    city = filled(url)
    one = states(url)
    with city.store.write() as connection:
        connection.execute(sa.text("UPDATE letters SET pages = 7 WHERE source_id = 'L-1'"))
        connection.execute(sa.text("DELETE FROM dispositions WHERE source_id = 'D-1'"))
    city.store.close()
    other = states(url)
    del other["runs"]
    assert differences(one, other) == [
        "dispositions: 39 rows instead of 40",
        "letters: 40 rows, but not the same",
        "runs: missing",
    ]


def test_a_backup_is_named_by_realm_and_utc_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/coc.db"
    filled(url).store.close()
    file, manifest = backed_up(url, tmp_path, "demo")
    from datetime import datetime

    assert file.name == default_name("demo", datetime.fromisoformat(manifest.made))
    assert file.stat().st_mode & 0o077 == 0
