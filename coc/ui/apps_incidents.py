"""The last 31 days' outages as lines: what, since when, how long, why; what goes on stands on top."""

from __future__ import annotations

from typing import Any, Final

from coc.ui.apps_rows import chosen, href_of, lasted, moment, reason_words
from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import icon

SHOWN: Final = 40
_QUIET: Final = ("maintenance", "power")


def lines(ctx: Context, service: str | None = None, kind: str | None = None) -> list[Any]:
    """Of the view, or of one entity; one line saying so where there was nothing."""
    found = records(ctx, service, kind)
    if not found:
        known = ctx.frame("applications", "listed") is not None
        said = ctx.say("apps.incidents.none" if known else "empty.network")
        return [html.Li([icon("up" if known else "empty"), said], className="coc-incident-none")]
    shown = [_line(ctx, row, named=service is None) for row in found[:SHOWN]]
    more = len(found) - len(shown)
    if more > 0:
        words = ctx.say("apps.incidents.more", n=ctx.writer.number(more))
        shown.append(html.Li(words, className="coc-quiet"))
    return shown


def records(ctx: Context, service: str | None = None, kind: str | None = None) -> list[dict[Any, Any]]:
    frame = chosen(ctx, "incidents")
    if frame is None:
        return []
    if service is not None:
        frame = frame[(frame["service"] == service) & (frame["kind"] == kind)]
    return frame.to_dict("records")


def note(ctx: Context, found: list[dict[Any, Any]]) -> str:
    """How many there were, and how many go on."""
    now = sum(moment_of(row["end"]) is None for row in found)
    n = ctx.writer.number
    return ctx.say("apps.incidents.note.on" if now else "apps.incidents.note", count=n(len(found)), on=n(now))


def _line(ctx: Context, row: dict[Any, Any], *, named: bool) -> Any:
    start, end = moment_of(row["start"]), moment_of(row["end"])
    seconds = ((end or ctx.view.now) - start).total_seconds() if start else 0.0
    quiet = row["cause"] in _QUIET
    tone = "idle" if end is not None else "warn" if quiet else "bad"
    shape = "disabled" if quiet else "down" if end is None else "target-met"
    length = lasted(ctx, seconds)
    how_long = ctx.say("apps.incident.on", length=length) if end is None else length
    name = html.A(str(row["name"]), href=href_of(row["service"]), className="coc-app-name")
    when = html.Span(moment(ctx, start), className="coc-incident-when")
    spells = int(row["spells"])
    often = [ctx.say("apps.incident.spells", n=ctx.writer.number(spells))] if spells > 1 else []
    why = " · ".join([reason_words(ctx, row), *often])
    return html.Li(
        [
            icon(shape),
            html.Div([*([name] if named else []), when], className="coc-incident-head"),
            html.B(how_long, className="coc-incident-length"),
            html.Div(why, className="coc-incident-why"),
        ],
        className="coc-incident",
        **{"data-tone": tone, "data-incident": str(row["service"]), "data-reason": str(row["reason"] or "")},
    )
