"""The programme of free WiFi: installed against the plan, active, used; by kind and kecamatan; schools that wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import burnup, programme
from coc.figures.template import Figure, blank
from coc.ui import shell, tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.marks import icon
from coc.ui.page import PageSpec, Props, View
from coc.ui.school_list import school_card, school_props
from coc.ui.wifi_tabs import PROGRAM, tabs

PAGE = PageSpec(
    name="program",
    path="/wifi/program",
    boards=("programme", "wifi", "feeds"),
    title="program.title",
    lenses=EVERY_LENS,
)

Filled = list[Any]

# chart -> (board, frame, figure, empty sentence); the order is the order on a phone
_DRAWN: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "program_burnup": ("programme", "burnup", burnup.burnup, "empty.program_dates"),
    "program_kinds": ("programme", "by_kind", programme.by_kind, "empty.program"),
    "program_areas": ("programme", "by_area", programme.by_area, "empty.program"),
    "program_use": ("programme", "use", programme.use, "empty.program_use"),
    "program_funding": ("programme", "funding", programme.funding, "empty.program"),
}
_SCHOOL_LIST = "program_schools"
# Whatever has rows to give as a file; the schools are a list, not a picture.
CHARTS: dict[str, tuple[Any, ...]] = {**_DRAWN, _SCHOOL_LIST: ("programme", "schools")}
_INSTALLED, _TARGET, _SCHOOLS = "wifi.installed", "wifi.target", "wifi.schools_served"


def _total(ctx: Context, name: str) -> int | None:
    frame = ctx.frame("programme", "totals")
    return None if frame is None else int(frame[name].iloc[0])


def _share(ctx: Context, part: int | None, whole: int | None) -> str:
    """A part in percent; the dash of a null where there is no whole."""
    return ctx.writer.percent(part / whole if part is not None and whole else None, 0)


def _words(ctx: Context, message: str, tone: str = "", mark: str = "", **counts: int) -> Any:
    said = ctx.say(message, **{name: ctx.writer.number(count) for name, count in counts.items()})
    shape = [icon(mark)] if mark else []
    return html.Span([*shape, said], **({"data-tone": tone} if tone else {}))


def _number(ctx: Context, count: int | None, unit: str = "") -> Filled:
    """A number of the page's own and of what it is; where there is none, that."""
    shown = ctx.writer.number(count)
    unit = unit or ctx.say("null.no_data")
    return [html.Span([shown, html.Span(unit, className="coc-unit")], className=tiles.size_of(shown))]


def _of_target(ctx: Context) -> Filled:
    there, whole = ctx.reading(_INSTALLED).value, ctx.reading(_TARGET).value
    main = tiles.big(ctx, _INSTALLED, "count")
    main += [] if whole is None else [tiles.small(ctx, _TARGET, "count", ctx.say("program.of"), words_first=True)]
    share = _share(ctx, None if there is None else int(there), None if whole is None else int(whole))
    foot: Filled = [] if there is None else [html.Span(ctx.say("program.share_of_target", share=share))]
    return tiles.tile(ctx, ctx.say("program.tile.installed"), main, foot, _INSTALLED, _TARGET)


def _plan(ctx: Context) -> Filled:
    """How far behind the plan of today."""
    late, gap = _total(ctx, "late"), _gap(ctx)
    if late is None or gap is None:
        return tiles.tile(ctx, ctx.say("program.tile.plan"), _number(ctx, None), [])
    main = _number(ctx, abs(gap), ctx.say("program.behind" if gap > 0 else "program.ahead" if gap else "program.equal"))
    foot = [_words(ctx, "program.late", "warn", "late", count=late) if late else _words(ctx, "program.none_late")]
    return tiles.tile(ctx, ctx.say("program.tile.plan"), main, foot)


def _gap(ctx: Context) -> int | None:
    """Sites that the plan of today has and the city has not."""
    frame = ctx.frame("programme", "burnup")
    if frame is None:
        return None
    now = frame[frame["today"].astype(bool)].iloc[0]
    return int(now["planned"]) - int(now["installed"])


def _active(ctx: Context) -> Filled:
    active, there = _total(ctx, "active"), _total(ctx, "installed")
    main = _number(ctx, active, _of_installed(ctx))
    foot = [html.Span(ctx.say("program.active_share", share=_share(ctx, active, there)))] if there else []
    return tiles.tile(ctx, ctx.say("program.tile.active"), main, foot)


def _used(ctx: Context) -> Filled:
    """Used beside installed: what nobody measured is not called unused."""
    used, there, unknown = (_total(ctx, name) for name in ("used", "installed", "unknown"))
    if there and unknown == there:
        main = _number(ctx, None, ctx.say("program.not_measured"))
        return tiles.tile(ctx, ctx.say("program.tile.used"), main, [])
    main = _number(ctx, used, _of_installed(ctx))
    low = _total(ctx, "low")
    foot: Filled = [_words(ctx, "program.low_count", "warn", "degraded", count=low)] if low else []
    foot += [_words(ctx, "program.unknown", count=unknown)] if unknown else []
    return tiles.tile(ctx, ctx.say("program.tile.used"), main, foot)


def _of_installed(ctx: Context) -> str:
    there = _total(ctx, "installed")
    return "" if there is None else ctx.say("program.of_installed", count=ctx.writer.number(there))


