"""`coc db backup` and `coc db restore` as a person types them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.feed import NOW
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW}


def test_a_backup_is_made_and_put_back_and_the_restore_undone(city: Terminal) -> None:
    assert city.coc("pull", "--full", env=CLOCK).code == 0
    made = city.coc("db", "backup", "--json", env=CLOCK)
    assert made.code == 0, made.err
    store = made.items[0]
    file = str(store["file"])
    assert Path(file).parent == Path("var/backups")
    assert Path(file).name.startswith("coc-live-")
    assert (store["what"], store["realm"], store["rows"]["letters"]) == ("store", "live", 28)

    refused = city.coc("db", "restore", file, env=CLOCK)
    assert refused.code == 1
    assert "--replace" in refused.err
    done = city.coc("db", "restore", file, "--replace", "--json", env=CLOCK)
    assert done.code == 0, done.err
    kept = done.items[0]["kept"]
    assert done.items[0]["epoch"] > store["epoch"]
    assert city.coc("status", "--json", env=CLOCK).items[0]["epoch"] == done.items[0]["epoch"]
    assert city.coc("db", "status", "--json", env=CLOCK).items[0]["up_to_date"]
    again = city.coc("pull", "--json", env=CLOCK)
    assert (again.code, again.items[0]["stored"]) == (0, 0)

    undone = city.coc("db", "restore", "--undo", kept, env=CLOCK)
    assert undone.code == 0, undone.err
    assert f"{kept} is the store again" in undone.err
    assert "puts it back" in undone.err
    assert city.coc("db", "status", "--json", env=CLOCK).items[0]["rows"]["letters"] == 28


def test_what_cannot_be_done_is_a_sentence(city: Terminal) -> None:
    nothing = city.coc("db", "backup")
    assert (nothing.code, nothing.err.startswith("coc: the live realm has no store yet")) == (1, True)
    missing = city.coc("db", "restore", "nowhere.coc-backup")
    assert (missing.code, missing.err) == (1, "coc: nowhere.coc-backup: there is no such file\n")
    assert city.coc("db", "restore").code == 2
    assert city.coc("pull", "--full", env=CLOCK).code == 0
    assert city.coc("db", "backup", "b.coc-backup", env=CLOCK).code == 0
    assert city.coc("db", "backup", "b.coc-backup", env=CLOCK).code == 1
    wrong = city.coc("db", "restore", "b.coc-backup", "--realm", "demo", env=CLOCK)
    assert wrong.code == 1
    assert "of the live realm, not of the demo realm" in wrong.err
    (city.folder / "var" / "coc.db").write_bytes(b"broken" * 1000)
    for suffix in ("-wal", "-shm"):
        (city.folder / "var" / f"coc.db{suffix}").unlink(missing_ok=True)
    serve = city.coc("serve", "--port", "0", env=CLOCK)
    assert serve.code == 1
    assert "coc db restore FILE --replace" in serve.err
    back = city.coc("db", "restore", "b.coc-backup", "--replace", env=CLOCK)
    assert back.code == 0, back.err
    assert city.coc("db", "status", "--json", env=CLOCK).items[0]["rows"]["letters"] == 28
