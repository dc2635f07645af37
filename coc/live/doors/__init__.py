"""The doors: sign-in, sign-out and one's own account, as plain forms that need no script and no Dash."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coc.live.doors import account as own
from coc.live.doors.forms import Doors
from coc.live.doors.sign_in import sign_in, sign_out
from coc.live.services import Services

__all__ = ["build_doors"]
_STYLE = (Path(__file__).parent / "gaya.css").read_bytes()


async def _style(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "private, max-age=3600"})


def build_doors(services: Services) -> Starlette:
    """The ASGI application of `/masuk`, `/keluar` and `/akun`; whoever comes here has passed the gate."""
    steps = {
        "sandi": own.password,
        "pilihan": own.choices,
        "sesi": own.end_session,
        "token": own.make_token,
        "token/cabut": own.revoke_token,
        "sakelar": own.switch,
    }
    app = Starlette(
        routes=[
            Route("/masuk/gaya.css", _style),
            Route("/masuk", sign_in, methods=["GET", "POST"]),
            Route("/keluar", sign_out, methods=["GET", "POST"]),
            Route("/akun", own.account),
            *(Route(f"/akun/{name}", own.step(take), methods=["POST"]) for name, take in steps.items()),
        ]
    )
    app.router.redirect_slashes = False
    app.state.doors = Doors.of(services)
    return app
