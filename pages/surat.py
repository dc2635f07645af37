"""Letters: their flow and its bottleneck, what they are, paper, what waits for a disposition; of the city or a unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import letter_shares, letters
from coc.figures.template import Figure, blank
from coc.ui import coincidence, letter_frames, shell, tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.filters import filters
from coc.ui.links import items
from coc.ui.page import PageSpec, Props, View
from coc.ui.row_links import row_links

PAGE = PageSpec(
    name="surat",
    path="/surat",
    boards=("correspondence", "letters", "coincidence", "feeds"),
    title="surat.title",
    lenses=EVERY_LENS,
    filters=frozenset({"unit", "window"}),
)

Filled = list[Any]
_DAYS_OF_LINE = 20  # two weeks of working days and some
_NAME_LIMIT = 26

# chart -> (board, frame, figure, empty sentence); the order is the order on a phone
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "letter_flow": ("letters", "flow", letters.flow, "empty.letters"),
    "letter_cumulative": ("letters", "stages", letters.cumulative, "empty.letters_in"),
    "letter_waiting": ("letters", "waiting", letter_shares.waiting, "empty.letters_waiting"),
    "letter_paperless": ("letters", "paperless", letter_shares.paperless, "empty.letters_rated"),
    "letter_compare": ("letters", "compared", letter_shares.compared, "empty.letters_before"),
    "letter_types": ("letters", "mix", letter_shares.types, "empty.letters"),
    "letter_mix": ("letters", "mix", letter_shares.mix, "empty.letters"),
    "letter_calendar": ("letters", "flow", letters.calendar, "empty.letters"),
}
_PUBLIC = ("letter_flow",)  # charts of boards that the public lens may read
_LINKED = ("letter_types", "letter_mix", "letter_paperless", "letter_waiting")  # rows that lead to their letters
# What a chart's figure is made of, as a KPI says whether sources record it.
_RECORDED = {
    "letter_cumulative": "correspondence.completed_today",
    "letter_waiting": "correspondence.undispositioned",
}


def _counted(kpi: str, label: str, column: str) -> Callable[[Context], Filled]:
    """A count of today beside the last working day's, over the latest working days."""

    def fill(ctx: Context) -> Filled:
        past = _working(ctx, column)
        last = past["value"].iloc[-1] if len(past) else None
        foot = [] if last is None else [html.Span(ctx.say("foot.last_day", value=ctx.writer.number(float(last))))]
        return tiles.tile(ctx, ctx.say(label), tiles.big(ctx, kpi, "count") + tiles.line(ctx, past, None), foot, kpi)

    return fill


def _working(ctx: Context, column: str) -> pd.DataFrame:
    """A count of the latest working days that are over: day, value."""
    found = letter_frames.by_day(ctx, _DAYS_OF_LINE)
    if found is None or column not in found:
        return pd.DataFrame({"day": [], "value": []})
    over = found[found["working"].astype(bool) & ~found["partial"].astype(bool)]
    return pd.DataFrame({"day": over["day"], "value": over[column].astype("float64")}).reset_index(drop=True)


def _per_day(ctx: Context) -> Filled:
    kpi = "correspondence.registered_per_working_day"
    main = tiles.big(ctx, kpi, "hours", ctx.say("unit.letters"))
    return tiles.tile(ctx, ctx.say("kpi.registered_per_day"), main, [html.Span(_period(ctx))], kpi)


def _undispositioned(ctx: Context) -> Filled:
    kpi, hours = "correspondence.undispositioned", ctx.view.settings.limits.first_disposition_working_hours
    past = pd.DataFrame({"day": [], "value": []}) if ctx.view.scope else ctx.trend(kpi)
    main = tiles.big(ctx, kpi, "count") + tiles.line(ctx, past, ctx.reading(kpi).value)
    shown = ctx.writer.number(hours, 0 if float(hours).is_integer() else 1)
    foot = [html.Span(ctx.say("foot.older_than", hours=shown))]
    return tiles.tile(ctx, ctx.say("kpi.undispositioned"), main, foot, kpi)


