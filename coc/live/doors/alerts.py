"""`/peringatan/tangani?id=N`: acknowledge one alert, mute it for a time, and take either back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import Viewer
from coc.clock import system_now
from coc.live.doors.forms import Doors, address_of, fields_of, message
from coc.store import Control
from coc.store.control import Incident, Mute
from coc.ui import alert_words as words
from coc.ui.format import Writer

HANDLE: Final = "/peringatan/tangani"
HOURS: Final = (1, 4, 12, 24)  # a mute ends: nobody looks after one that does not
Fields = dict[str, str]


async def handle(request: Request) -> Response:
    """The page of one alert, and what its forms do."""
    doors: Doors = request.app.state.doors
    fields = await fields_of(request) if request.method == "POST" else {}
    asked = fields.get("id") or request.query_params.get("id", "")
    realm = doors.services.realm
    forged = request.method == "POST" and doors.forged(request, fields)
    found = await asyncio.to_thread(doors.control.incident, realm, int(asked)) if _is_number(asked) else None
    if found is None:
        return message(doors, request, 403 if forged else 404, "tangani.title", "tangani.gone")
    if request.method != "POST":
        return await _show(doors, request, found, done=request.query_params.get("done", ""))
    if forged:
        return await _show(doors, request, found, 403, stale=True)
    done = await asyncio.to_thread(_take, doors, request, found, fields)
    doors.services.alerts_moved()
    return RedirectResponse(f"{HANDLE}?id={found.id}&done={done}", 303, {"Cache-Control": "no-store"})


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _take(doors: Doors, request: Request, found: Incident, fields: Fields) -> str:
    """Do what a form asks; what was done, "late" where nothing was."""
    control, realm = doors.control, doors.services.realm
    viewer: Viewer = request.scope["coc.viewer"]
    asked = fields.get("do", "")
    named = f"{found.rule} {found.scope}".strip()
    if asked in ("acknowledge", "unacknowledge"):
        undo = asked == "unacknowledge"
        did = control.acknowledge(realm, found.id, viewer.lens, viewer.name, undo=undo)
    elif asked == "mute" and fields.get("hours", "") in map(str, HOURS) and found.ended is None:
        scope = None if fields.get("scope") == "rule" else found.scope
        until = system_now() + timedelta(hours=int(fields["hours"]))
        control.mute(realm, found.rule, scope, until, viewer.lens, viewer.name)
        named, did = f"{found.rule if scope is None else named}, {fields['hours']} h", True
    else:
        mine = [m for m in _mutes(control, realm, found) if str(m.id) == fields.get("mute")]
        did = asked == "unmute" and bool(mine) and control.unmute(realm, mine[0].id)
    if not did:
        return "late"
    doors.services.audit.wrote(viewer, f"alert.{asked}", named, address_of(request))
    return asked


def _mutes(control: Control, realm: str, found: Incident) -> list[Mute]:
    return [mute for mute in control.mutes(realm) if mute.covers(found.rule, found.scope)]


async def _show(doors: Doors, request: Request, found: Incident, status: int = 200, **more: Any) -> Response:
    services = doors.services
    writer = Writer(doors.chosen(request).language, ZoneInfo(services.settings.city.time_zone))
    facts = {**found.facts, "scope": found.scope}
    rule = services.settings.alerts.in_force.get(found.rule)
    mutes = await asyncio.to_thread(_mutes, doors.control, services.realm, found)
    return doors.page(
        request,
        "tangani",
        status,
        found=found,
        what=words.what(writer, facts),
        figure=words.figure(writer, facts),
        rule=words.rule_words(writer, rule) if rule else found.rule,
        mutes=mutes,
        hours=HOURS,
        today=services.now(),
        **{"done": "", "stale": False} | more,
    )
