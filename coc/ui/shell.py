"""What every page stands in: the header with clock and as-of, the navigation, the simulated mark, the trust strip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from coc.access.table import EVERY_LENS, Lenses
from coc.ui.cards import with_files
from coc.ui.client_words import client_words
from coc.ui.context import Context, context_of, moment_of
from coc.ui.dom import html
from coc.ui.i18n import LANGUAGES
from coc.ui.marks import TONES, WORST_FIRST, age, feed_attributes, feed_label, feeds, icon
from coc.ui.page import PageSpec, Props, Render, View

# path, word, page, for whom it is a link; in the order of the page's head
NAV: tuple[tuple[str, str, str, Lenses], ...] = (
    ("/", "nav.overview", "overview", EVERY_LENS),
    ("/surat", "nav.surat", "surat", EVERY_LENS),
    ("/disposisi", "nav.disposisi", "disposisi", EVERY_LENS),
    ("/pimpinan", "nav.pimpinan", "pimpinan", frozenset({"leader"})),
    ("/opd", "nav.opd", "opd", EVERY_LENS),
    ("/wifi", "nav.wifi", "wifi", EVERY_LENS),
    ("/aplikasi", "nav.aplikasi", "aplikasi", EVERY_LENS),
    ("/peringatan", "nav.peringatan", "peringatan", EVERY_LENS),
    ("/sumber", "nav.sumber", "sumber", EVERY_LENS),
    ("/audit", "nav.audit", "audit", frozenset({"admin"})),
)


def header(ctx: Context, page: PageSpec, kept: Mapping[str, str] | None = None) -> Any:
    """The page's head. Only `<page>-asof` changes with an epoch; the clock runs in the browser.

    `kept`: what of the address stays when one chooses another language or theme.
    """
    view = ctx.view
    name = page.name
    return html.Header(
        [
            html.Div(
                [
                    html.Div("COC", className="coc-brand-mark", **{"aria-hidden": "true"}),
                    html.Div(
                        [
                            html.Div(ctx.say("app.name", city=view.settings.city.name), className="coc-brand"),
                            html.H1(ctx.say(page.title), className="coc-page-title"),
                        ]
                    ),
                ],
                className="coc-head-left",
            ),
            html.Div(
                [
                    *([_simulated(ctx)] if view.simulated else []),
                    *([_as_of(ctx, name)] if page.boards else []),
                    html.Div(
                        [
                            html.Span([icon("live"), ctx.say("header.live")], className="coc-when-live"),
                            html.Span([icon("lost"), ctx.say("header.lost")], className="coc-when-lost"),
                        ],
                        className="coc-connection",
                    ),
                    _menu(ctx, page, kept or {}),
                    html.Div(
                        [
                            html.Div(
                                ctx.writer.clock(view.now),
                                className="coc-clock",
                                **{"data-clock": "", "data-zone": ctx.writer.zone.key},
                            ),
                            html.Div(_today(ctx), className="coc-date", id=f"{name}-date"),
                        ],
                        className="coc-time",
                    ),
                ],
                className="coc-head-right",
            ),
        ],
        className="coc-header",
    )


def _as_of(ctx: Context, name: str) -> Any:
    return html.Div(id=f"{name}-asof", className="coc-asof", **{"data-asof-text": ctx.say("header.as_of")})


def header_props(ctx: Context, page: PageSpec) -> Props:
    """A page without boards has no data that could be old."""
    date: Props = {f"{page.name}-date": {"children": _today(ctx)}}
    if not page.boards:
        return date
    return {f"{page.name}-asof": {"children": as_of_words(ctx, ctx.as_of(page.boards))}} | date


def as_of_words(ctx: Context, at: datetime | None) -> str:
    if at is None:
        return ctx.say("header.no_data")
    return ctx.say("header.as_of", at=ctx.writer.moment(at, ctx.view.now))


def trust_strip(ctx: Context) -> list[Any]:
    """Every feed of the realm: shape, name, state word, age. All of it, whatever its state."""
    marks = [feed_mark(ctx, row) for row in feeds(ctx)]
    return marks or [html.Div([icon("empty"), html.Span(ctx.say("empty.feeds"))], className="coc-trust-empty")]


def feed_mark(ctx: Context, row: dict[str, Any]) -> Any:
    state = str(row["state"])
    at = moment_of(row.get("as_of"))
    return html.Div(
        [
            icon(state),
            html.Span(feed_label(str(row["name"])), className="coc-feed-name"),
            html.Span(ctx.say(f"state.{state}"), className="coc-state-word"),
            *([age(ctx, at)] if at else []),
        ],
        className="coc-feed",
        **feed_attributes(row),
        **{"data-tone": TONES.get(state, "idle")},
    )


def section_mark(ctx: Context, datasets: frozenset[str]) -> list[Any]:
    """The worst of a section's feeds that are not fresh, and how many more: the heading has one line, the strip at the
    foot names them all.
    """
    stale = [
        row
        for row in feeds(ctx)
        if datasets & {str(d) for d in row.get("datasets") or ()} and row["state"] not in ("fresh", "disabled")
    ]
    if not stale:
        return []
    worst = min(stale, key=lambda row: WORST_FIRST.index(str(row["state"])))
    more = f" +{len(stale) - 1}" if len(stale) > 1 else ""
    said = f"{feed_label(str(worst['name']))}: {ctx.say('state.' + str(worst['state']))}{more}"
    tone = TONES.get(str(worst["state"]), "idle")
    return [html.Span([icon(str(worst["state"])), said], className="coc-stale", **{"data-tone": tone})]


def first_paint(page: PageSpec, skeleton: Callable[[Context], Any], render: Render, **query: Any) -> Any:
    """A page's whole layout: its skeleton, filled with the same `render` that every refresh uses."""
    from coc.live import services  # the layout's only reach to the outside, at call time

    view = services.current().view(page.name, **query)
    return compose(page, skeleton, render, view)


