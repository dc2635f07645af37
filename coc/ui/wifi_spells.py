"""The times that one access point was down, from its changes of state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import icon
from coc.ui.wifi_list import FAULT, cause_words

MOST = 12


def spells(turns: pd.DataFrame, now: datetime, silent_since: datetime | None) -> pd.DataFrame:
    """When it was down, the latest first: start, end (NaT: it goes on), seconds. `turns`: at, state, in order of time.

    `silent_since`: since when nothing is known of it, where that is so now; a spell that had not ended by then ends
    there.
    """
    ends = turns["at"].shift(-1)
    last = pd.Timestamp(silent_since or now)
    frame = pd.DataFrame({"start": turns["at"], "end": ends})[(turns["state"] == "down").to_numpy()]
    until = frame["end"].fillna(last)
    frame["seconds"] = (until - frame["start"]).dt.total_seconds()
    if silent_since is not None:
        frame["end"] = until
    return frame[frame["seconds"] > 0].sort_values("start", ascending=False).reset_index(drop=True)


def with_causes(rows: pd.DataFrame, causes: pd.DataFrame) -> pd.DataFrame:
    """Each spell with its cause: that of the event (start, end NaT: goes on, cause) it lies in, else a fault."""

    def cause(start: pd.Timestamp, end: pd.Timestamp) -> str:
        mine = causes["end"].isna() | (causes["end"] > start)
        if not pd.isna(end):
            mine &= causes["start"] < end
        found = causes.loc[mine, "cause"]
        return str(found.iloc[0]) if len(found) else FAULT

    return rows.assign(cause=[cause(s, e) for s, e in zip(rows["start"], rows["end"], strict=True)])


def table(ctx: Context, rows: pd.DataFrame) -> list[Any]:
    """Start, length and cause of the latest of them; a sentence where there was none."""
    if rows.empty:
        return [html.Tbody(html.Tr(html.Td(ctx.say("point.spells.none"))))]
    names = ("start", "length", "cause")
    heads = [html.Th(ctx.say(f"point.spells.{n}"), scope="col", className=f"coc-spell-{n}") for n in names]
    body = [_row(ctx, row) for row in rows.head(MOST).to_dict("records")]
    return [html.Thead(html.Tr(heads)), html.Tbody(body)]


def _row(ctx: Context, row: dict[Any, Any]) -> Any:
    start, on = moment_of(row["start"]), row["end"] is pd.NaT
    when = ctx.writer.moment(start, ctx.view.now) if start else ""
    length = ctx.writer.age(row["seconds"])
    said = ctx.say("point.spells.on", length=length) if on else length
    inside = html.Span(
        [icon("down"), said] if on else said, className="coc-cell-in", **{"data-tone": "bad" if on else ""}
    )
    return html.Tr(
        [html.Td(when), html.Td(inside, className="coc-spell-length"), html.Td(cause_words(ctx, row) or "–")]
    )
