"""What stands over the list of `/telusur`: what is listed, how much of it one sees, the figure, and what narrows it."""

from __future__ import annotations

from typing import Any

from coc.access.items import Behind
from coc.access.questions import AGES, WAITING, takes
from coc.domain.offices import OFFICES
from coc.metrics import registered
from coc.metrics.city import WINDOWS
from coc.store import OF_A_WHOLE
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.explain import info
from coc.ui.items_asked import CLOSED, NARROWS, Address
from coc.ui.links import ITEMS_PATH
from coc.ui.mail_words import MailWords
from coc.ui.marks import icon, null_words, value
from coc.ui.tiles import figure_text

_UNITS = {"hours": "telusur.hours", "sheets": "telusur.sheets"}


def title(words: MailWords, address: Address) -> str:
    """In words what is listed: of what, of whom, of when."""
    asked, ctx = address.asked, words.ctx
    assert asked is not None
    of_all = "part" in asked.chosen
    said = [ctx.say(f"telusur.all.{asked.kpi}" if of_all else f"telusur.kpi.{asked.kpi}"), _scope(words, asked.unit)]
    if registered()[asked.kpi].windowed:
        said.append(ctx.say("telusur.days", days=asked.window[:-1]))
    return "\N{NO-BREAK SPACE}· ".join(said)


def head(words: MailWords, address: Address, counts: list[str]) -> Any:
    """The title, how many, what is listed; beside it the figure that led here."""
    ctx, asked = words.ctx, address.asked
    assert asked is not None
    limits = ctx.view.settings.limits
    what = ctx.say(
        "telusur.what.all" if "part" in asked.chosen else f"telusur.what.{asked.kpi}",
        hours=ctx.writer.number(limits.first_disposition_working_hours),
        pages=limits.default_pages,
        copies=limits.default_copies,
        letters=limits.adoption_letters_per_week,
    )
    told = [html.P(said, className="coc-items-told") for said in address.told]
    lines = [html.P(line, className="coc-items-count" if i == 0 else "coc-quiet") for i, line in enumerate(counts)]
    return html.Section(
        [
            html.Div(
                [html.H2(title(words, address), className="coc-items-title"), *lines, html.P(what), *told],
                className="coc-items-lead",
            ),
            html.Div(_figure(ctx, asked.kpi), className="coc-items-figure"),
        ],
        className="coc-items-head",
    )


def counts_of(ctx: Context, behind: Behind, *, narrowed: bool) -> list[str]:
    """How many there are and how many of them one may see; of what lies above one's access no more than the figure."""
    say, number = ctx.say, ctx.writer.number
    if narrowed or behind.total is None:
        return [say("telusur.count.narrowed", seen=number(behind.seen)), say("telusur.count.narrowed.note")]
    hidden, total = behind.total - behind.seen, number(behind.total)
    said = [
        say("telusur.count.some", seen=number(behind.seen), total=total, hidden=number(hidden))
        if hidden
        else say("telusur.count.all", total=total)
    ]
    if "arrived" in behind.parts:
        said.append(say("telusur.count.flow", **{n: number(behind.parts[n]) for n in ("arrived", "departed")}))
    elif behind.whole is not None and behind.whole != behind.total:
        said.append(say("telusur.count.whole", whole=number(behind.whole)))
    return said


def _figure(ctx: Context, kpi: str) -> list[Any]:
    reading, measure = ctx.reading(kpi), registered()[kpi].measure
    text = figure_text(ctx, reading, measure)
    board = ctx.view.boards.get(kpi.split(".")[0])
    at = board.computed_at if board and board.epoch else None
    if reading.value is None:
        note = null_words(ctx, reading)
    else:
        if measure == "rate":
            text += ctx.writer.percent_sign
        elif measure in _UNITS:
            text = ctx.say(_UNITS[measure], n=text)
        note = ctx.say("telusur.figure.note", at=ctx.writer.moment(at, ctx.view.now)) if at else ""
    return [
        html.Div([html.Span(ctx.say(f"kpi.{kpi}.name")), info(ctx, kpi)], className="coc-quiet coc-items-kpi"),
        value(reading, text, "coc-items-value"),
        html.Div(note, className="coc-quiet"),
    ]


def choices(words: MailWords, address: Address, behind: Behind | None) -> Any:
    """What narrows the list, each to be taken away; the windows and ages to choose; and what else may narrow it."""
    ctx, asked = words.ctx, address.asked
    assert asked is not None
    say = ctx.say
    chosen = {"unit": asked.unit or "", "age": asked.age or "", **asked.chosen, "part": ""}
    ages = behind is not None and asked.kpi in WAITING
    chips = [_chip(words, address, name, v) for name, v in chosen.items() if v and not (ages and name == "age")]
    parts = [
        *([_windows(ctx, address)] if registered()[asked.kpi].windowed else []),
        *([_parts(ctx, address, behind)] if behind is not None and asked.kpi in OF_A_WHOLE else []),
        *([_ages(ctx, address, behind)] if ages and behind is not None else []),
        *([html.Ul(chips, className="coc-items-chips", **{"aria-label": say("telusur.filters")})] if chips else []),
        *([_more(words, address, chosen)] if behind is not None else []),
    ]
    return html.Div(parts, className="coc-items-choices")


