"""The Dash side: pages on Flask, one origin, in the person's language and theme from the first byte."""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import dash
from dash import Dash, html
from dash._callback import GLOBAL_CALLBACK_LIST, GLOBAL_CALLBACK_MAP
from dash.exceptions import DependencyException
from flask import Flask, Response, after_this_request, g, request
from werkzeug.exceptions import HTTPException

from coc.access import LENS_COOKIE, lens_named
from coc.access.gatekeeper import NOT_YOURS
from coc.access.table import declare
from coc.live import choices, paging
from coc.live.callbacks import declare_callbacks, guard_callbacks
from coc.live.gate import HEADERS_OF_REFUSAL, MOST_BODY
from coc.live.layouts import Key, Layouts, Painted
from coc.live.paging import Page, pages_of
from coc.live.problems import CONTENT_TYPE, problem
from coc.live.refusal_page import refusal_page
from coc.live.services import Services, viewer_in_hand
from coc.live.words import say
from coc.ui.client_words import client_words
from coc.ui.format import Writer
from coc.ui.i18n import t

log = logging.getLogger("coc.site")
YEAR: Final = 31_536_000
_DAY: Final = 86_400
_REGISTERED: Final = "coc_pages."
_NOT_FOUND: Final = "not_found_404"
# Opened by Dash for its development tools, shut here.
_SHUT: Final = ("/_reload-hash", "/_alive_<token>")
_CSP: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; script-src 'self' "
)
_INDEX: Final = """<!DOCTYPE html>
<html lang="{language}" data-bs-theme="{theme}">
<head>
{metas}
<meta name="color-scheme" content="{theme}">
<meta name="robots" content="noindex">
<title>{title}</title>
{favicon}
{css}
</head>
<body data-page="{page}" data-realm="{realm}" data-epoch="" data-connection="live" data-build="{build}" \
data-zone="{zone}" data-zone-name="{zone_name}">
<div id="react-entry-point"><div class="_dash-loading coc-boot" role="status">{loading}</div></div>
<footer>{config}
{scripts}
{renderer}</footer>
</body>
</html>"""


class Site(Dash):
    """Dash whose index knows the request's language and theme, and carries the body's marks."""

    services: Services

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        services = self.services
        chosen = choices.choose(services.settings, request.args, request.cookies)
        zone = services.settings.city.time_zone
        page = self.page_at(request.path)
        return _INDEX.format(
            language=chosen.language,
            theme=chosen.theme,
            page=page.spec.name if page else "",
            realm=services.realm,
            build=services.build,
            zone=zone,
            zone_name=Writer(chosen.language, ZoneInfo(zone)).zone_name,
            loading=say(chosen.language, "loading"),
            favicon=self._icon(parts["favicon"]),
            title=escape(title_of(services, page)),
            **{k: parts[k] for k in ("metas", "css", "config", "scripts", "renderer")},
        )

    def page_at(self, path: str) -> Page | None:
        return self.services.pages.get((module_at(path) or "").removeprefix(_REGISTERED))

    def _icon(self, otherwise: str) -> str:
        icon = Path(self.config.assets_folder) / "favicon.svg"
        if not icon.exists():
            return otherwise
        return f'<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg?m={icon.stat().st_mtime}">'


def build_site(services: Services, pages_folder: Path, assets_folder: Path) -> Flask:
    """The Flask application with all pages of the folder; fills `services.pages`.

    Raises PageError where a file is half a page, UndeclaredError where a path has no right.
    """
    _forget_pages()
    server = Flask("coc", static_folder=None)
    server.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR  # Dash stamps its links with ?m=
    server.config["MAX_CONTENT_LENGTH"] = MOST_BODY
    untyped: Any = Site
    site: Site = untyped(
        "coc",
        server=server,
        use_pages=True,
        pages_folder="",
        assets_folder=str(assets_folder),
        title=f"COC {services.settings.city.name}",
        update_title=None,
        include_pages_meta=False,
        suppress_callback_exceptions=True,
        add_log_handler=False,
        on_error=_failed_callback,
    )
    site.services = services
    _find_pages(services, pages_folder)
    site.layout = _layout
    declare((rule.rule for rule in server.url_map.iter_rules()), closed=_SHUT)
    _finish(server, site, services)
    # Dash knows its scripts and its router only after an index was made: a page that was open before a restart asks for
    # a script first, and would get 404.
    server.test_client().get("/")
    declare_callbacks(site.callback_map, services)
    return server


