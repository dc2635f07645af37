"""`coc db backup` and `coc db restore`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coc.cli.frame import (
    USAGE,
    ConfigOption,
    JsonOption,
    RealmOption,
    Refusal,
    answer,
    config_path,
    console,
    guarded,
    log_to_stderr,
    open_config,
    say,
    table,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    from coc.settings.models import Realm, Settings
    from coc.store.backup import Manifest, Part, Progress
    from coc.store.restore import Restored

_FOLDER = Path("var/backups")


@guarded
def backup(
    context: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(metavar="FILE|FOLDER", help="A new file or a folder; var/backups if none."),
    ] = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """A consistent copy of the realm's store and the control store in one file, while pulls and pages go on."""
    from coc.cli import realm as realms
    from coc.store.backup import back_up
    from coc.store.engine import Database

    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    url, control_url = realms.store_url(settings, chosen), settings.store.control_url
    _require_there(url, chosen)
    if target is None:
        _FOLDER.mkdir(parents=True, exist_ok=True)
    databases = {"store": Database(url)}
    control = realms.sqlite_file(control_url)
    if control is None or control.exists():
        databases["control"] = Database(control_url)
    try:
        with _progress() as progress:
            file, manifest = back_up(databases, chosen, target or _FOLDER, progress)  # type: ignore[arg-type]
    finally:
        for database in databases.values():
            database.close()
    leave(settings, "db.backup", file.name, realm=chosen)
    items = [_backed_up(file, manifest, which, part) for which, part in manifest.parts.items()]
    if as_json:
        answer(items)
        return
    columns = ("what", "schema", "commit", "epoch", "tables", "rows")
    rows = [(i["what"], i["schema"], i["commit"], i["epoch"], len(i["rows"]), sum(i["rows"].values())) for i in items]
    console().print(f"{file}: the {chosen} realm, {file.stat().st_size} bytes", markup=False, soft_wrap=True)
    table("in it", columns, rows)


def _require_there(url: str, realm: Realm) -> None:
    from coc.cli.realm import sqlite_file

    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise Refusal(f"the {realm} realm has no store yet ({file}): there is nothing to back up")


def _backed_up(file: Path, manifest: Manifest, which: str, part: Part) -> dict[str, Any]:
    return {
        "file": str(file),
        "what": which,
        "realm": manifest.realm,
        "made": manifest.made,
        "product": manifest.product,
        "schema": part.schema,
        "commit": part.commit,
        "epoch": part.epoch,
        "sha256": part.sha256,
        "rows": {name: state.rows for name, state in part.tables.items()},
    }


@guarded
def restore(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A file that `coc db backup` made.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", metavar=" ", help="Take the place of a store that holds data; it is kept.")
    ] = False,
    control: Annotated[
        bool,
        typer.Option("--control", metavar=" ", help="The control store too, though one exists: tokens as they were."),
    ] = False,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="KEPT", help="Put back what an earlier restore kept.")
    ] = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store, every table checked. Stop `coc serve` and `coc worker` first."""
    log_to_stderr()
    settings = open_config(config_path(context, config), realm).settings
    if (file is None) == (undo is None):
        raise Refusal("name one backup FILE, or --undo KEPT", USAGE)
    done = (
        [_undone(settings, realm, undo)]
        if undo is not None
        else _restored(settings, realm, file or Path(), replace=replace, control=control)
    )
    if as_json:
        answer([_item(d) for d in done])
        return
    if undo is not None:
        say(f"{undo} is the {done[0].which} again")
    else:
        _show(done)
    for d in done:
        if d.kept is not None:
            say(f"{d.which}: the one before is kept as {d.kept}; `coc db restore --undo {d.kept}` puts it back")


def _show(done: list[Restored]) -> None:
    columns = ("what", "database", "schema", "commit", "epoch", "rows")
    table("restored", columns, [(d.which, d.address, d.schema, d.commit, d.epoch, sum(d.rows.values())) for d in done])


def _restored(settings: Settings, realm: Realm | None, file: Path, *, replace: bool, control: bool) -> list[Restored]:
    from coc.cli.realm import store_url
    from coc.store.backup import read_manifest
    from coc.store.restore import require_fitting, restore

    manifest = read_manifest(file)
    chosen = _realm_of(settings, realm, manifest.realm)
    require_fitting(file, manifest, chosen)
    done: list[Restored] = []
    with _progress() as progress:
        part = manifest.parts["store"]
        done.append(restore(file, part, "store", store_url(settings, chosen), replace=replace, on_progress=progress))
        if "control" in manifest.parts and (control or not _holds_control(settings)):
            url = settings.store.control_url
            done.append(restore(file, manifest.parts["control"], "control", url, replace=control, on_progress=progress))
    for one in done:
        leave(settings, "db.restore", f"{one.which}: {file.name}", realm=chosen if one.which == "store" else "")
    if "control" in manifest.parts and len(done) == 1:
        say("control: tokens and audit log stay as they are; --control restores them too, revoked tokens included")
    return done


def _holds_control(settings: Settings) -> bool:
    from coc.store.engine import Database
    from coc.store.restore import holds_rows

    database = Database(settings.store.control_url)
    try:
        return holds_rows(database, "control")
    finally:
        database.close()


def _realm_of(settings: Settings, asked: Realm | None, of_backup: str) -> Realm:
    """As every command decides; where that takes a store that cannot be read any more, the backup's own."""
    from coc.cli.realm import decide
    from coc.store.trouble import cause_of

    try:
        return decide(settings, asked)
    except Exception as error:
        if cause_of(error) is None:
            raise
        return "demo" if of_backup == "demo" else "live"


def _undone(settings: Settings, realm: Realm | None, kept: str) -> Restored:
    """What is kept says by its name which store it was."""
    from coc.cli.realm import sqlite_file, store_url
    from coc.store.restore import is_kept_of, undo

    control = sqlite_file(settings.store.control_url)
    of_control = is_kept_of(control, Path(kept)) if control else kept.startswith("coc_control_before_")
    chosen = None if of_control else _realm_of(settings, realm, "live")
    if chosen is None:
        done = undo(settings.store.control_url, kept, "control")
    else:
        done = undo(store_url(settings, chosen), kept)
    leave(settings, "db.restore", f"{done.which}: undone, {Path(kept).name}", realm=chosen or "")
    return done


def _item(done: Restored) -> dict[str, Any]:
    names = ("which", "address", "kept", "schema", "commit", "epoch", "rows")
    return {"what" if n == "which" else n: getattr(done, n) for n in names}


@contextmanager
def _progress() -> Iterator[Progress]:
    """What is being done and how many rows are through, on stderr, where a person looks."""
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda _step, _n: None
        return
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:.0f} rows"))
    with Bars(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        task = bars.add_task("reading", total=None)
        through: dict[str, int] = {}

        def on(step: str, n: int) -> None:
            through[step] = through.get(step, 0) + n
            bars.update(task, description=step, completed=through[step])

        yield on