def _chip(words: MailWords, address: Address, name: str, chosen: str) -> Any:
    say, shown = words.ctx.say, _shown(words, name, chosen)
    label = say(f"telusur.filter.{name}")
    return html.Li(
        html.A(
            [html.Span(f"{label}: ", className="coc-quiet"), shown, icon("tree-remove")],
            href=address.at(**{name: ""}),
            className="coc-items-chip",
            **{"aria-label": say("telusur.filters.remove", name=label, value=shown)},
        )
    )


def _shown(words: MailWords, name: str, chosen: str) -> str:
    if name == "unit":
        return words.unit(chosen)
    if name in ("office", "to"):
        return words.office(chosen)
    if name in ("channel", "device"):
        return words.ctx.say(f"{name}.{chosen}")
    return words.of(name, chosen)


def _windows(ctx: Context, address: Address) -> Any:
    asked = address.asked
    links = [
        _choice(ctx.say("filter.days", days=w[:-1]), address.at(window=w), asked is not None and w == asked.window)
        for w in WINDOWS
    ]
    return _group(ctx.say("telusur.filter.window"), links)


def _parts(ctx: Context, address: Address, behind: Behind) -> Any:
    """Of a rate: those that a person would act on, or the whole; with their counts where those may be told."""
    asked = address.asked
    assert asked is not None
    counts = {"": behind.parts.get("counted"), "whole": behind.whole} if behind.total is not None else {}
    links = []
    for part, message in (("", f"telusur.part.{asked.kpi}"), ("whole", "telusur.part.whole")):
        count = counts.get(part)
        said = [ctx.say(message), *([html.B(ctx.writer.number(count))] if count is not None else [])]
        links.append(_choice(said, address.at(part=part), asked.chosen.get("part", "") == part))
    return _group(ctx.say("telusur.filter.part"), links)


def _ages(ctx: Context, address: Address, behind: Behind) -> Any:
    """Each age with its count; the chosen one takes itself away."""
    asked = address.asked
    links = []
    for age in AGES:
        mine = asked is not None and asked.age == age
        said = [ctx.say(f"telusur.age.{age}"), html.B(ctx.writer.number(behind.parts[f"age:{age}"]))]
        links.append(_choice(said, address.at(age="" if mine else age), mine))
    return _group(ctx.say("telusur.filter.age"), links)


def _choice(said: Any, href: str, chosen: bool) -> Any:
    current = {"aria-current": "true"} if chosen else {}
    return html.A(said, href=href, className="coc-items-choice", **current)


def _group(label: str, links: list[Any]) -> Any:
    named = html.Span(label, className="coc-quiet")
    return html.Div(
        [named, html.Div(links, className="coc-items-options")],
        className="coc-items-group",
        role="group",
        **{"aria-label": label},
    )


def _more(words: MailWords, address: Address, chosen: dict[str, str]) -> Any:
    """A plain form: without a script it would narrow as well."""
    say, asked = words.ctx.say, address.asked
    assert asked is not None
    takes_it = [
        "unit",
        *(n for n in NARROWS if n in takes(asked.kpi) and n != "part" and not (n == "age" and asked.kpi in WAITING)),
    ]
    free = [n for n in takes_it if not chosen.get(n)]
    kept = [_hidden(name, v) for name, v in address.query.items()]
    fields = [_field(words, name) for name in free]
    apply = html.Button(say("telusur.filters.apply"), type="submit", className="coc-button")
    form = html.Form([*kept, *fields, apply], action=ITEMS_PATH, method="get", className="coc-items-form")
    return html.Details([html.Summary(say("telusur.filters.more")), form], className="coc-items-more")


def _hidden(name: str, chosen: str) -> Any:
    option = html.Option(chosen, value=chosen)
    return html.Select([option], name=name, hidden=True, **{"aria-hidden": "true"})


def _field(words: MailWords, name: str) -> Any:
    say = words.ctx.say
    options = [("", say("telusur.filters.any")), *((v, _shown(words, name, v)) for v in _values(words, name))]
    select = html.Select([html.Option(text, value=v) for v, text in options], name=name, className="coc-select")
    return html.Label([html.Span(say(f"telusur.filter.{name}"), className="coc-quiet"), select])


def _values(words: MailWords, name: str) -> tuple[str, ...]:
    if name == "unit":
        return tuple(words.names)
    if name in ("office", "to"):
        return OFFICES
    if name == "type":
        return tuple(words.ctx.view.settings.letter_types)
    return CLOSED[name]


def _scope(words: MailWords, unit: str | None) -> str:
    return words.unit(unit) if unit else words.ctx.view.settings.city.name