def _forget_pages() -> None:
    """Dash keeps pages and callbacks per process; this process is this application."""
    dash.page_registry.clear()
    GLOBAL_CALLBACK_LIST.clear()
    GLOBAL_CALLBACK_MAP.clear()


_add_page: Callable[..., None] = dash.register_page


def _find_pages(services: Services, folder: Path) -> None:
    modules = paging.load(folder)
    services.pages = pages_of(modules)
    for page in services.pages.values():
        _register(services, page)
    if not any(name.split(".")[-1] == _NOT_FOUND for name in dash.page_registry):
        _add_page(_NOT_FOUND, path="/404", title=title_of(services, None), layout=framed(services, _not_found, None))


def _register(services: Services, page: Page) -> None:
    spec = page.spec
    where = {"path_template": spec.path} if "<" in spec.path else {"path": spec.path}
    _add_page(
        _REGISTERED + spec.name,
        **where,
        order=int("<" in spec.path),  # a path that is written out comes before one with a name in it
        name=spec.name,
        title=lambda **_: title_of(services, page),
        layout=framed(services, page.layout, page),
    )


def title_of(services: Services, page: Page | None) -> str:
    """What the browser's tab says, in the language of the request in hand."""
    place = f"COC {services.settings.city.name}"
    if page is None:
        return place
    chosen = choices.choose(services.settings, request.args, request.cookies)
    return f"{t(chosen.language)(page.spec.title)} · {place}"


def _layout() -> Any:
    return html.Div([dash.page_container, html.Div(id="coc-notice", className="coc-notice", role="alert", hidden=True)])


def framed(services: Services, layout: Any, page: Page | None) -> Callable[..., Any]:
    """The layout inside the element that tells the client script which page it is, and of which epoch.

    A layout that fails gives a sentence and a way on, never a blank page.
    """
    layouts = Layouts()

    def draw(**query: Any) -> Any:
        _wear(services, query)
        chosen, stamp = _chosen(services, query), services.stamp

        if page is not None and not _allowed(services, page):
            return html.Div(_not_yours(chosen.language), id="coc-frame", style={"display": "contents"})

        def paint() -> Painted:
            body = layout(**query) if callable(layout) else layout
            return Painted(body, g.pop("coc_view", None))

        try:
            painted = layouts.get(_key(services, page, query, chosen), query, paint) if page else paint()
        except Exception:
            log.exception("the layout of %s failed", page.spec.name if page else "a page")
            painted = Painted(_failed(chosen.language), None)
        view = painted.view
        marks: dict[str, Any] = {
            "data-coc-page": page.spec.name if page else "",
            "data-coc-epoch": str(view.epoch) if view else "",
            "data-coc-stamp": stamp,
            "data-coc-scope": view.scope if view else "",
            "data-coc-window": view.window if view else "",
            "data-coc-part": view.part if view else "",
            "data-coc-lang": chosen.language,
            "data-coc-theme": chosen.theme,
            "data-coc-lens": view.lens if view and services.realm == "demo" else "",
            "data-coc-words": client_words(chosen.language),
        }
        return html.Div(painted.body, id="coc-frame", style={"display": "contents"}, **marks)

    return draw


def _allowed(services: Services, page: Page) -> bool:
    viewer = viewer_in_hand()
    return viewer is not None and services.is_for(page.spec.name, viewer.lens)


def _guard_page(site: Site, services: Services) -> Response | None:
    """The first answer of a page that is not the asker's says so, before any script is fetched."""
    page = site.page_at(request.path)
    if page is None or _allowed(services, page):
        return None
    chosen = choices.choose(services.settings, request.args, request.cookies)
    body = refusal_page(NOT_YOURS, services.settings.city.name, chosen.language)
    headers = {name.decode(): value.decode() for name, value in HEADERS_OF_REFUSAL}
    return Response(body, 403, headers=headers)


def _key(services: Services, page: Page, query: dict[str, Any], chosen: choices.Choices) -> Key:
    viewer, asked = viewer_in_hand(), str(query.get("unit") or query.get("ap") or query.get("scope", ""))
    scope = asked or services.default_scope(page.spec.name)
    window, part = choices.window_of(query.get("window")), choices.part_of(page.spec.parts, query.get("view"))
    lens = viewer.lens if viewer else ""
    epoch = services.page_epoch(page.spec.name, lens or "public")
    return Key(page.spec.name, lens, scope, window, part, chosen.language, chosen.theme, epoch, services.stamp)