def _paperless(ctx: Context) -> Filled:
    """The rate over what need not be on paper, beside it the one over all."""
    kpi, of_all = "correspondence.paperless_rate", "correspondence.paperless_rate_all"
    words = html.Span(ctx.say("foot.of_all"), className="coc-surat-words")
    beside = html.Div([tiles.small(ctx, of_all, "rate", ""), words], className="coc-surat-beside")
    main, foot = tiles.big(ctx, kpi, "rate"), tiles.target_state(ctx, kpi) or [html.Span(_period(ctx))]
    if ctx.reading(kpi).value is None:
        foot = [beside]  # the words of a null need the room
    else:
        main.append(beside)
    return tiles.tile(ctx, ctx.say("kpi.paperless_rate"), main, foot, kpi, of_all)


def _sheets(ctx: Context) -> Filled:
    kpi = "correspondence.sheets_saved"
    saved = ctx.reading(kpi).value
    foot: Filled = []
    if saved is not None:
        rupiah = saved * ctx.view.settings.limits.rupiah_per_sheet
        words = ctx.say("foot.rupiah", value=ctx.writer.number(rupiah))
        foot = [html.Span(words, **{"data-rupiah": f"{rupiah:.0f}"})]
    return tiles.tile(ctx, ctx.say("kpi.sheets_saved"), tiles.big(ctx, kpi, "count"), foot, kpi)


_TILES: dict[str, Callable[[Context], Filled]] = {
    "registered": _counted("correspondence.registered_today", "kpi.registered_today", "registered"),
    "completed": _counted("correspondence.completed_today", "kpi.completed_today", "completed"),
    "per_day": _per_day,
    "undispositioned": _undispositioned,
    "paperless": _paperless,
    "sheets": _sheets,
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    names = charts_of(ctx)
    return [
        html.Div(
            [filters(ctx, PAGE), html.Div(id="surat-coincidence", className="coc-beside"), html.Div(id="surat-mark")],
            className="coc-section-head coc-surat-head",
        ),
        *(html.Div(id=f"surat-{name}", className="coc-tile", **{"data-tile": name}) for name in _TILES),
        *(_card(ctx, name) for name in names),
        html.P(id="surat-basis", className="coc-surat-basis"),
    ]


def _card(ctx: Context, name: str) -> Any:
    over = [html.Div(id=f"surat-{name}-links", className="coc-row-links")] if name in _LINKED else []
    return chart_card(ctx.say, "surat", name, *over)


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The rows that a chart draws; what no lens but the house's may see is not there."""
    return letter_frames.of_view(ctx, name) if name in charts_of(ctx) else None


def charts_of(ctx: Context) -> list[str]:
    return [name for name in CHARTS if ctx.view.lens != "public" or name in _PUBLIC]


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    for name, fill in _TILES.items():
        act = name == "undispositioned" and bool(ctx.reading("correspondence.undispositioned").value)
        props[f"surat-{name}"] = {"children": fill(ctx), "data-tone": "act" if act else ""}
    for name in charts_of(ctx):
        props |= _chart(ctx, name)
    props["surat-mark"] = {"children": shell.section_mark(ctx, frozenset({"letters", "dispositions"}))}
    props["surat-coincidence"] = {"children": coincidence.beside(ctx, "correspondence.registered_today")}
    props["surat-basis"] = {"children": _basis(ctx)}
    return props


def _chart(ctx: Context, name: str) -> Props:
    _, _, draw, empty = CHARTS[name]
    frame = letter_frames.of_view(ctx, name)
    unknown = _unknown(ctx, name)
    if unknown:
        frame, empty = None, unknown
    elif frame is None and name == "letter_compare":
        empty = "empty.letters"  # the unit has none: what is missing is no past
    if name == "letter_paperless":
        draw = partial(draw, chosen=ctx.view.scope)
    figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look)
    props = chart_props(ctx.say, "surat", name, figure, empty, _note(ctx, name, frame))
    if name in _LINKED:
        props[f"surat-{name}-links"] = {"children": row_links(figure, partial(_lead, ctx))}
    return props


def _unknown(ctx: Context, name: str) -> str:
    """Why nobody can say what the chart asks, as a message; "" where it is known, be it nothing."""
    kpi = _RECORDED.get(name)
    if not letter_frames.any_letters(ctx):
        return "empty.mail"
    if ctx.view.lens == "public" and ctx.view.scope:
        return "empty.letters_public"
    return "empty.letters_not_recorded" if kpi and ctx.reading(kpi).state == "not_recorded" else ""


