"""`coc export`: figures, letters and dispositions as a file. It has the machine's rights: nothing is masked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coc.cli.frame import (
    USAGE,
    ConfigOption,
    JsonOption,
    RealmOption,
    Refusal,
    config_path,
    guarded,
    log_to_stderr,
    open_config,
    say,
)
from coc.cli.trail import leave

if TYPE_CHECKING:
    import pandas as pd

    from coc.settings.models import Realm, Settings
    from coc.store import Store

_ROWS = ("letters", "dispositions")
_ALL_FIGURES = "kpis"
_WINDOWS = ("7d", "30d", "90d")


@guarded
def export(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="KPI|kpis|letters|dispositions", help="A figure's id, kpis for all, or rows.")
    ],
    format: Annotated[Literal["csv", "xlsx", "json"], typer.Option("--format", help="The kind of file.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="F", help="The file; stdout if not given.")
    ] = None,
    realm: RealmOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write figures of the city and its units, or all letters or dispositions stored, as a file."""
    from coc.cli import realm as realms
    from coc.export import TooLongError, written

    log_to_stderr()
    kind = "json" if as_json else format
    if kind == "xlsx" and output is None:
        raise Refusal("a workbook is no text: name a file with --output", USAGE)
    _require_known(what)
    settings = open_config(config_path(context, config), realm).settings
    chosen = realms.decide(settings, realm)
    store = realms.open_store(settings, chosen)
    try:
        frame = _rows(store, what) if what in _ROWS else _figures(store, settings, chosen, what)
    finally:
        store.close()
    try:
        data = written(frame, kind, what)
    except TooLongError as error:
        raise Refusal(str(error)) from None
    # Before the file is there: what is written down may be too much, never too little.
    leave(settings, "export", f"{what} as {kind}: {len(frame)} rows", realm=chosen)
    if output is None:
        sys.stdout.write(data.decode() + ("\n" if kind == "json" else ""))
        sys.stdout.flush()
        return
    with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    say(f"{output}: {len(frame)} rows")


def _require_known(what: str) -> None:
    from coc.metrics import registered
    from coc.settings.errors import nearest

    known = (*_ROWS, _ALL_FIGURES, *registered())
    if what not in known:
        raise Refusal(f"there is nothing to export by the name `{what}`{nearest(what, known)}", USAGE)


def _rows(store: Store, what: str) -> pd.DataFrame:
    """Canonical columns with `source`; by source and id, so that two exports can be compared."""
    from coc.domain.datasets import COLUMNS, Dataset

    dataset = Dataset(what)
    frame = store.export(dataset)[["source", *(c.name for c in COLUMNS[dataset])]]
    return frame.sort_values(["source", "source_id"], ignore_index=True)


def _figures(store: Store, settings: Settings, realm: Realm, what: str) -> pd.DataFrame:
    """Of the city and of each unit, in each window, as of now."""
    from coc.access import Reader
    from coc.boards import computed
    from coc.cli import simulated
    from coc.export.figures import framed

    snapshot = computed(store, settings, realm, simulated.clock_at_hand(settings, realm))
    reader = Reader(settings, realm, lambda: snapshot)
    ids = None if what == _ALL_FIGURES else {what}
    scopes = [None, *sorted(reader.units())]
    found = [f for window in _WINDOWS for unit in scopes for f in reader.figures("admin", window, unit, ids)]
    return framed(found)
