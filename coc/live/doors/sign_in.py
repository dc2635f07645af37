"""`/masuk` and `/keluar`: sign in with a password, and out."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import SignIn, Viewer
from coc.access.sessions import digest_of
from coc.access.sign_in import Opened, Refused
from coc.live.choices import LANGUAGE_COOKIE, THEME_COOKIE
from coc.live.doors.forms import Doors, address_of, agent_of, fields_of, safe_way
from coc.store.control import Account

log = logging.getLogger("coc.doors")


async def sign_in(request: Request) -> Response:
    """The form, and what it sends."""
    doors: Doors = request.app.state.doors
    if request.method == "POST":
        return await _sign_in(doors, request)
    viewer = doors.services.gatekeeper.viewer_of(request.scope)
    here = viewer.name if isinstance(viewer, Viewer) and viewer.session else ""
    way = safe_way(request.query_params.get("next", ""))
    return _form(doors, request, way, here=here, out="out" in request.query_params)


async def _sign_in(doors: Doors, request: Request) -> Response:
    fields = await fields_of(request)
    way = safe_way(fields.get("next", ""))
    if doors.forged(request, fields):
        return _form(doors, request, way, 403, error="stale")
    services, control = doors.services, doors.services.control
    if control is None:
        return _form(doors, request, way, 503, error="away")
    name, address = fields.get("username", ""), address_of(request)
    try:
        found = await asyncio.to_thread(
            SignIn(services.sessions, control).with_password,
            name,
            fields.get("password", ""),
            agent=agent_of(request),
            address=address,
        )
    except Exception:
        log.exception("a sign-in could not be tried: the control store")
        return _form(doors, request, way, 503, error="away", name=name)
    if isinstance(found, Refused):
        who = Viewer("public", found.known or "")
        if found.why == "locked":  # as often as anyone likes to knock: not a line each
            services.audit.refused("sign-in.locked", "", address, "refused", who)
        else:
            services.audit.wrote(who, f"sign-in.{found.why}", "", address, "refused")
        status = 429 if found.why == "locked" else 403
        response = _form(doors, request, way, status, error=found.why, seconds=found.seconds, name=name)
        if found.seconds:
            response.headers["Retry-After"] = str(found.seconds)
        return response
    return await let_in(doors, request, found, way, "password")


async def let_in(doors: Doors, request: Request, opened: Opened, way: str, via: str) -> Response:
    """Past the door with a new session; one that the browser had before is closed."""
    services = doors.services
    viewer = services.sessions.viewer_of(opened.secret)
    assert isinstance(viewer, Viewer)
    await _close_before(doors, request, but=digest_of(opened.secret))
    services.audit.wrote(viewer, "sign-in.ok", via, address_of(request))
    response: Response
    if opened.failed:
        response = doors.page(request, "peringatan", failed=opened.failed, way=way)
    else:
        response = RedirectResponse(way, 303, {"Cache-Control": "no-store"})
    doors.keep_session(response, opened.secret)
    response.delete_cookie(doors.form_cookie, path="/", secure=doors.https, httponly=True, samesite="lax")
    for name, value in _choices_of(opened.account).items():
        doors.keep(response, name, value, 31_536_000, hidden=False)
    return response


async def sign_out(request: Request) -> Response:
    """A question, and on its answer the session's end."""
    doors: Doors = request.app.state.doors
    if request.method != "POST":
        return doors.page(request, "keluar", viewer=request.scope["coc.viewer"])
    if doors.forged(request, await fields_of(request)):
        return doors.page(request, "keluar", 403, viewer=request.scope["coc.viewer"])
    await _close_before(doors, request)
    doors.services.audit.wrote(request.scope["coc.viewer"], "sign-out", "", address_of(request))
    response = RedirectResponse("/masuk?out", 303, {"Cache-Control": "no-store"})
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    doors.drop_session(response)
    return response


async def _close_before(doors: Doors, request: Request, but: str = "") -> None:
    """End the session that the browser sent: nobody goes on with one that another may know."""
    secret, services = doors.secret(request), doors.services
    if not secret or digest_of(secret) == but:
        return
    found = services.sessions.viewer_of(secret)
    if isinstance(found, Viewer):
        await asyncio.to_thread(services.sessions.close, found.name, [found.session])


def _form(doors: Doors, request: Request, way: str, status: int = 200, **more: Any) -> Response:
    known = {"here": "", "out": False, "error": "", "seconds": 0, "name": ""} | more
    known["nobody"] = not doors.services.sessions.any_account
    return doors.page(request, "masuk", status, way=way, elsewhere=doors.elsewhere, **known)


def _choices_of(account: Account) -> dict[str, str]:
    wanted = {LANGUAGE_COOKIE: account.language, THEME_COOKIE: account.theme}
    return {name: value for name, value in wanted.items() if value}
