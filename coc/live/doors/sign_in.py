"""`/masuk` and `/keluar`: sign in with a password, and out."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import SignIn, Viewer
from coc.access.oidc_errors import OidcError
from coc.access.sessions import digest_of
from coc.access.sign_in import Opened, Refused
from coc.live.doors.forms import Doors, address_of, agent_of, fields_of, safe_way
from coc.live.doors.workers import CrowdedError
from coc.store.trouble import cause_of

log = logging.getLogger("coc.doors")
_SOON: Final = 10
_TOLD_SECONDS: Final = 600


async def sign_in(request: Request) -> Response:
    """The form, and what it sends."""
    doors: Doors = request.app.state.doors
    if request.method == "POST":
        return await _sign_in(doors, request)
    way = safe_way(request.query_params.get("next", ""))
    name, ended = _known(doors, request)
    return form(doors, request, way, here=name, error=ended, out="out" in request.query_params)


async def _sign_in(doors: Doors, request: Request) -> Response:
    fields = await fields_of(request)
    way = safe_way(fields.get("next", ""))
    if doors.forged(request, fields):
        return form(doors, request, way, 403, error="stale")
    services, control = doors.services, doors.services.control
    if control is None:
        return form(doors, request, way, 503, error="away")
    name, address = fields.get("username", ""), address_of(request)
    tries = _count(fields.get("tries", ""))
    try:
        found = await doors.hashing.run(
            SignIn(services.sessions, control).with_password,
            name,
            fields.get("password", ""),
            agent=agent_of(request),
            address=address,
        )
    except CrowdedError:
        return later(form(doors, request, way, 503, error="crowded", name=name, tries=tries), _SOON)
    except Exception as error:
        if cause_of(error) is None:
            raise
        log.warning("a sign-in could not be tried: %s", cause_of(error))
        return form(doors, request, way, 503, error="away", name=name, tries=tries)
    if isinstance(found, Refused):
        _note(doors, found, address)
        status, more = 429 if found.why == "locked" else 403, {"seconds": found.seconds, "tries": tries + 1}
        return later(form(doors, request, way, status, error=found.why, name=name, **more), found.seconds)
    return await let_in(doors, request, found, way, "password", tries)


def _note(doors: Doors, found: Refused, address: str) -> None:
    """A try that was taken always leaves a line; those that a lock turned away, one a minute."""
    who, audit = Viewer("public", found.known), doors.services.audit
    if found.tried:
        audit.wrote(who, f"sign-in.{found.why}", "", address, "refused")
    else:
        audit.refused("sign-in.locked", "", address, "refused", who)


async def warning(request: Request) -> Response:
    """Once after a sign-in: how often others tried a password of this account before."""
    doors: Doors = request.app.state.doors
    way = safe_way(request.query_params.get("next", ""))
    failed, (name, _) = _count(request.cookies.get(doors.told_cookie, "")), _known(doors, request)
    if not failed or not name:
        return RedirectResponse(way, 303, {"Cache-Control": "no-store"})
    response = doors.page(request, "peringatan", failed=failed, way=way)
    doors.drop(response, doors.told_cookie)
    return response


async def let_in(doors: Doors, request: Request, opened: Opened, way: str, via: str, tries: int = 0) -> Response:
    """Past the door with a new session; one that the browser had before is closed. `tries`: this browser's own wrong
    ones, of which nobody need be told.
    """
    services = doors.services
    viewer = services.sessions.viewer_of(opened.secret)
    assert isinstance(viewer, Viewer)
    await _close_before(doors, request, but=digest_of(opened.secret))
    services.audit.wrote(viewer, "sign-in.ok", via, address_of(request))
    others = opened.failed - tries
    place = f"/masuk/peringatan?{urlencode({'next': way})}" if others > 0 else way
    response: Response = RedirectResponse(place, 303, {"Cache-Control": "no-store"})
    if others > 0:
        doors.keep(response, doors.told_cookie, str(others), _TOLD_SECONDS)
    doors.keep_session(response, opened.secret)
    doors.drop(response, doors.form_cookie)
    doors.keep_choices(response, opened.account)
    return response


async def sign_out(request: Request) -> Response:
    """A question, and on its answer the session's end."""
    doors: Doors = request.app.state.doors
    if request.method != "POST":
        return doors.page(request, "keluar", viewer=request.scope["coc.viewer"], error="")
    if doors.forged(request, await fields_of(request)):
        return doors.page(request, "keluar", 403, viewer=request.scope["coc.viewer"], error="stale")
    viewer: Viewer = request.scope["coc.viewer"]
    hint = doors.services.sessions.hint_of(viewer.session)
    await _close_before(doors, request)  # first: the provider may hang
    doors.services.audit.wrote(viewer, "sign-out", "", address_of(request))
    place = await _sign_out_elsewhere(doors, hint)
    response: Response
    if place:  # a link, not a redirect: a form may lead nowhere but here
        response = doors.page(request, "keluar_lain", place=place)
    else:
        response = RedirectResponse("/masuk?out", 303, {"Cache-Control": "no-store"})
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    doors.drop(response, doors.services.gatekeeper.cookie)
    return response


async def _sign_out_elsewhere(doors: Doors, hint: str | None) -> str | None:
    """Where the identity provider's own session ends; None where it has no such place, or cannot be asked."""
    public = doors.services.settings.server.public_url
    if hint is None or doors.provider is None:
        return None
    try:
        back = f"{public.rstrip('/')}/masuk?out" if public else ""
        return await doors.asking.run(doors.provider.sign_out_url, hint, back)
    except (OidcError, CrowdedError) as error:
        log.warning("nothing to sign out of at the identity provider: %s", error or "too many wait for it")
        return None


async def _close_before(doors: Doors, request: Request, but: str = "") -> None:
    """End the session that the browser sent: nobody goes on with one that another may know."""
    secret, services = doors.secret(request), doors.services
    if not secret or digest_of(secret) == but:
        return
    found = services.sessions.viewer_of(secret)
    if isinstance(found, Viewer):
        await asyncio.to_thread(services.sessions.close, found.name, [found.session])


def form(doors: Doors, request: Request, way: str, status: int = 200, **more: Any) -> Response:
    known = {"here": "", "out": False, "error": "", "seconds": 0, "name": "", "tries": 0} | more
    known["nobody"] = not doors.services.sessions.any_account
    return doors.page(request, "masuk", status, way=way, elsewhere=doors.elsewhere, **known)


def _known(doors: Doors, request: Request) -> tuple[str, str]:
    """The name of who is signed in already, "" for nobody; and why a session that the browser sent is none any more."""
    found = doors.services.gatekeeper.viewer_of(request.scope)
    if isinstance(found, Viewer):
        return (found.name, "") if found.session else ("", "")
    return "", {"session": "ended", "term": "over"}.get(found.code, "")


def later(response: Response, seconds: int) -> Response:
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else 0
