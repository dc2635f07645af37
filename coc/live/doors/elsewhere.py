"""`/masuk/oidc`: sign in at the city's identity provider, and come back."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import Viewer
from coc.access.loopback import is_local
from coc.access.oidc import OidcError, Person, Provider, rights_of
from coc.access.sign_in import Opened, named
from coc.live.doors.forms import Doors, address_of, agent_of, safe_way
from coc.live.doors.sign_in import form, let_in
from coc.settings.models import OidcGroup
from coc.store import StoreError
from coc.store.control import Account
from coc.store.control.flows import LIVES, Flow

log = logging.getLogger("coc.doors")
T = TypeVar("T")
BACK: Final = "/masuk/oidc/kembali"
_ENDS: Final = {"denied": 403, "token": 403, "group": 403, "name": 403, "shut": 403, "flow": 400}


async def begin(request: Request) -> Response:
    """Off to the provider."""
    doors: Doors = request.app.state.doors
    way = safe_way(request.query_params.get("next", ""))
    browser = secrets.token_urlsafe(32)

    def started() -> str:
        found = _provider(doors).start(_back_url(doors, request))
        flow = Flow(found.nonce, found.verifier, way)
        doors.control.begin_flow(found.state, browser, flow)
        return found.url

    return await _taken(doors, request, way, started, lambda url: _sent(doors, url, browser))


async def come_back(request: Request) -> Response:
    """Back from the provider, with a code or with its refusal."""
    doors: Doors = request.app.state.doors
    query, browser = request.query_params, request.cookies.get(_cookie(doors), "")
    way = "/"

    def finished() -> tuple[Opened, str]:
        flow = doors.control.take_flow(query.get("state", ""), browser)
        if flow is None:
            raise OidcError("flow", "no such flow of this browser")
        if query.get("error"):
            raise OidcError("denied", "the provider let nobody in")
        person = _provider(doors).finish(query.get("code", ""), flow.nonce, flow.verifier, _back_url(doors, request))
        return _opened(doors, request, person), flow.way

    async def inside(found: tuple[Opened, str]) -> Response:
        opened, asked = found
        response = await let_in(doors, request, opened, safe_way(asked), "oidc")
        doors.drop(response, _cookie(doors))
        return response

    return await _taken(doors, request, way, finished, inside)


async def _taken(doors: Doors, request: Request, way: str, work: Callable[[], T], then: Callable[[T], Any]) -> Response:
    """Do what blocks, off the event loop; each way that it fails has its own words, and a line in the audit log."""
    try:
        found = await asyncio.to_thread(work)
    except OidcError as error:
        why = error.why
        log.warning("nobody was let in by the identity provider: %s", error)
    except Exception:
        why = "away"
        log.exception("a sign-in by the identity provider could not be tried")
    else:
        answer = then(found)
        return answer if isinstance(answer, Response) else await answer
    doors.services.audit.wrote(Viewer("public", ""), "sign-in.oidc", why, address_of(request), "refused")
    return form(doors, request, way, _ENDS.get(why, 503), error=f"oidc.{why}")


def _opened(doors: Doors, request: Request, person: Person) -> Opened:
    """The session of who came back: the account is known by issuer and subject, its rights by the groups of today."""
    provider, control = _provider(doors), doors.control
    rights = rights_of(provider.config.groups, person)
    if rights is None:
        raise OidcError("group", "none of the person's groups is mapped in oidc.groups")
    held = next((a for a in control.accounts() if (a.issuer, a.subject) == (provider.issuer, person.subject)), None)
    if held is None:
        held = _new(doors, person, rights)
    if held.disabled is not None or doors.services.sessions.over(held):
        raise OidcError("shut", f"the account {held.name} is disabled or its term is over")
    wanted = {"role": rights.role, "units": rights.units, "clearance": rights.clearance}
    if {name: getattr(held, name) for name in wanted} != wanted:
        control.change_account(held.name, **wanted)
    doors.services.sessions.refresh()
    secret = doors.services.sessions.open(
        held.name, via="oidc", agent=agent_of(request), address=address_of(request), hint=person.hint or None
    )
    return Opened(held, secret, 0)


def _new(doors: Doors, person: Person, rights: OidcGroup) -> Account:
    name = named(person.name)
    if name is None:
        raise OidcError("name", f"the claim {_provider(doors).config.name_claim} is no name of an account")
    issuer = _provider(doors).issuer
    made = Account(name, rights.role, rights.units, None, rights.clearance, issuer=issuer, subject=person.subject)
    try:
        return doors.control.add_account(made)
    except StoreError as error:
        # Who controls a name at the provider must not become who had it here before.
        raise OidcError("name", f"an account {name} is here already, and it is not the provider's") from error


def _sent(doors: Doors, url: str, browser: str) -> Response:
    response = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        _cookie(doors),
        browser,
        max_age=int(LIVES.total_seconds()),
        path="/masuk",
        secure=doors.https,
        httponly=True,
        samesite="lax",
    )
    return response


def _back_url(doors: Doors, request: Request) -> str:
    """Never from Host: what a stranger says we are called must not get a code sent there."""
    public = doors.services.settings.server.public_url
    if public:
        return public.rstrip("/") + BACK
    if not is_local(request.scope):
        raise OidcError("public_url", "server.public_url is not set, and this is not the machine itself")
    return f"http://{request.headers['host']}{BACK}"


def _provider(doors: Doors) -> Provider:
    if doors.provider is None:
        raise OidcError("flow", "config names no provider")
    return doors.provider


def _cookie(doors: Doors) -> str:
    return f"coc_flow_{doors.services.realm}"
