"""The parts of the page of one application or link: its head, its figures, the places that look at it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.ui.apps_rows import APP, WINDOWS, Entity, listed, number, state_mark
from coc.ui.apps_table import availability, bars, certificate, days_of, latency
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import TONES, icon


def entity_of(ctx: Context) -> Entity | None:
    """Whose page it is; where an application and a link have one id, the application."""
    return next((e for e in listed(ctx) if e.id == ctx.view.scope), None)


def head(ctx: Context, entity: Entity) -> list[Any]:
    kind = ctx.say(f"service.kind.{entity.kind}")
    owner = _owner(ctx, entity)
    return [
        html.Div(
            [
                html.H2(entity.name, className="coc-unit-name"),
                html.Div(f"{kind} · {owner}" if owner else kind, className="coc-quiet"),
            ]
        ),
        state_mark(ctx, entity),
    ]


def _owner(ctx: Context, entity: Entity) -> str:
    names = ctx.frame("correspondence", "names")
    known = {} if names is None else dict(zip(names["code"], names["name"], strict=True))
    unit = str(known.get(entity.unit, entity.unit))
    return " · ".join(part for part in (unit, entity.provider) if part)


def facts(ctx: Context, entity: Entity) -> list[Any]:
    """Ninety days, and the same figures as its row of the table has."""
    columns = [(w, availability(ctx, entity.known[w])) for w in WINDOWS]
    columns += [("latency", latency(ctx, entity)), ("certificate", certificate(ctx, entity))]
    strip = html.Div(bars(ctx, entity, days_of(ctx).get((entity.kind, entity.id), [])), className="coc-service-strip")
    cells = [
        html.Div([html.Div(_label(ctx, name), className="coc-quiet"), *parts], className="coc-service-fact")
        for name, parts in columns
        if parts
    ]
    return [strip, html.Div(cells, className="coc-service-numbers")]


def _label(ctx: Context, name: str) -> str:
    words = ctx.say(f"apps.column.{name}")
    return f"{words}, {ctx.say('apps.measured')}" if name in WINDOWS else words


def places(ctx: Context, entity: Entity) -> list[Any]:
    """How each place sees it now and over the last 24 hours."""
    frame = ctx.frame("applications", "vantages")
    mine = [] if frame is None or entity.kind != APP else frame[frame["service"] == entity.id].to_dict("records")
    if not mine:
        words = ctx.say("service.places.link" if entity.kind != APP else "apps.vantages.room_only")
        return [html.Li(words, className="coc-quiet")]
    return [_place(ctx, row) for row in mine]


def _place(ctx: Context, row: dict[Any, Any]) -> Any:
    state, up = str(row["state"]), number(row["up_share"])
    measured = ctx.say("apps.coverage", share=ctx.writer.percent(number(row["coverage"]), 0))
    return html.Li(
        [
            icon(state),
            html.Span(str(row["place"]) or ctx.say("apps.room"), className="coc-app-name"),
            html.Span(ctx.say(f"state.{state}"), className="coc-state-word"),
            html.B(ctx.writer.percent(up, 2)),
            html.Span(measured, className="coc-quiet"),
        ],
        className="coc-place",
        **{"data-tone": TONES[state], "data-vantage": str(row["vantage"]), "data-state": state},
    )


def with_places(ctx: Context, entity: Entity, frame: pd.DataFrame) -> pd.DataFrame | None:
    """The rows with the names of their places, the COC's own room first, then by name."""
    vantages = ctx.frame("applications", "vantages")
    mine = {} if vantages is None else dict(zip(vantages["vantage"], vantages["place"], strict=True))
    room = ctx.say("apps.room") if entity.kind == APP else entity.name
    named = frame.assign(
        place=[mine.get(v, v) or room if v else room for v in frame["vantage"]], elsewhere=frame["vantage"] != ""
    )
    found = named.sort_values(["elsewhere", "place", "at"]).drop(columns="elsewhere").reset_index(drop=True)
    return None if found.empty else found


def unknown(ctx: Context, asked: str) -> Any:
    """There is no such application."""
    words = ctx.say("service.unknown", name=asked[:40])
    return html.Div(
        [html.H2(words), html.P(html.A(ctx.say("service.back"), href="/aplikasi"))],
        className="coc-message",
    )
