"""The head of /aplikasi: one sentence that says how things stand, and the figures that it rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from coc.ui import apps_incidents, tiles
from coc.ui.apps_rows import APP, Entity, certificate_tone, days_left, entities, lasted, moment
from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import TONES, icon, value

Filled = tuple[list[Any], str]  # children, tone


def headline(ctx: Context) -> list[Any]:
    """What a person must know first: what is down and since when, else what is slow or silent; or that all is well."""
    found = entities(ctx)
    if not found:
        return [html.Span(ctx.say("apps.headline.none"), className="coc-quiet")]
    for state in ("down", "degraded", "no_data"):
        mine = [e for e in found if e.state == state]
        if mine:
            return _of(ctx, state, mine)
    words = ctx.say("apps.headline.up", n=ctx.writer.number(sum(e.kind == APP for e in found)))
    return [html.Span([icon("up"), words], className="coc-headline", **{"data-tone": "good"})]


def _of(ctx: Context, state: str, mine: list[Entity]) -> list[Any]:
    """The longest first: it is what one should ask about."""
    mine = sorted(mine, key=lambda e: (e.since is None, e.since.timestamp() if e.since else 0.0, e.name))
    names = ", ".join(e.name for e in mine[:2])
    if len(mine) > 2:
        names = ctx.say("apps.headline.more", names=names, n=ctx.writer.number(len(mine) - 2))
    words = ctx.say(f"apps.headline.{state}", names=names)
    since = mine[0].since
    if since is not None:
        length = lasted(ctx, (ctx.view.now - since).total_seconds())
        words += f" {ctx.say('apps.headline.since', at=moment(ctx, since), length=length)}"
    return [html.Span([icon(state), words], className="coc-headline", **{"data-tone": TONES[state]})]


def _states(ctx: Context) -> Filled:
    """Four disjoint states of applications, each with its shape, number and word; links in words below."""
    found = [e for e in entities(ctx) if e.kind == APP]
    known = ctx.reading("apps.up").value is not None
    cells = []
    for state in ("up", "degraded", "down", "no_data"):
        count = sum(e.state == state for e in found)
        text = ctx.writer.number(count if known else None)
        kpi = f"apps.{state}"
        other = html.Span(text, className="coc-value", **({} if known else {"data-value": ""}))
        shown = value(ctx.reading(kpi), text) if state in ("up", "down") else other
        word = html.Span([icon(state), ctx.say(f"state.{state}")], className="coc-state-label")
        cells.append(html.Div([shown, word], className="coc-state", **{"data-tone": TONES[state] if count else "idle"}))
    return [
        tiles.labelled(ctx, ctx.say("apps.tile.states"), "apps.up", "apps.down"),
        html.Div(cells, className="coc-states"),
    ], ""


def _availability(ctx: Context) -> Filled:
    found = [e.known["24h"].coverage for e in entities(ctx) if e.kind == APP]
    share = ctx.writer.percent(sum(found) / len(found), 0) if found else ctx.writer.number(None)
    measured = html.Span(ctx.say("apps.coverage", share=share), className="coc-unit")
    main = [html.Div([*tiles.big(ctx, "apps.availability_24h", "rate"), measured])]
    foot = tiles.target_state(ctx, "apps.availability_24h")
    return tiles.tile(ctx, ctx.say("apps.tile.availability"), main, foot, "apps.availability_24h"), ""


def _latency(ctx: Context) -> Filled:
    kpi, found = "apps.latency_ms_p95", [e for e in entities(ctx) if e.kind == APP and e.p95 is not None]
    slowest = max(found, key=lambda e: e.p95 or 0, default=None)
    foot = [] if slowest is None else [html.Span(slowest.name, className="coc-app-slowest")]
    main = tiles.big(ctx, kpi, "ms", ctx.say("measure.ms"))
    return tiles.tile(ctx, ctx.say("apps.tile.latency"), main, foot, kpi), ""


def _certificates(ctx: Context) -> Filled:
    """The certificate that ends next."""
    label = html.Div([html.Span(ctx.say("apps.tile.certificate"))], className="coc-tile-label")
    found = sorted((e.certificate, e.name) for e in entities(ctx) if e.certificate is not None)
    if not found:
        main = html.Div(
            [
                html.Span(ctx.writer.number(None), className="coc-value"),
                html.Span(ctx.say("apps.certificate.none"), className="coc-unit"),
            ]
        )
        return [label, html.Div([main], className="coc-tile-main"), html.Div(className="coc-tile-foot")], ""
    until, name = found[0]
    tone, left = certificate_tone(ctx, until), days_left(ctx, until)
    days = [ctx.writer.number(left), html.Span(ctx.say("apps.unit.days"), className="coc-unit")]
    ended = html.Span(ctx.say("apps.certificate.ended"), className="coc-value coc-value-long")
    number = ended if tone == "bad" else html.Span(days, className="coc-value")
    mark = [] if tone == "idle" else [icon("down" if tone == "bad" else "degraded")]
    more = sum(certificate_tone(ctx, end) != "idle" for end, _ in found[1:])
    words = ctx.say("apps.tile.certificate.more", name=name, n=ctx.writer.number(more)) if more else name
    foot = html.Span([*mark, words], **{"data-tone": tone})
    return [
        label,
        html.Div([number], className="coc-tile-main"),
        html.Div([foot], className="coc-tile-foot"),
    ], "act" if tone == "bad" else ""


def _incidents(ctx: Context) -> Filled:
    """Outages of 31 days that nobody planned, and how long they were together."""
    label = html.Div([html.Span(ctx.say("apps.tile.incidents"))], className="coc-tile-label")
    known = bool(entities(ctx))
    found = [r for r in apps_incidents.records(ctx) if r["cause"] != "maintenance"]
    seconds = sum(((moment_of(r["end"]) or ctx.view.now) - r["start"]).total_seconds() for r in found)
    number = html.Span(ctx.writer.number(len(found) if known else None), className="coc-value")
    words = ctx.say("apps.tile.incidents.total", length=lasted(ctx, seconds)) if found else ""
    return [
        label,
        html.Div([number], className="coc-tile-main"),
        html.Div([html.Span(words)], className="coc-tile-foot"),
    ], ""


TILES: Final[dict[str, Callable[[Context], Filled]]] = {
    "states": _states,
    "availability": _availability,
    "latency": _latency,
    "certificate": _certificates,
    "incidents-count": _incidents,
}
