"""Which realm a command serves, its store, and its clock."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coc.cli.frame import USAGE, Refusal

if TYPE_CHECKING:
    from coc.settings.models import Realm, Settings
    from coc.store import Store


def decide(settings: Settings, asked: Realm | None, names: Sequence[str] = ()) -> Realm:
    """The realm asked for; else that of the connectors named; else live, unless config names no live connector,
    enabled or not, and the live store never held a row: then demo alone (DESIGN, Realms).
    """
    of_names: set[Realm] = {settings.connectors[name].realm for name in names}
    if len(of_names) > 1:
        raise Refusal("the connectors named are of both realms; one process opens one realm: name them apart", USAGE)
    if asked and of_names and of_names != {asked}:
        raise Refusal(f"{', '.join(names)}: not of the {asked} realm", USAGE)
    if asked:
        return asked
    if of_names:
        return of_names.pop()
    if settings.of_realm("live") or ever_held_rows(settings.store.url):
        return "live"
    return "demo"


def known_unit_codes(settings: Settings) -> frozenset[str]:
    """The shipped list's codes and those that sources have supplied so far."""
    from coc.domain import reference
    from coc.ingest.context import known_units

    with untouched_store(settings, "live") as store:
        return frozenset(reference.units()["code"]) | frozenset(known_units(store, settings, "live")["code"])


def store_url(settings: Settings, realm: Realm) -> str:
    return settings.store.url if realm == "live" else settings.store.demo_url


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for a database in memory or on a server."""
    from sqlalchemy.engine import make_url

    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database or parts.database == ":memory:":
        return None
    return Path(parts.database)


def ever_held_rows(url: str) -> bool:
    """Whether anything was ever committed there. A file that does not exist is not made."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return False
    from coc.store import Store
    from coc.store.schema import require_known

    store = Store(url)
    try:
        return require_known(store).current is not None and store.commit_number() > 0
    finally:
        store.close()


def open_store(settings: Settings, realm: Realm) -> Store:
    """The realm's store, made and migrated where needed."""
    from coc.store import Store

    url = store_url(settings, realm)
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    store = Store(url)
    store.upgrade()
    return store


@contextlib.contextmanager
def untouched_store(settings: Settings, realm: Realm) -> Iterator[Store]:
    """The realm's store for a dry run, which makes and migrates nothing: an empty one elsewhere where there is none."""
    from coc.store import Store
    from coc.store.schema import require_known

    with contextlib.ExitStack() as stack:
        url = store_url(settings, realm)
        file = sqlite_file(url)
        if file is None or file.exists():
            store = Store(url)
            stack.callback(store.close)
            state = require_known(store)
            if state.up_to_date:
                yield store
                return
            if state.current is not None:
                raise Refusal(
                    f"{store.address}: its schema is not this program's; run `coc db upgrade` before a dry run"
                )
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="coc-dry-run-"))
        empty = Store(f"sqlite:///{folder}/empty.db")
        stack.callback(empty.close)
        empty.upgrade()
        yield empty
