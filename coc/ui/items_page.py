"""`/telusur` put together: the head, the list or why there is none, its pages; or the figures to choose from."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pandas as pd

from coc.access.items import PAGE, Behind
from coc.access.questions import WAITING
from coc.metrics import registered
from coc.store import KPIS
from coc.ui import links
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.items_asked import Address, has_items
from coc.ui.items_head import choices, counts_of, head
from coc.ui.items_list import items_table
from coc.ui.mail_words import MailWords, words_of
from coc.ui.marks import icon


def choose(ctx: Context, told: tuple[str, ...] = ()) -> list[Any]:
    """Without a figure: why, and every figure that has items."""
    say = ctx.say
    groups = []
    ids = [*KPIS, *(id for id in registered() if id not in KPIS and has_items(id))]
    for subject, its in groupby(ids, lambda id: id.split(".")[0]):
        names = {say(f"telusur.kpi.{id}"): id for id in its}
        entries = [
            html.Li(html.A(name, href=links.items(ctx, id), className="coc-items-way")) for name, id in names.items()
        ]
        groups.append(html.Section([html.H3(say(f"telusur.group_of.{subject}")), html.Ul(entries)]))
    return [
        html.Section(
            [
                *(html.P(said, className="coc-items-told", role="status") for said in told),
                html.H2(say("telusur.choose"), className="coc-items-title"),
                html.P(say("telusur.choose.more"), className="coc-quiet"),
                html.Div(groups, className="coc-items-figures"),
            ],
            className="coc-card coc-items-choose",
        )
    ]


def listed(ctx: Context, address: Address, behind: Behind) -> list[Any]:
    """Letters or dispositions behind a figure."""
    asked, words = address.asked, words_of(ctx, reads=behind.reads)
    assert asked is not None
    counts = counts_of(ctx, behind, narrowed=asked.narrowed)
    body = (
        items_table(words, asked.kpi, behind, ctx.view.settings.limits)
        if len(behind.rows)
        else _empty(ctx, address, behind)
    )
    return [
        head(words, address, counts),
        choices(words, address, behind),
        html.Section([body], className="coc-card coc-items-list"),
        _foot(ctx, address, behind.seen),
    ]


def not_recorded(ctx: Context, address: Address) -> list[Any]:
    """Where the sources do not record what the figure needs."""
    words = words_of(ctx)
    return [head(words, address, []), _message(ctx.say("telusur.not_recorded"))]


def units(ctx: Context, address: Address) -> list[Any]:
    """The units behind a figure of adoption: those furthest from it first."""
    asked, words = address.asked, words_of(ctx)
    assert asked is not None
    frame = _by_unit(ctx, asked.kpi, asked.unit)
    rows = [
        _unit_row(words, asked.kpi, str(code), float(value))
        for code, value in zip(frame["unit"], frame["value"], strict=True)
    ]
    say = ctx.say
    names = ("telusur.column.unit", "telusur.column.value", "telusur.column.letter")
    table = html.Table(
        [html.Thead(html.Tr([html.Th(say(name), scope="col") for name in names])), html.Tbody(rows)],
        className="coc-items-table coc-items-units",
    )
    return [
        head(words, address, [say("telusur.count.units", n=ctx.writer.number(len(rows)))]),
        choices(words, address, None),
        html.Section([table], className="coc-card coc-items-list") if rows else _message(say("telusur.empty")),
    ]


def _by_unit(ctx: Context, kpi: str, unit: str | None) -> pd.DataFrame:
    board = ctx.view.boards.get(kpi.split(".")[0])
    if board is None or board.kpis.empty:
        return pd.DataFrame({"unit": [], "value": []})
    kpis = board.kpis
    mine = kpis[
        (kpis["id"] == kpi) & (kpis["window"] == ctx.view.window) & (kpis["unit"] != "") & kpis["value"].notna()
    ]
    mine = mine if unit is None else mine[mine["unit"] == unit]
    return mine.sort_values(["value", "unit"])


def _unit_row(words: MailWords, kpi: str, code: str, value: float) -> Any:
    ctx = words.ctx
    if kpi == "adoption.rate":
        said, shape, tone = ("yes", "target-met", "good") if value == 1 else ("no", "target-missed", "warn")
        told: Any = html.Span(
            [icon(shape), ctx.say(f"telusur.unit.{said}")], className="coc-items-mark", **{"data-tone": tone}
        )
    else:
        told = ctx.writer.percent(value)
    href = links.items(ctx, "correspondence.registered_per_working_day", unit=code, window="30d")
    way = html.A(ctx.say("telusur.unit.letters"), href=href, className="coc-items-way")
    marks = {"data-kpi": kpi, "data-unit": code, "data-value": repr(value)}
    cells = (("letter", html.Strong(words.unit(code))), ("amount", html.Span(told, **marks)), ("state", way))
    return html.Tr([html.Td(shown, className=f"coc-items-{name}") for name, shown in cells])


def _foot(ctx: Context, address: Address, seen: int) -> Any:
    """Where one stands, and when it was read: a list does not move under who reads it."""
    say, pages = ctx.say, max(1, -(-seen // PAGE))
    turns = [
        html.A(say(f"telusur.{name}"), href=address.at(page=str(n)), className="coc-button", rel=rel)
        for name, n, rel in (("newer", address.page - 1, "prev"), ("older", address.page + 1, "next"))
        if 1 <= n <= pages
    ]
    where = [html.Span(say("telusur.pages", n=address.page, all=pages))] if pages > 1 else []
    read = html.Span(
        [
            say("telusur.read_at", at=ctx.writer.clock(ctx.view.now)),
            " ",
            html.A(say("telusur.again"), href=address.at(page=str(address.page)), className="coc-items-way"),
        ],
        className="coc-quiet",
    )
    return html.Nav([read, html.Div([*where, *turns], className="coc-items-turn")], className="coc-items-foot")


def _empty(ctx: Context, address: Address, behind: Behind) -> Any:
    say, asked = ctx.say, address.asked
    assert asked is not None
    if ctx.reading(asked.kpi).value is None and not asked.narrowed and not registered()[asked.kpi].windowed:
        more = say("null.no_data")  # where nothing is known nothing is well
    elif behind.total:
        more = say("telusur.empty.hidden", hidden=ctx.writer.number(behind.total))
    elif asked.narrowed or asked.age:
        more = say("telusur.empty.narrowed")
    elif registered()[asked.kpi].windowed:
        more = say("telusur.empty.window")
    else:
        more = say("telusur.empty.good") if asked.kpi in WAITING else ""
    return html.Div(
        [icon("empty"), html.P(say("telusur.empty")), *([html.P(more, className="coc-quiet")] if more else [])],
        className="coc-items-empty",
    )


def _message(said: str) -> Any:
    return html.Section(
        html.Div([icon("empty"), html.P(said)], className="coc-items-empty"), className="coc-card coc-items-list"
    )