def _lead(ctx: Context, field: str, value: str) -> tuple[str, str] | None:
    """The letters behind a row: those over the limit, those still on paper of a unit, those registered of a value."""
    if field == "over":
        href, words = items(ctx, "correspondence.undispositioned"), ctx.say("items.over")
    elif field == "unit":
        href = items(ctx, "correspondence.paperless_rate", unit=value)
        words = ctx.say("items.paper", unit=value)
    else:
        said = ctx.say(f"letter.{field}.{value}")
        named = value if said == f"letter.{field}.{value}" else said
        href, words = (
            items(ctx, "correspondence.paperless_rate_all", part="whole", **{field: value}),
            ctx.say("items.of", name=named),
        )
    return (href, words) if href else None


def _note(ctx: Context, name: str, frame: pd.DataFrame | None) -> str:
    """Whose letters and of when; and what a reader must know to judge the picture."""
    say, scope = ctx.say, _scope_name(ctx)
    if name == "letter_paperless":
        return say("note.paperless", period=_period(ctx), exempt=_exempt(ctx))
    if name == "letter_waiting":
        return say("note.waiting", scope=scope)
    if name == "letter_calendar":
        return _calendar_note(ctx, scope, frame)
    if name == "letter_compare":
        return _compared_note(ctx, frame)
    # The public's flow is of thirty days, whatever was chosen.
    drawn = say("filter.days", days=min(int(ctx.view.window[:-1]), 90 if frame is None else len(frame)))
    period = drawn if name == "letter_flow" else _period(ctx)
    note = say("note.of", scope=scope, period=period)
    if name == "letter_cumulative":
        return say("note.cumulative", of=note)
    if name == "letter_flow":
        missing = [n for n in ("dispositioned", "completed") if frame is not None and n not in frame]
        at = ctx.as_of(("correspondence",))
        today = say("note.flow", at=ctx.writer.moment(at, ctx.view.now)) if at else ""
        lost = say("note.not_recorded", what=", ".join(say(f"flow.{n}").lower() for n in missing)) if missing else ""
        return " · ".join(part for part in (note, today, lost) if part)
    return note


def _calendar_note(ctx: Context, scope: str, frame: pd.DataFrame | None) -> str:
    if frame is None or not frame["registered"].any():
        return ctx.say("note.calendar_none", scope=scope)
    most = frame.sort_values("registered").iloc[-1]
    day = ctx.writer.short_date(date.fromisoformat(str(most["day"])))
    return ctx.say("note.calendar", scope=scope, most=ctx.writer.number(int(most["registered"])), day=day)


def _compared_note(ctx: Context, frame: pd.DataFrame | None) -> str:
    if frame is None or set(frame["period"]) != {"now", "before"}:
        return ctx.say("note.compare_none")
    now, before = (frame[frame["period"] == period].iloc[0] for period in ("now", "before"))
    words = ctx.say(f"note.compare.{ctx.view.window}", now=int(now["working_days"]), before=int(before["working_days"]))
    fasting = int(now["ramadan_days"]), int(before["ramadan_days"])
    return words + (ctx.say("note.compare_ramadan", now=fasting[0], before=fasting[1]) if any(fasting) else "")


def _period(ctx: Context) -> str:
    return ctx.say("filter.days", days=ctx.view.window[:-1])


def _scope_name(ctx: Context) -> str:
    """The city's name, or the unit's: its code where the name is too long for a note."""
    unit = ctx.view.scope
    if not unit:
        return ctx.view.settings.city.name
    names = ctx.frame("correspondence", "names")
    found = [] if names is None else names.loc[names["code"] == unit, "name"].tolist()
    return str(found[0]) if found and len(found[0]) <= _NAME_LIMIT else unit


def _exempt(ctx: Context) -> str:
    """The categories that may stay on paper, in words; "" where none may."""
    exempt = ctx.view.settings.limits.paper_exempt
    said = [ctx.say(f"category.{c}") if ctx.say.has(f"category.{c}") else c for c in exempt]
    return ctx.say("note.exempt", categories=", ".join(said)) if said else ctx.say("note.no_exempt")


def _basis(ctx: Context) -> str:
    """What the sheets rest on, and where to change it."""
    limits, number = ctx.view.settings.limits, ctx.writer.number
    return ctx.say(
        "surat.basis",
        pages=number(limits.default_pages),
        copies=number(limits.default_copies),
        rupiah=number(limits.rupiah_per_sheet, 0 if float(limits.rupiah_per_sheet).is_integer() else 2),
    )
