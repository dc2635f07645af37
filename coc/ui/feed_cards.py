"""A card per data source: its state, how old, what the last pull brought, what is wrong and how to mend it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from coc.ui.context import Context, moment_of
from coc.ui.details import detail_words
from coc.ui.dom import html
from coc.ui.failures import PUT_OFF, STANDING, failure
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
            *_trouble(ctx, row),  # what a person must do comes before what the last pull counted
            html.Dl(
                [
                    *_fact(say("sumber.last_good"), *_when(ctx, row, "last_good", aged=True)),
                    *_fact(say("sumber.as_of"), *_when(ctx, row, "as_of", aged=False)),
                    *_fact(say("sumber.next_run"), *_when(ctx, row, "next_run", aged=False)),
                ],
                className="coc-facts",
            ),
            *_history(ctx, row),
            *_counts(ctx, row),
        ],
        className="coc-card coc-source",
        **feed_attributes(row),
        **{"data-tone": _tone(state, row.get("error_code")), "data-tile": f"feed-{row['name']}"},
    )


def _tone(state: str, code: Any) -> str:
    """A source that never gave anything is quiet, unless it says why; none is while it waits for a decision."""
    told = state == "never" and code and code not in PUT_OFF
    return "bad" if told or code in STANDING else TONES.get(state, "idle")


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


def _history(ctx: Context, row: dict[str, Any]) -> list[Any]:
    """How far back the past is read, while it fills in; nothing once it is whole."""
    if not row.get("history"):
        return []
    days, wanted = (int(n) for n in row["history"])
    words = ctx.say("sumber.history", days=ctx.writer.number(float(days)), wanted=ctx.writer.number(float(wanted)))
    filled = html.Div(className="coc-progress-filled", style={"width": f"{100 * days / wanted:.0f}%"})
    reading = {"aria-valuemin": "0", "aria-valuenow": str(days), "aria-valuemax": str(wanted)}
    bar = html.Div(filled, className="coc-progress", role="progressbar", **reading, **{"aria-label": words})
    return [html.Div([html.Div(words), bar], className="coc-history")]


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
    """The last error in words with how to mend it, then what stands still, notes, and what waits in quarantine."""
    boxes: list[Any] = []
    if row.get("error_code"):
        boxes.append(_error(ctx, row, str(row["error_code"])))
    elif row["state"] == "failing":
        boxes.append(_box(html.P(ctx.say("sumber.restricted")), tone="idle"))
    since = moment_of(row.get("frozen_since"))
    if since is not None:
        what = html.P([icon("frozen"), html.Span(ctx.say("sumber.frozen", at=_moment(ctx, since)))], className=_WHAT)
        boxes.append(_box(what, _how(ctx, ctx.say("sumber.frozen.mend"))))
    waiting = int(row.get("quarantine_open") or 0)
    for code, detail in row.get("notes") or ():
        if not (code == "unknown_value" and waiting):  # the reasons below say so, and of all runs
            boxes.append(_box(html.P(prose(_note(ctx, row, str(code), str(detail)))), code=str(code)))
    if waiting:
        boxes.append(_quarantine(ctx, row, waiting))
    return boxes


_WHAT = "coc-trouble-what"
_MOST_REASONS = 4
_MOST_ROWS = 8


def _box(*children: Any, tone: str = "warn", **marks: str) -> Any:
    attributes = {"data-tone": tone} | {f"data-{name}": value for name, value in marks.items()}
    return html.Div(list(children), className="coc-trouble", **attributes)


def _how(ctx: Context, mend: str) -> Any:
    return html.P([html.B(ctx.say("sumber.how") + ". "), *prose(mend)])


def _moment(ctx: Context, at: datetime) -> str:
    return ctx.writer.moment(at, ctx.view.now)


def _error(ctx: Context, row: dict[str, Any], code: str) -> Any:
    why = failure(ctx.say, code)
    tone = "warn" if code in PUT_OFF else "bad"
    since = moment_of(row.get("failing_since"))
    detail = detail_words(ctx, code, str(row.get("error_detail") or ""))
    return _box(
        html.P([icon("late" if code in PUT_OFF else "failing"), html.Span(prose(why.what))], className=_WHAT),
        *([html.P(ctx.say("sumber.since", at=_moment(ctx, since)), className="coc-quiet")] if since else []),
        *([html.P(html.Code(detail), className="coc-trouble-detail")] if detail.strip("… ") else []),
        _how(ctx, why.mend.replace("NAME", str(row["name"])).replace("NAMA", str(row["name"]))),
        tone=tone,
        error=code,
    )


def _note(ctx: Context, row: dict[str, Any], code: str, detail: str) -> str:
    said = detail_words(ctx, code, detail)
    known = ctx.say.has(f"note.{code}")
    return ctx.say(f"note.{code}" if known else "note.other", code=code, detail=said, source=str(row["name"]))


def _quarantine(ctx: Context, row: dict[str, Any], waiting: int) -> Any:
    """How many rows wait, and why: by reason and column, the most first; never a value."""
    say, number = ctx.say, ctx.writer.number
    reasons = [(str(reason), str(field), int(n)) for reason, field, n in row.get("quarantine_reasons") or ()]
    shown = reasons[:_MOST_REASONS] if len(reasons) > _MOST_REASONS + 1 else reasons
    lines = [
        html.Li(
            [html.B(number(n)), html.Span([*_reason(ctx, reason, field), *_places(ctx, row, reason, field)])],
            **{"data-reason": reason},
        )
        for reason, field, n in shown
    ]
    rest = sum(n for _, _, n in reasons[len(shown) :])
    if rest:
        lines.append(html.Li([html.B(number(rest)), html.Span(say("reason.others"))]))
    words = say("sumber.quarantine_one") if waiting == 1 else say("sumber.quarantine_open", n=number(waiting))
    how = html.Code(f"coc quarantine list --source {row['name']}")
    return _box(
        html.P([icon("late"), html.Span(words)], className=_WHAT),
        *([html.Ul(lines, className="coc-reasons")] if lines else []),
        html.P([say("sumber.quarantine_how"), " ", how]),
    )


def _places(ctx: Context, row: dict[str, Any], reason: str, field: str) -> list[Any]:
    """The file and the first of its rows that have this reason, as a spreadsheet numbers them."""
    mine = [(file, n) for r, f, file, n in row.get("quarantine_places") or () if (r, f) == (reason, field)]
    if not mine:
        return []
    rows = ", ".join(str(n) for _, n in mine[:_MOST_ROWS]) + (", …" if len(mine) > _MOST_ROWS else "")
    return [html.Br(), html.Small(ctx.say("sumber.rows_of", file=mine[0][0], rows=rows))]


def _reason(ctx: Context, reason: str, field: str) -> list[Any]:
    known = ctx.say.has(f"reason.{reason}")
    words = ctx.say(f"reason.{reason}") if known else ctx.say("reason.unknown", code=reason)
    return [words, *([" ", html.Code(field)] if field else [])]
