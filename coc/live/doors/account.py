"""`/akun`: who one is here, password, open sessions, choices and tokens; for leaders, their page's switch."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import Viewer, passwords
from coc.access.sessions import LEADERS_SWITCH
from coc.access.sign_in import Refused, SignIn
from coc.ingest.context import known_units
from coc.live.choices import THEMES
from coc.live.doors.agents import short
from coc.live.doors.forms import Doors, address_of, agent_of, fields_of, message
from coc.live.doors.workers import CrowdedError
from coc.store import Control, StoreError
from coc.store.control import Account, Session
from coc.store.trouble import cause_of

log = logging.getLogger("coc.doors")
Fields = dict[str, str]
Answer = Callable[[Request], Awaitable[Response]]
Step = Callable[[Doors, Request, Account, Fields], Awaitable[Response]]
_TOKEN_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_MOST_TOKENS: Final = 20


async def account(request: Request) -> Response:
    """The page."""
    doors: Doors = request.app.state.doors
    return await show(doors, request, done=request.query_params.get("done", ""))


def told_if_away(answer: Answer) -> Answer:
    """A control store that cannot be had is told in words; whether a change was kept is seen when it is back."""

    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except Exception as error:
            if cause_of(error) is None:
                raise
            log.warning("an account's page cannot be shown: %s", cause_of(error))
            return message(request.app.state.doors, request, 503, "akun.away", "akun.away.more")

    return told


def step(take: Step) -> Answer:
    """A form of the page: checked for whom it was made, then taken."""

    async def taken(request: Request) -> Response:
        doors: Doors = request.app.state.doors
        fields = await fields_of(request)
        if doors.forged(request, fields):
            return await show(doors, request, 403, error="stale")
        found = doors.services.sessions.account(request.scope["coc.viewer"].name)
        if found is None:
            return RedirectResponse("/masuk", 303)
        return await take(doors, request, found, fields)

    return told_if_away(taken)


async def show(doors: Doors, request: Request, status: int = 200, **more: Any) -> Response:
    viewer: Viewer = request.scope["coc.viewer"]
    services = doors.services
    found = services.sessions.account(viewer.name)
    if found is None:
        return RedirectResponse("/masuk", 303)
    own = [t for t in await asyncio.to_thread(_control(doors).tokens) if t.owner == found.name and t.revoked is None]
    units = await asyncio.to_thread(_unit_names, doors)
    known: dict[str, Any] = {"done": "", "error": "", "seconds": 0, "made": None} | more
    return doors.page(
        request,
        "akun",
        status,
        account=found,
        viewer=viewer,
        sessions=[_shown(s, viewer) for s in services.sessions.of_account(found.name)],
        tokens=own,
        units=units,
        themes=THEMES,
        switched=services.sessions.switched_on(LEADERS_SWITCH),
        **known,
    )


async def password(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """Another password: the old one is asked for, all other sessions end, this one is renewed."""
    services, address = doors.services, address_of(request)
    door = SignIn(services.sessions, _control(doors))
    try:
        tried = await doors.hashing.run(door.tried, found.name, fields.get("old", ""), address=address)
    except CrowdedError:
        return await show(doors, request, 503, error="crowded")
    if isinstance(tried, Refused):
        services.audit.wrote(request.scope["coc.viewer"], "account.password", "", address, "refused")
        return await show(doors, request, 403, error=f"old.{tried.why}", seconds=tried.seconds)
    new = fields.get("new", "")
    why = "twice" if new != fields.get("again", "") else passwords.weakness(new, found.name)
    if why is not None:
        return await show(doors, request, 422, error=f"new.{why}")
    kept = await doors.hashing.run(passwords.hash_of, new)
    await asyncio.to_thread(_control(doors).change_account, found.name, password=kept)
    await asyncio.to_thread(services.sessions.close, found.name)
    await asyncio.to_thread(services.sessions.refresh)
    secret = await asyncio.to_thread(
        services.sessions.open, found.name, via="password", agent=agent_of(request), address=address
    )
    services.audit.wrote(request.scope["coc.viewer"], "account.password", "", address)
    response = _back("password")
    doors.keep_session(response, secret)
    return response


async def choices(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """Language, theme and default unit, in the account and in this browser."""
    languages = doors.services.settings.city.languages
    wanted: dict[str, Any] = {
        "language": fields.get("language") if fields.get("language") in languages else None,
        "theme": fields.get("theme") if fields.get("theme") in THEMES else None,
        "default_unit": fields.get("unit") if fields.get("unit") in doors.services.reader.units() else None,
    }
    await asyncio.to_thread(_control(doors).change_account, found.name, **wanted)
    await asyncio.to_thread(doors.services.sessions.refresh)
    doors.services.audit.wrote(request.scope["coc.viewer"], "account.choices", "", address_of(request))
    response = _back("choices")
    doors.keep_choices(response, replace(found, **wanted))
    return response


async def end_session(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """End one other session, or all others. One's own ends at /keluar."""
    services, viewer = doors.services, request.scope["coc.viewer"]
    mine = {s.digest for s in services.sessions.of_account(found.name)} - {viewer.session}
    asked = mine if fields.get("which") == "others" else {d for d in mine if d[:16] == fields.get("which")}
    if asked:
        await asyncio.to_thread(services.sessions.close, found.name, sorted(asked))
        services.audit.wrote(viewer, "session.closed", str(len(asked)), address_of(request))
    return _back("session")