def compose(
    page: PageSpec,
    skeleton: Callable[[Context], Any],
    render: Render,
    view: View,
    kept: Mapping[str, str] | None = None,
) -> Any:
    """The skeleton inside the shell, with the render's props set on the components that have their ids."""
    ctx = context_of(view)
    whole = html.Div(
        [
            *([html.Div(className="coc-ribbon", **{"aria-hidden": "true"})] if view.simulated else []),
            html.Div(hidden=True, **{"data-coc-words": client_words(ctx.say.language)}),
            header(ctx, page, kept),
            html.Main(skeleton(ctx), className=f"coc-main coc-main-{page.name}"),
        ],
        className=f"coc-frame coc-frame-{page.name}",
    )
    props = with_files(render(view), view)
    for component in whole._traverse():
        for key, val in props.get(getattr(component, "id", None) or "", {}).items():
            setattr(component, key, val)
    return whole


def _simulated(ctx: Context) -> Any:
    return html.Div([icon("simulated"), ctx.say("header.simulated")], className="coc-simulated")


def _today(ctx: Context) -> str:
    day = ctx.writer.local(ctx.view.now).date()
    return f"{ctx.writer.weekday(day)}, {ctx.writer.long_date(day)}"


def _menu(ctx: Context, page: PageSpec, kept: Mapping[str, str]) -> Any:
    """The way to other pages: a row where there is width for it, else a panel that the button opens (coc-menu.js)."""
    button = html.Button(
        [icon("menu"), ctx.say("nav.menu")],
        type="button",
        className="coc-menu-button",
        **{"aria-expanded": "false", "aria-controls": "coc-nav"},
    )
    links = html.Nav(_links(ctx, page, kept), id="coc-nav", className="coc-nav", **{"aria-label": ctx.say("nav.label")})
    return html.Div([button, links], className="coc-menu")


def _links(ctx: Context, page: PageSpec, kept: Mapping[str, str]) -> list[Any]:
    view, say = ctx.view, ctx.say
    places = [
        html.A(say(title), href=path, className="coc-link", **({"aria-current": "page"} if name == page.name else {}))
        for path, title, name, lenses in NAV
        if view.lens in lenses
    ]
    other = "light" if view.theme == "dark" else "dark"
    languages = [
        html.A(
            say(f"nav.language.{code}"),
            href=f"?{urlencode({**kept, 'lang': code})}",
            title=say(f"nav.language.{code}.long"),
            className="coc-link",
            **({"aria-current": "true"} if code == view.language else {}),
        )
        for code in LANGUAGES
        if code in view.settings.city.languages
    ]
    theme = html.A(
        [icon(f"theme-{other}"), html.Span(say(f"nav.theme.{other}"), className="coc-sr")],
        href=f"?{urlencode({**kept, 'theme': other})}",
        title=say(f"nav.theme.{other}"),
        className="coc-link coc-link-icon",
    )
    # Nobody's own page may name who looks: it is everybody's. The door knows.
    account = html.A(
        [icon("account"), html.Span(say("nav.account"), className="coc-sr")],
        href="/akun",
        title=say("nav.account"),
        className="coc-link coc-link-icon",
    )
    tools = html.Span([*languages, theme, account], className="coc-nav-tools")
    return [*places, html.Span(className="coc-nav-gap"), tools]
