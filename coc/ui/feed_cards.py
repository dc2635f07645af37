"""A card per data source: its state, how old, what the last pull brought, what is wrong and how to mend it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.failures import failure
from coc.ui.marks import TONES, age, feed_attributes, icon, pill

_COUNTS = ("rows_in", "stored", "unchanged", "quarantined")
_CODE = re.compile(r"`([^`]+)`")

FIRST_SOURCE = """connectors:
  sipadek:
    type: sipadek
    url: https://sipadek.example.go.id/coc/v1
    auth: {bearer: "${SIPADEK_TOKEN}"}"""
_CHECK = """export SIPADEK_TOKEN=...
coc check"""
_PULL = """coc pull --full
coc quarantine list
coc serve"""


def feed_card(ctx: Context, row: dict[str, Any]) -> Any:
    """One row of the feeds board as a card. What the lens may not see is absent from the row and not shown."""
    state = str(row["state"])
    say = ctx.say
    datasets = ", ".join(say(f"dataset.{d}") for d in row.get("datasets") or ())
    return html.Article(
        [
            html.Div(
                [
                    html.H2(str(row["name"]), className="coc-source-name"),
                    pill(ctx, state),
                ],
                className="coc-source-head",
            ),
            html.Div([html.Span(str(row["kind"]), className="coc-kind"), datasets], className="coc-source-what"),
            html.Dl(
                [
                    *_fact(say("sumber.last_good"), *_when(ctx, row, "last_good", aged=True)),
                    *_fact(say("sumber.as_of"), *_when(ctx, row, "as_of", aged=False)),
                    *_fact(say("sumber.next_run"), *_when(ctx, row, "next_run", aged=False)),
                ],
                className="coc-facts",
            ),
            *_counts(ctx, row),
            *_trouble(ctx, row),
        ],
        className="coc-card coc-source",
        **feed_attributes(row),
        **{"data-tone": TONES.get(state, "idle"), "data-tile": f"feed-{row['name']}"},
    )


def first_source(ctx: Context) -> Any:
    """What an empty realm shows: how to connect the first source."""
    say = ctx.say
    steps = (("sumber.empty.step1", FIRST_SOURCE), ("sumber.empty.step2", _CHECK), ("sumber.empty.step3", _PULL))
    return html.Div(
        [
            html.H2(say("sumber.empty.title"), className="coc-lesson-title"),
            html.Ol([html.Li([html.P(say(words)), html.Pre(code)]) for words, code in steps]),
        ],
        className="coc-card coc-lesson",
    )


def prose(text: str) -> list[Any]:
    """A sentence whose `marked` words are typed, not read."""
    return [html.Code(part) if i % 2 else part for i, part in enumerate(_CODE.split(text)) if part]


def _fact(name: str, *children: Any) -> list[Any]:
    return [html.Dt(name), html.Dd(list(children))]


def _when(ctx: Context, row: dict[str, Any], field: str, *, aged: bool) -> list[Any]:
    """A feed's time, which the client script moves with the heartbeat; `aged` adds how long ago."""
    at = moment_of(row.get(field))
    if at is None:
        return [
            html.Span(ctx.say("sumber.not_planned" if field == "next_run" else "sumber.none"), className="coc-quiet")
        ]
    shown = [html.Span(ctx.writer.moment(at, ctx.view.now), **{"data-feed-field": field})]
    if aged:
        shown.append(html.Span([age(ctx, at, field), " ", ctx.say("feed.age_suffix")], className="coc-quiet"))
    return shown


def _counts(ctx: Context, row: dict[str, Any]) -> list[Any]:
    """The rows of the last run; nothing where the lens hides them or no run was."""
    known = [name for name in _COUNTS if row.get(name) is not None]
    if not known:
        return []
    cells = [
        html.Div(
            [
                html.Div(ctx.writer.number(float(row[name])), className="coc-count", **{"data-feed-field": name}),
                html.Div(ctx.say(f"sumber.{name}"), className="coc-count-name"),
            ],
            className="coc-count-cell",
            **({"data-tone": "warn"} if name == "quarantined" and row[name] else {}),
        )
        for name in known
    ]
    started = moment_of(row.get("started"))
    title = html.Div(ctx.say("sumber.last_run"), className="coc-counts-title", title=_run_title(ctx, row, started))
    return [html.Div([title, *cells], className="coc-counts")]


def _run_title(ctx: Context, row: dict[str, Any], started: datetime | None) -> str:
    if started is None:
        return ctx.say("sumber.last_run")
    took = row.get("seconds")
    said = f"{ctx.say('sumber.last_run')}: {ctx.writer.moment(started, ctx.view.now)}"
    return said if took is None else f"{said}, {ctx.say('sumber.took', seconds=ctx.writer.number(float(took), 1))}"


def _trouble(ctx: Context, row: dict[str, Any]) -> list[Any]:
    """The last error in words with how to mend it, then notes and what waits in quarantine."""
    boxes: list[Any] = []
    if row.get("error_code"):
        why = failure(ctx.say, str(row["error_code"]))
        detail = row.get("error_detail")
        boxes.append(
            html.Div(
                [
                    html.P([icon("failing"), html.Span(prose(why.what))], className="coc-trouble-what"),
                    *([html.P(html.Code(str(detail)), className="coc-trouble-detail")] if detail else []),
                    html.P([html.B(ctx.say("sumber.how") + ". "), *prose(why.mend)]),
                ],
                className="coc-trouble",
                **{"data-tone": "bad", "data-error": str(row["error_code"])},
            )
        )
    elif row["state"] == "failing":
        boxes.append(html.Div(html.P(ctx.say("sumber.restricted")), className="coc-trouble", **{"data-tone": "idle"}))
    for code, detail in row.get("notes") or ():
        known = ctx.say.has(f"note.{code}")
        words = ctx.say(f"note.{code}", detail=detail) if known else ctx.say("note.other", code=code, detail=detail)
        boxes.append(html.Div(html.P(words), className="coc-trouble", **{"data-tone": "warn"}))
    waiting = int(row.get("quarantine_open") or 0)
    if waiting:
        words = (
            ctx.say("sumber.quarantine_one")
            if waiting == 1
            else ctx.say("sumber.quarantine_open", n=ctx.writer.number(waiting))
        )
        how = [ctx.say("sumber.quarantine_how"), " ", html.Code("coc quarantine list")]
        boxes.append(html.Div(html.P([words, " ", *how]), className="coc-trouble", **{"data-tone": "warn"}))
    return boxes
