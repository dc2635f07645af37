"""The table of applications and links: state, ninety days, availability with what it rests on, latency, certificate."""

from __future__ import annotations

import math
from typing import Any

from coc.figures.strips import strip
from coc.ui.apps_rows import (
    APP,
    LINK,
    UP,
    WINDOWS,
    Entity,
    Known,
    certificate_tone,
    chosen,
    days_left,
    entities,
    state_mark,
)
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import icon

_COLUMNS = ("name", "days", *WINDOWS, "latency", "certificate")
_ROWS, _LEAST_LINKS = 13, 3  # that a wall has room for
# What the second line of a cell is.
_UNDER = {
    **dict.fromkeys(WINDOWS, "apps.measured"),
    "latency": "apps.latency.head",
    "certificate": "apps.certificate.head",
}


def head(ctx: Context) -> list[Any]:
    wide = {"days": "coc-app-days", "name": "", "certificate": "coc-number coc-app-certificate"}
    cells = []
    for name in _COLUMNS:
        words = html.Span(ctx.say(_UNDER[name]), className="coc-app-under") if name in _UNDER else None
        cells.append(
            html.Th([ctx.say(f"apps.column.{name}"), words], scope="col", className=wide.get(name, "coc-number"))
        )
    return [html.Tr(cells)]


def rows(ctx: Context) -> list[Any]:
    """Applications, then links under their own heading; nothing where the board has nothing of the view's unit."""
    days = days_of(ctx)
    apps, links = entities(ctx, APP), entities(ctx, LINK)
    found: list[Any] = [_row(ctx, entity, days) for entity in apps]
    if links:
        n = ctx.writer.number
        words = ctx.say("apps.links", n=n(len(links)), well=n(sum(e.state == UP for e in links)))
        found.append(html.Tr(html.Th(words, colSpan=len(_COLUMNS), scope="colgroup", className="coc-app-group")))
    room = max(_LEAST_LINKS, _ROWS - len(apps))
    return found + [_row(ctx, entity, days, over=n >= room) for n, entity in enumerate(links)]


Days = dict[tuple[str, str], list[tuple[float, float]]]


def days_of(ctx: Context) -> Days:
    """Up share and coverage of each day, oldest first, by kind and id."""
    frame = chosen(ctx, "days")
    found: Days = {}
    if frame is not None:
        columns = (frame[c].tolist() for c in ("kind", "service", "up_share", "coverage"))
        for kind, service, up, coverage in zip(*columns, strict=True):
            found.setdefault((kind, service), []).append((up, coverage))
    return found


def _row(ctx: Context, entity: Entity, days: Days, *, over: bool = False) -> Any:
    """`over`: a wall has no room for it; the worst come first, and the heading counts all."""
    name = html.A(entity.name, href=entity.href, className="coc-app-name", title=entity.name)
    cells = [
        html.Th([name, state_mark(ctx, entity)], scope="row"),
        html.Td(bars(ctx, entity, days.get((entity.kind, entity.id), [])), className="coc-app-days"),
        *(_cell(ctx, w, availability(ctx, entity.known[w])) for w in WINDOWS),
        _cell(ctx, "latency", latency(ctx, entity)),
        _cell(ctx, "certificate", certificate(ctx, entity)),
    ]
    over_class = {"className": "coc-app-over"} if over else {}
    return html.Tr(
        cells, **over_class, **{"data-entity": entity.id, "data-kind": entity.kind, "data-state": entity.state}
    )


def _cell(ctx: Context, column: str, children: list[Any]) -> Any:
    """With its column's name, for where there is no room for a head."""
    words = ctx.say(f"apps.column.{column}")
    if column in WINDOWS:
        words += f"\n{ctx.say(_UNDER[column])}"
    named = {"data-label": words} if children else {}
    return html.Td(children, className=f"coc-number coc-app-{column}", **named)


def bars(ctx: Context, entity: Entity, days: list[tuple[float, float]]) -> Any:
    """The strip; its words are the days that were not well, for who does not see it."""
    known = [up for up, coverage in days if coverage > 0 and not math.isnan(up)]
    if not known:
        return html.Span(ctx.say("apps.days.none"), className="coc-quiet")
    say, n = ctx.say, ctx.writer.number
    said = say("apps.days.said", name=entity.name, bad=n(sum(up < 1 for up in known)), none=n(len(days) - len(known)))
    return html.Img(src=strip(days, ctx.colours), alt=said, title=said, className="coc-strip")


def availability(ctx: Context, known: Known) -> list[Any]:
    """The share with its coverage below: a share of little is worth little."""
    share = html.Span(ctx.writer.percent(known.up, 2), className="coc-app-share", **_tone(known))
    return [share, html.Span(ctx.writer.percent(known.coverage, 0), className="coc-quiet coc-app-under")]


def _tone(known: Known) -> dict[str, str]:
    return {"data-tone": "thin"} if known.up is None or known.coverage < 0.5 else {}


def latency(ctx: Context, entity: Entity) -> list[Any]:
    """The median, and what 95 % of the answers kept to."""
    if entity.p50 is None or entity.p95 is None:
        return [
            html.Span(ctx.writer.number(None)),
            html.Span(ctx.say("apps.latency.none"), className="coc-quiet coc-app-under"),
        ]
    slow = entity.p95 > ctx.view.settings.limits.ap.degraded.latency_ms
    p95 = ctx.say("apps.latency.p95", ms=ctx.writer.number(entity.p95))
    return [
        html.Span(ctx.say("apps.latency.p50", ms=ctx.writer.number(entity.p50))),
        html.Span([*([icon("degraded")] if slow else []), p95], className="coc-quiet coc-app-under"),
    ]


def certificate(ctx: Context, entity: Entity) -> list[Any]:
    """Whole days left and the day it ends; a link has none to speak of."""
    if entity.kind == LINK:
        return []
    until = entity.certificate
    if until is None:
        none = html.Span(ctx.say("apps.certificate.none"), className="coc-quiet coc-app-under")
        return [html.Span(ctx.writer.number(None)), none]
    tone, left = certificate_tone(ctx, until), days_left(ctx, until)
    words = (
        ctx.say("apps.certificate.ended")
        if tone == "bad"
        else ctx.say("apps.certificate.days", n=ctx.writer.number(left))
    )
    mark = [] if tone == "idle" else [icon("down" if tone == "bad" else "degraded")]
    day = ctx.writer.short_date(ctx.writer.local(until).date())
    return [
        html.Span(
            [*mark, words], className="coc-app-left", **{"data-tone": tone, "data-certificate": until.isoformat()}
        ),
        html.Span(day, className="coc-quiet coc-app-under"),
    ]
