"""`/masuk/oidc`: sign in at the city's identity provider, and come back."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from coc.access import Viewer
from coc.access.loopback import is_local
from coc.access.oidc import Person, Provider, rights_of
from coc.access.oidc_errors import OidcError, said
from coc.access.sign_in import Opened, named
from coc.live.doors.forms import Doors, address_of, agent_of, safe_way
from coc.live.doors.sign_in import form, later, let_in
from coc.live.doors.workers import CrowdedError
from coc.settings.models import OidcGroup
from coc.store import StoreError
from coc.store.control import Account
from coc.store.control.flows import LIVES, Flow
from coc.store.trouble import cause_of

log = logging.getLogger("coc.doors")
T = TypeVar("T")
BACK: Final = "/masuk/oidc/kembali"
_ENDS: Final = {"flow": 400, **dict.fromkeys(("denied", "token", "claims", "group", "name", "taken", "shut"), 403)}
_SECRET: Final = 43  # characters of 32 bytes
_SOON: Final = 10
_MOST_NAMED: Final = 20


async def begin(request: Request) -> Response:
    """Off to the provider."""
    doors: Doors = request.app.state.doors
    way = safe_way(request.query_params.get("next", ""))
    # One name for all tabs of a browser: a second one that signs in must not spoil the first.
    held = request.cookies.get(_cookie(doors), "")
    browser = held if len(held) == _SECRET else secrets.token_urlsafe(32)

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
            raise said(query["error"])
        if query.get("iss", _provider(doors).said_issuer()) != _provider(doors).said_issuer():
            raise OidcError("token", "the way back is another provider's")
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
    account = ""
    try:
        found = await doors.asking.run(work)
    except CrowdedError:
        return later(form(doors, request, way, 503, error="crowded"), _SOON)
    except OidcError as error:
        why, account = error.why, error.account
        log.warning("nobody was let in by the identity provider: %s", error)
    except Exception as error:
        if cause_of(error) is None:
            raise
        log.warning("a sign-in by the identity provider could not be tried: %s", cause_of(error))
        return form(doors, request, way, 503, error="away")
    else:
        answer = then(found)
        return answer if isinstance(answer, Response) else await answer
    doors.services.audit.wrote(Viewer("public", account), "sign-in.oidc", why, address_of(request), "refused")
    return form(doors, request, way, _ENDS.get(why, 503), error=f"oidc.{why}")


def _opened(doors: Doors, request: Request, person: Person) -> Opened:
    """The session of who came back: the account is known by issuer and subject, its rights by the groups of today."""
    provider, control = _provider(doors), doors.control
    rights, held = rights_of(provider.config.groups, person), _held(doors, person)
    if rights is None:
        # For the admin who maps them. Groups and an account's name are no more than an admin sees at the provider.
        whose = held.name if held else named(person.name) or "a person without a name"
        groups = ", ".join(ascii(group) for group in person.groups[:_MOST_NAMED]) or "none at all"
        raise OidcError("group", f"oidc.groups maps none of the groups of {whose}: {groups}", held.name if held else "")
    if held is None:
        held = _new(doors, person, rights)
    if held.disabled is not None or doors.services.sessions.over(held):
        raise OidcError("shut", f"the account {held.name} is disabled or its term is over", held.name)
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
        held = _held(doors, person)  # made by another tab of the same person, just now
        if held is not None:
            return held
        # Who controls a name at the provider must not become who had it here before.
        raise OidcError("taken", f"an account {name} is here already, and it is another's", name) from error


def _held(doors: Doors, person: Person) -> Account | None:
    mine = (_provider(doors).issuer, person.subject)
    return next((a for a in doors.control.accounts() if (a.issuer, a.subject) == mine), None)


def _sent(doors: Doors, url: str, browser: str) -> Response:
    response = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
    doors.keep(response, _cookie(doors), browser, int(LIVES.total_seconds()))
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
    """Under https with the prefix that no other host of the domain can set: it could sign people in as its own."""
    return f"{'__Host-' if doors.https else ''}coc_flow_{doors.services.realm}"