async def make_token(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """A key for a program, with this account's rights; shown on this answer and never again."""
    name, text = fields.get("name", "").strip(), fields.get("expires", "")
    try:
        expires = date.fromisoformat(text) if text else None
    except ValueError:
        return await show(doors, request, 422, error="token.date")
    if not _TOKEN_NAME.fullmatch(name):
        return await show(doors, request, 422, error="token.name")
    own = [t for t in await asyncio.to_thread(_control(doors).tokens) if t.owner == found.name and not t.revoked]
    if len(own) >= _MOST_TOKENS:
        return await show(doors, request, 422, error="token.many")
    full, secret = f"{found.name}/{name}", secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    try:
        await asyncio.to_thread(_control(doors).add_token, full, digest, found.role, found.units, expires, found.name)
    except StoreError:
        return await show(doors, request, 422, error="token.taken")
    await asyncio.to_thread(doors.services.tokens.refresh)
    doors.services.audit.wrote(request.scope["coc.viewer"], "token.create", full, address_of(request))
    return await show(doors, request, made=(full, secret))


async def revoke_token(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """End a token of one's own; another's name is as one that does not exist."""
    name = fields.get("name", "")
    own = {t.name for t in await asyncio.to_thread(_control(doors).tokens) if t.owner == found.name}
    if name in own and await asyncio.to_thread(_control(doors).revoke, name):
        await asyncio.to_thread(doors.services.tokens.refresh)
        doors.services.audit.wrote(request.scope["coc.viewer"], "token.revoke", name, address_of(request))
    return _back("token")


async def switch(doors: Doors, request: Request, found: Account, fields: Fields) -> Response:
    """Leaders open their page to operators, or shut it."""
    if found.role != "leader":
        return await show(doors, request, 403, error="role")
    on = fields.get("on") == "yes"
    await asyncio.to_thread(_control(doors).set_switch, LEADERS_SWITCH, on=on, who=found.name)
    await asyncio.to_thread(doors.services.sessions.refresh)
    what = f"{LEADERS_SWITCH} {'on' if on else 'off'}"
    doors.services.audit.wrote(request.scope["coc.viewer"], "switch", what, address_of(request))
    return _back("switch")


def _control(doors: Doors) -> Control:
    control = doors.services.control
    assert control is not None  # there is an account, so there is a store that holds it
    return control


def _unit_names(doors: Doors) -> dict[str, str]:
    frame = known_units(doors.services.store, doors.services.settings, doors.services.realm)
    return dict(zip(frame["code"], frame["name"], strict=True))


def _shown(session: Session, viewer: Viewer) -> dict[str, Any]:
    """A session as its owner sees it: enough of the digest to name it, none of it opens anything."""
    return {
        "id": session.digest[:16],
        "agent": short(session.agent),
        "address": session.address,
        "opened": session.opened,
        "seen": session.seen,
        "here": session.digest == viewer.session,
    }


def _back(done: str) -> Response:
    return RedirectResponse(f"/akun?done={done}", 303, {"Cache-Control": "no-store"})
