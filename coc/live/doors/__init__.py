"""The doors: sign-in, sign-out, one's own account, the handling of alerts: plain forms without script and Dash."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from coc.live.doors import account as own
from coc.live.doors.alerts import HANDLE, handle
from coc.live.doors.elsewhere import BACK, begin, come_back
from coc.live.doors.forms import Doors, message
from coc.live.doors.sign_in import sign_in, sign_out, warning
from coc.live.services import Services

__all__ = ["HANDLE", "build_doors"]
_STEPS = {
    "/akun/sandi": own.password,
    "/akun/pilihan": own.choices,
    "/akun/sesi": own.end_session,
    "/akun/token": own.make_token,
    "/akun/token/cabut": own.revoke_token,
    "/akun/sakelar": own.switch,
}
_STYLE = (Path(__file__).parent / "gaya.css").read_bytes()


async def _style(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "private, max-age=3600"})


async def _nothing(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """A form's address, opened or reloaded as a page, is the page that holds the form."""
    if request.method == "GET" and request.url.path in _STEPS:
        return RedirectResponse("/akun", 303, {"Cache-Control": "no-store"})
    return message(request.app.state.doors, request, 404, "pesan.nothing", "pesan.nothing.more")


async def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the gate logs it
    return message(request.app.state.doors, request, 500, "pesan.failed", "pesan.failed.more")


def build_doors(services: Services) -> Starlette:
    """The ASGI application of `/masuk`, `/keluar`, `/akun` and `HANDLE`; whoever comes here has passed the gate."""
    app = Starlette(
        routes=[
            Route("/masuk/gaya.css", _style),
            Route("/masuk", sign_in, methods=["GET", "POST"]),
            Route("/masuk/oidc", begin),
            Route(BACK, come_back),
            Route("/masuk/peringatan", warning),
            Route("/keluar", sign_out, methods=["GET", "POST"]),
            Route(HANDLE, own.told_if_away(handle), methods=["GET", "POST"]),
            Route("/akun", own.told_if_away(own.account)),
            *(Route(path, own.step(take), methods=["POST"]) for path, take in _STEPS.items()),
        ],
        exception_handlers={404: _nothing, 405: _nothing, 500: _failed},
    )
    app.router.redirect_slashes = False
    app.state.doors = Doors.of(services)
    return app
