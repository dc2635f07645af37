"""The pages on hand-made boards, without store, stream or scheduler: for looking at, and for the browser tests.

`python -m tests.browser.preview [PORT]`, then / and /sumber with
?state=normal|empty|trouble|simulated|large&lang=id|en&theme=dark|light.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import dash
import flask

from coc.ui import shell
from coc.ui.context import context_of
from coc.ui.i18n import t
from coc.ui.page import View
from coc.ui.vendored import unpack
from tests.ui import factory, factory_aplikasi, factory_telusur, factory_wifi

ROOT = Path(__file__).parents[2]
_WORDS = ("page", "state", "lang", "theme", "view")
_LONGEST = "banner.store_busy"  # of the banners, which the client script shows
PAGES = {
    "/": "overview",
    "/surat": "surat",
    "/sumber": "sumber",
    "/disposisi": "disposisi",
    "/pimpinan": "pimpinan",
    "/aplikasi": "aplikasi",
    f"/aplikasi/{factory_aplikasi.SERVICE}": "aplikasi_satu",
    "/opd": "opd",
    "/wifi/program": "wifi_program",
    "/peringatan": "peringatan",
    "/opd/DISDIK": "opd_unit",
    "/wifi": "wifi",
    f"/wifi/{factory_wifi.POINT}": "wifi_point",
    "/telusur": "telusur",
    "/telusur/sipadek/L-0": "telusur_surat",
}
_INDEX = """<!doctype html><html lang="{lang}" data-bs-theme="{theme}"><head>{{%metas%}}<title>COC</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{{%css%}}</head>
<body data-page="{page}"
 data-connection="{connection}" data-zone="Asia/Jakarta" data-zone-name="WIB">
{banner}{{%app_entry%}}<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer></body></html>"""


def state_view(page: str, state: str, language: str, theme: str, part: str = "") -> View:
    held = {
        "empty": factory.empty_boards,
        "trouble": lambda: factory.with_feeds(*factory.TROUBLE),
        "large": factory.large_boards,
    }.get(state, factory.boards)()
    return factory.view(page, language=language, theme=theme, simulated=state == "simulated", held=held, part=part)


def make(page: str, state: str = "normal", language: str = "id", theme: str = "dark", part: str = "") -> dash.Dash:
    """One Dash application that shows one page in one state."""
    unpack(ROOT / "assets")
    module = importlib.import_module(f"pages.{page}")
    view = state_view(page, state, language, theme, part)
    app = dash.Dash(
        "coc",
        assets_folder=str(ROOT / "assets"),
        title="COC",
        update_title=None,
        use_pages=False,
        suppress_callback_exceptions=True,  # as the real site: other pages have callbacks, too
        assets_ignore=r"coc-live.*",
    )
    lost = state == "trouble"
    banner = f'<div id="coc-banner" class="coc-banner">{t(language)(_LONGEST)}</div>' if lost else ""
    app.index_string = _INDEX.format(
        page=page, lang=language, theme=theme, connection="lost" if lost else "live", banner=banner
    )
    skeleton = factory_telusur.skeleton(page, state) or module.skeleton
    app.layout = shell.compose(module.PAGE, skeleton, module.render, view)
    assert context_of(view)
    return app


class Switch:
    """A WSGI application that picks the Dash application by the page's address and query, kept by cookie."""

    def __init__(self) -> None:
        self.apps: dict[tuple[str, ...], Any] = {}

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = flask.Request(environ)
        told = request.path in PAGES
        words = (
            request.args
            if told
            else dict(
                zip(
                    ("page", "state", "lang", "theme", "view"),
                    request.cookies.get("preview", "").split("-"),
                    strict=False,
                )
            )
        )
        page = PAGES.get(request.path) or words.get("page") or "overview"
        key = (page, words.get("state", "normal"), words.get("lang", "id"), words.get("theme", "dark"))
        key += (words.get("view", ""),)
        if key not in self.apps:
            self.apps[key] = make(*key)

        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start(status, [*headers, ("Set-Cookie", f"preview={'-'.join(key)}; Path=/")] if told else headers)

        return self.apps[key].server(environ, begin)


def serve(port: int) -> None:
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, Switch(), threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8077)
