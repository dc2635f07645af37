"""What the page of one access point says of it: its state since when, its figures, its neighbours, whom to call."""

from __future__ import annotations

import difflib
from typing import Any, Final

import pandas as pd

from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import age, icon, pill
from coc.ui.wifi_list import cause_words, flapping_mark, place
from coc.ui.wifi_rows import POINTS_PATH, point_path
from coc.ui.wifi_tables import kind
from coc.ui.wifi_tiles import known

NEIGHBOURS: Final = 10
_WINDOWS: Final = ("24h", "7d", "30d")
Row = dict[Any, Any]


def point_of(ctx: Context) -> Row | None:
    """The point's row on the board of WiFi; None where it is not there."""
    points = ctx.frame("network", "points")
    mine = None if points is None else points[points["ap"] == ctx.view.scope]
    return None if mine is None or mine.empty else mine.iloc[0].to_dict()


def head(ctx: Context, row: Row) -> list[Any]:
    """State, since when, why where that is known, and where it stands."""
    since = moment_of(row["since"])
    state = [pill(ctx, str(row["state"]))]
    if since:
        when = ctx.writer.moment(since, ctx.view.now)
        state += [html.Span([ctx.say("point.since", at=when), " (", age(ctx, since, ""), ")"])]
    cause = cause_words(ctx, row)
    state += [*flapping_mark(ctx, row), *([html.Span(cause, className="coc-quiet")] if cause else [])]
    where = [place(ctx, row), *([kind(ctx, str(row["site_kind"]))] if row["site_kind"] else [])]
    return [
        html.Div([html.H2(str(row["name"]), className="coc-unit-name"), html.Div(state, className="coc-point-state")]),
        html.Div(
            [html.Div(" · ".join(where)), html.Div(contact(ctx, row))],
            className="coc-point-where coc-quiet",
        ),
    ]


def contact(ctx: Context, row: Row) -> str:
    """The role that answers for the site: an office, never a person. "" where the viewer is told no owner."""
    names = ctx.frame("correspondence", "names")
    code = row["owner_unit"]
    if not isinstance(code, str) or not code:
        return ""
    mine = pd.DataFrame() if names is None else names[names["code"] == code]
    if mine.empty:
        return ctx.say("point.contact", role=code)
    name, of = str(mine["name"].iloc[0]), mine["kind"].iloc[0]
    message = f"point.role.{of}"
    bare = name.partition(" ")[2] if name.casefold().startswith(("kecamatan ", "kelurahan ")) else name
    role = ctx.say(message, name=name, bare=bare) if ctx.say.has(message) else name
    return ctx.say("point.contact", role=role)


def facts(ctx: Context, row: Row) -> list[Any]:
    """Availability of three windows with how much is known; who is on it, how fast it answers, how much it is used."""
    number = ctx.writer.number
    shown = [
        _fact(ctx.writer.percent(row[f"up_{w}"]), ctx.say(f"wifi.window.{w}"), known(ctx, row[f"coverage_{w}"]))
        for w in _WINDOWS
    ]
    people, capacity, bps, day = (_known(row[c]) for c in ("clients", "capacity", "bps", "clients_day"))
    holds = "" if capacity is None else ctx.say("point.capacity", n=number(capacity))
    shown.append(_fact(number(people), ctx.say("kpi.clients"), holds))
    each = bps / people / 1e6 if people and bps is not None else None
    shown.append(_fact(number(each, 2), ctx.say("wifi.rate"), ctx.say("wifi.mbps")))
    low = day is not None and day < ctx.view.settings.limits.low_use_clients_per_day
    words = ctx.say("point.low" if low else "point.day_of")
    shown.append(_fact(number(day, 1), ctx.say("point.day"), words))
    return shown


def _known(cell: Any) -> float | None:
    return None if pd.isna(cell) else float(cell)


def _fact(text: str, label: str, note: str) -> Any:
    words = [html.Span(label), html.Span(note, className="coc-known")]
    return html.Div(
        [html.Span(text, className="coc-value"), html.Span(words, className="coc-state-label")],
        className="coc-state",
    )


def neighbours(ctx: Context, row: Row) -> list[Any]:
    """The other points of the site, then those of the kecamatan, the worst first: whether it stands alone."""
    points = ctx.frame("network", "points")
    if points is None:
        return []
    others = points[points["ap"] != row["ap"]]
    here = others[(others["site"] == row["site"]) & (others["site"] != "")]
    near = others[(others["area"] == row["area"]) & (others["area"] != "") & ~others["ap"].isin(here["ap"])]
    found = [
        *_group(ctx, "point.here", here, NEIGHBOURS),
        *_group(ctx, "point.near", near, max(NEIGHBOURS - len(here), 4)),
    ]
    return found or [html.Div(ctx.say("point.alone"), className="coc-quiet")]


def _group(ctx: Context, title: str, rows: pd.DataFrame, most: int) -> list[Any]:
    if rows.empty:
        return []
    rank = {"down": 0, "degraded": 1, "no_data": 2, "up": 3}
    order = rows.assign(rank=rows["state"].map(rank)).sort_values(["rank", "name", "ap"])
    well = int((rows["state"] == "up").sum())
    told = ctx.say(title, up=ctx.writer.number(well), n=ctx.writer.number(len(rows)))
    items = [_neighbour(ctx, r) for r in order.head(most).to_dict("records")]
    more = [html.Li(ctx.say("wifi.more", n=ctx.writer.number(len(rows) - most)))] if len(rows) > most else []
    return [html.H3(told, className="coc-near-title"), html.Ul([*items, *more], className="coc-near")]


def _neighbour(ctx: Context, row: Row) -> Any:
    state = str(row["state"])
    name = html.A(str(row["name"]), href=point_path(str(row["ap"])))
    return html.Li([icon(state), name, html.Span(ctx.say(f"state.{state}"))], **{"data-tone": _TONES[state]})


_TONES: Final = {"up": "good", "degraded": "warn", "down": "bad", "no_data": "idle"}


def unknown(ctx: Context, asked: str) -> Any:
    """What the page says of an address that names no point."""
    points = ctx.frame("network", "points")
    names = [] if points is None else points["ap"].tolist()
    near = difflib.get_close_matches(asked, names, n=1, cutoff=0.3)
    more = [html.P([ctx.say("point.nearest"), " ", html.A(near[0], href=point_path(near[0]))])] if near else []
    return html.Section(
        [
            html.H2(ctx.say("point.unknown", ap=asked[:80]), className="coc-lesson-title"),
            *more,
            html.P(html.A(ctx.say("point.back"), href=POINTS_PATH)),
        ],
        className="coc-card coc-lesson",
    )
