"""Pages that stay open all the time, as on the screens of the room: what they show is read off them."""

from __future__ import annotations

from typing import Any, Final

from tests.real.product import BUILD
from tests.real.programs import until

PAGES: Final = ("/", "/wifi", "/aplikasi")
_KPIS: Final = "all => Object.fromEntries(all.map(e => [e.dataset.kpi, e.dataset.value]))"


class Walls:
    """`thrown`: what went wrong in any page's own code."""

    def __init__(self, browser: Any, url: str) -> None:
        self.thrown: list[str] = []
        self._open = {path: browser.new_page(viewport={"width": 1920, "height": 1080}) for path in PAGES}
        for path, page in self._open.items():
            page.on("pageerror", lambda error: self.thrown.append(str(error)))
            page.goto(f"{url}{path}", wait_until="commit")

    def close(self) -> None:
        for page in self._open.values():
            page.close()

    def figure(self, kpi: str, value: int, seconds: float = BUILD) -> None:
        """The first page shows this value."""

        def values() -> dict[str, str]:
            found: dict[str, str] = self._open["/"].eval_on_selector_all("[data-kpi]", _KPIS)
            return found

        until(lambda: values().get(kpi) == str(value), seconds, lambda: (self._text("/"), values()))

    def feed(self, name: str, state: str, seconds: float = BUILD) -> None:
        """The first page marks a source so."""
        self._find("/", f"[data-feed={name}][data-state={state}]", seconds)

    def point(self, ap: str, state: str | None, seconds: float = BUILD) -> None:
        """The page of WiFi lists an access point so; None: not among those that are down."""
        self._find(
            "/wifi", f"[data-ap='{ap}']" + (f"[data-state={state}]" if state else ""), seconds, gone=state is None
        )

    def application(self, name: str, state: str, seconds: float = BUILD) -> None:
        """The page of applications has it so in its table."""
        self._find("/aplikasi", f"tr[data-entity='{name}'][data-state={state}]", seconds)

    def incident(self, name: str, reason: str, seconds: float = BUILD) -> None:
        self._find("/aplikasi", f"[data-incident='{name}'][data-reason={reason}]", seconds)

    def _find(self, path: str, selector: str, seconds: float, *, gone: bool = False) -> None:
        page = self._open[path]
        until(lambda: bool(page.query_selector(selector)) != gone, seconds, lambda: (selector, self._text(path)))

    def _text(self, path: str) -> str:
        return str(self._open[path].inner_text("body")[:600])