def _served(ctx: Context) -> Filled:
    whole, waiting = _total(ctx, "schools"), len(_waiting(ctx))
    main = tiles.big(ctx, _SCHOOLS, "count")
    main += [] if whole is None else [html.Span(_of(ctx, whole), className="coc-pair")]
    late = int((_waiting(ctx)["days"] > 0).sum()) if waiting else 0
    foot = [_words(ctx, "program.schools_late", "warn", "late", count=waiting, late=late)] if late else []
    if not late and whole:
        foot = [_words(ctx, "program.schools_wait", count=waiting)]
    return tiles.tile(ctx, ctx.say("program.tile.schools"), main, foot, _SCHOOLS)


def _of(ctx: Context, whole: int) -> str:
    return f"{ctx.say('program.of')} {ctx.writer.number(whole)}"


def _waiting(ctx: Context) -> pd.DataFrame:
    frame = ctx.frame("programme", "schools")
    return pd.DataFrame({"days": []}) if frame is None else frame


_TILES: dict[str, Callable[[Context], Filled]] = {
    "installed": _of_target,
    "plan": _plan,
    "active": _active,
    "used": _used,
    "schools": _served,
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    return [
        html.Div([tabs(ctx, PROGRAM), html.Div(id="program-mark")], className="coc-section-head coc-program-head"),
        *(html.Div(id=f"program-{name}", className="coc-tile", **{"data-tile": name}) for name in _TILES),
        html.Div(id="program-teach", className="coc-program-teach", hidden=True),
        chart_card(ctx.say, "program", "program_burnup"),
        school_card(ctx, "program", _SCHOOL_LIST),
        *(chart_card(ctx.say, "program", name) for name in _DRAWN if name != "program_burnup"),
        html.P(id="program-basis", className="coc-program-basis"),
    ]


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    for name, fill in _TILES.items():
        props[f"program-{name}"] = {"children": fill(ctx), "data-tone": ""}
    for name, (_, _, draw, empty) in _DRAWN.items():
        frame = frame_of(ctx, name)
        figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look)
        props |= chart_props(ctx.say, "program", name, figure, _empty(ctx, empty), _note(ctx, name))
    props |= school_props(ctx, "program", ctx.frame("programme", "schools"), _no_school(ctx))
    props["program-mark"] = {"children": shell.section_mark(ctx, frozenset({"sites", "access_points"}))}
    props["program-teach"] = _teach(ctx)
    props["program-basis"] = {"children": _basis(ctx)}
    return props


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The rows behind a chart; those of use with the limit that they are measured against."""
    board, frame_name, *_ = CHARTS[name]
    frame = ctx.frame(board, frame_name)
    if name == "program_use" and frame is not None:
        return frame.assign(limit=float(ctx.view.settings.limits.low_use_clients_per_day))
    return frame


def _empty(ctx: Context, otherwise: str) -> str:
    return "empty.program" if ctx.frame("programme", "totals") is None else otherwise


def _no_school(ctx: Context) -> str:
    return _empty(ctx, "empty.program_schools" if _total(ctx, "schools") else "empty.program_no_schools")


def _note(ctx: Context, name: str) -> str:
    """What a reader must know to judge the picture; the forecast is never without its basis."""
    if name == "program_burnup":
        return _outlook(ctx)
    if name == "program_use":
        limit = ctx.writer.number(ctx.view.settings.limits.low_use_clients_per_day)
        return ctx.say("program.note.use", limit=limit)
    return ""


def _outlook(ctx: Context) -> str:
    frame = ctx.frame("programme", "outlook")
    if frame is None or ctx.frame("programme", "burnup") is None:
        return ""
    row = frame.iloc[0]
    if row["why"]:
        return ctx.say(f"program.outlook.{row['why']}", count=ctx.writer.number(int(row["lately"])))
    month = _month(ctx, date.fromisoformat(row["done"])) if row["done"] else ""
    return ctx.say(
        "program.outlook.done" if month else "program.outlook.far",
        count=ctx.writer.number(int(row["lately"])),
        month=month,
    )


def _month(ctx: Context, day: date) -> str:
    """September 2028: a pace tells no day."""
    return ctx.writer.long_date(day).partition(" ")[2]


def _basis(ctx: Context) -> str:
    """What is not in the picture: sites without a date, and those whose use nobody knows."""
    undated, no_target = _total(ctx, "undated"), _total(ctx, "no_target")
    said = [ctx.say("program.basis")] if undated is not None else []
    if undated:
        said.append(ctx.say("program.basis.undated", count=ctx.writer.number(undated)))
    if no_target:
        said.append(ctx.say("program.basis.no_target", count=ctx.writer.number(no_target)))
    return " ".join(said)


def _teach(ctx: Context) -> dict[str, Any]:
    """Where there is no programme: which file to give, and how."""
    if ctx.frame("programme", "totals") is not None:
        return {"children": None, "hidden": True}
    steps = html.Ol([html.Li(ctx.say(f"program.teach.{i}")) for i in (1, 2, 3)])
    code = html.Pre("coc template sites > titik-wifi.csv", className="coc-program-code")
    return {"children": [html.H2(ctx.say("program.teach"), className="coc-card-title"), code, steps], "hidden": False}