def _chosen(services: Services, query: dict[str, Any]) -> choices.Choices:
    asked = {k: v for k in ("lang", "theme") if isinstance(v := query.get(k), str)}
    _keep(choices.to_keep(services.settings, asked))
    return choices.choose(services.settings, {**request.args, **asked}, request.cookies)


def _wear(services: Services, query: dict[str, Any]) -> None:
    """In demo a link may carry `?lens=`; Dash follows links without asking for the page anew."""
    lens = lens_named(str(query.get("lens", "")))
    if services.realm == "demo" and lens is not None:
        viewer = viewer_in_hand()
        g.coc_viewer = None if viewer is None else type(viewer)(lens, viewer.name, viewer.units)
        _keep({LENS_COOKIE: lens})


def _keep(cookies: dict[str, str]) -> None:
    if not cookies:
        return

    @after_this_request
    def keep(response: Response) -> Response:
        return _with_cookies(response, cookies)


def _with_cookies(response: Response, cookies: dict[str, str]) -> Response:
    for name, value in cookies.items():
        response.set_cookie(name, value, max_age=YEAR, path="/", samesite="Lax", httponly=name == LENS_COOKIE)
    return response


def module_at(path: str) -> str | None:
    """The page module that answers a path; None where none does."""
    bare = path.strip("/")
    for module, entry in dash.page_registry.items():
        template = entry["path_template"]
        if template and _fits(bare.split("/"), template.strip("/").split("/")):
            return str(module)
        if bare == entry["path"].strip("/") and module.split(".")[-1] != _NOT_FOUND:
            return str(module)
    return None


def _fits(parts: list[str], template: list[str]) -> bool:
    return len(parts) == len(template) and all(
        t.startswith("<") or p == t for p, t in zip(parts, template, strict=True)
    )


def _finish(server: Flask, site: Site, services: Services) -> None:
    @server.before_request
    def guard() -> Response | None:
        if not isinstance(request.environ.get("asgi.scope"), dict):
            return None  # the application itself, at its start
        if request.path == "/_dash-update-component":
            return guard_callbacks(site.callback_map, services)
        return None if request.path.startswith(("/_", "/assets/")) else _guard_page(site, services)

    @server.after_request
    def finish(response: Response) -> Response:
        if response.mimetype == "text/html" and response.status_code == 200:
            # Asked each time: the first request adds an inline script of its own.
            response.headers["Content-Security-Policy"] = _CSP + " ".join(site.csp_hashes())
            response.headers["Cache-Control"] = "private, no-cache"
            response.headers["Vary"] = "Cookie, Authorization"
            if request.path not in {"/"} and module_at(request.path) is None:
                response.status_code = 404
            _with_cookies(response, choices.to_keep(services.settings, request.args))
        elif request.path.startswith("/assets/") and "m" not in request.args:
            response.cache_control.max_age = _DAY  # a font named by a stylesheet carries no stamp
        elif request.path == "/_dash-update-component":
            response.headers["Content-Type"] = response.headers.get("Content-Type") or "application/json"
            response.headers["Cache-Control"] = "no-store"
        return response

    @server.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        if isinstance(error, DependencyException):
            status, said = 404, "There is no such file."  # Dash raises where a path names none of its packages
        elif isinstance(error, HTTPException):
            status, said = error.code or 500, error.description or error.name
        else:
            log.exception("%s failed", request.path)
            status, said = 500, "A defect of this program; it is in its log."
        return Response(problem(status, said), status, content_type=CONTENT_TYPE.decode())


def _language() -> str:
    from coc.live.services import current

    return choices.choose(current().settings, request.args, request.cookies).language


def _failed_callback(error: Exception) -> None:
    """A callback that fails tells the person; what stood on the page stays."""
    log.error("a callback failed", exc_info=error)
    dash.set_props("coc-notice", {"children": say(_language(), "callback_failed"), "hidden": False})


def _failed(language: str) -> Any:
    return html.Main(
        [html.H1(say(language, "page_failed")), html.P(say(language, "page_failed_more")), _home(language)],
        className="coc-message",
    )


def _not_found(**_: Any) -> Any:
    language = _language()
    return html.Main(
        [html.H1(say(language, "not_found")), html.P(say(language, "not_found_more")), _home(language)],
        className="coc-message",
    )


def _not_yours(language: str) -> Any:
    return html.Main(
        [html.H1(say(language, "not_yours")), html.P(say(language, "not_yours_more")), _home(language)],
        className="coc-message",
    )


def _home(language: str) -> Any:
    return html.P(html.A(say(language, "home"), href="/"))
