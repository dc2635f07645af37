"""A real Chromium and the preview server: for what only a browser can tell."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server


@pytest.fixture(scope="session")
def preview() -> Iterator[str]:
    """The address of the pages on hand-made boards."""
    from tests.browser.preview import Switch

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, Switch(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


class Screen:
    """An open page with all that it said and asked for."""

    def __init__(self, page: Any, origin: str) -> None:
        self.page, self.origin = page, origin
        self.said: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.foreign.append(request.url)

    def size(self, width: int, height: int) -> None:
        """Resize and wait until each chart has drawn itself for its new box."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.dash-graph')].every((graph) => {
                 const drawn = graph.querySelector('.main-svg');
                 return drawn && Math.abs(drawn.clientWidth - graph.clientWidth) < 2;
               })"""
        )
        self.page.wait_for_timeout(150)


@pytest.fixture
def screen(chromium: Any, preview: str) -> Iterator[Callable[..., Screen]]:
    """`screen(path, state, language, theme)` opens a page of the preview."""
    opened: list[Any] = []

    def show(path: str, state: str = "normal", language: str = "id", theme: str = "dark") -> Screen:
        context = chromium.new_context(viewport={"width": 1920, "height": 1080})
        opened.append(context)
        shown = Screen(context.new_page(), preview)
        shown.page.goto(f"{preview}{path}?state={state}&lang={language}&theme={theme}")
        shown.page.wait_for_selector(".coc-header")
        shown.page.evaluate("() => document.fonts.ready.then(() => true)")
        return shown

    yield show
    for context in opened:
        context.close()
