"""The outermost layer: every request passes the same checks, every answer carries the same safety."""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any, Final

from coc.access import LENS_COOKIE, Gatekeeper, Refusal, Right, Viewer
from coc.access.address import Address, client_of
from coc.access.audit import Audit
from coc.access.gatekeeper import NOT_YOURS, cookie, query_value
from coc.access.loopback import headers_named
from coc.access.table import Rule, Speaks, rule_of
from coc.access.viewer import lens_named
from coc.live.choices import LANGUAGE_COOKIE
from coc.live.measures import Measures
from coc.live.problems import send_problem
from coc.live.rates import Throttle
from coc.live.refusal_page import refusal_page
from coc.settings.models import Realm, Settings

log = logging.getLogger("coc.gate")
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
MOST_BODY: Final = 1_000_000  # bytes of a callback
_BODY_SECONDS: Final = 10.0
_LONGEST_URL: Final = 8_000
_TWO_LENGTHS: Final = "two lengths"
_MOST_HEADERS: Final = 100
_MOST_HEADER_BYTES: Final = 32_000
_SAFETY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
# A year, for this name alone: what else the city serves below it is not ours to decide.
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
# For what is no page: nothing in it may load or run anything.
_CSP_OF_DATA: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
CSP_OF_REFUSAL: Final = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
HEADERS_OF_REFUSAL: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    CSP_OF_REFUSAL,
)
# What ends at the sign-in form, where a person asks for a page.
_TO_SIGN_IN: Final = frozenset({"sign-in", "session", "term"})
_NOT_AN_ACCOUNT: Final = frozenset({"own", "no-account"})
_DROPPED: Final = frozenset({b"server", b"x-powered-by"})
_COUNTED: Final = frozenset({"/masuk/oidc"})  # a GET that writes what must be remembered until the way back


class Gate:
    """An ASGI app around the whole application. Puts `coc.viewer` into the scope of what it lets through."""

    def __init__(
        self, inner: AsgiApp, settings: Settings, realm: Realm, gatekeeper: Gatekeeper, audit: Audit, measures: Measures
    ) -> None:
        self.inner, self.settings, self.realm = inner, settings, realm
        self.gatekeeper, self.audit, self.measures = gatekeeper, audit, measures
        self.address = Address(settings.server.public_url)
        self.throttle = Throttle()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        rule = rule_of(scope["path"])
        guarded = _Guarded(send, head=scope["method"] == "HEAD", https=self.address.https)
        try:
            await self._pass(scope, receive, guarded, rule)
        except Exception:
            log.exception("%s %s failed", scope["method"], rule.path if rule else "an unknown path")
            if not guarded.started:
                said = "A defect of this program; it is in its log. The last picture stays."
                await self._refuse(scope, guarded, rule, Refusal(500, "It failed", said))
        finally:
            self.measures.requests.labels(rule.path if rule else "none", str(guarded.status)).inc()
            if guarded.status in (401, 403) or guarded.retry_after:
                self._note(scope, guarded)

    async def _pass(self, scope: Any, receive: Any, send: _Guarded, rule: Rule | None) -> None:
        misplaced = _odd(scope) or self.address.misdirected(scope)
        if misplaced is not None:
            await self._refuse(scope, send, rule, misplaced)
            return
        realm = query_value(scope, "realm")
        if realm and realm != self.realm:
            said = f"This server is the {self.realm} realm's; no other can be seen through it."
            await self._refuse(scope, send, rule, Refusal(404, "Another realm", said))
            return
        right = rule.right if rule else Right.VIEWER
        viewer = None if right is Right.ANYONE else await self._viewer(scope, right)
        if isinstance(viewer, Refusal):
            if _may_be_sent(scope, rule, viewer):
                await _send_to_sign_in(scope, send)
                return
            known = viewer.status not in (401, 403)
            await self._refuse(
                scope, send, rule, (None if known else self.throttle.refusal(client_of(scope))) or viewer
            )
            return
        send.viewer = viewer
        if viewer is not None and rule is not None and viewer.lens not in rule.lenses:
            await self._refuse(scope, send, rule, NOT_YOURS)
            return
        refusal = self._unfit(scope, rule, viewer)
        if refusal is not None or rule is None:
            await self._refuse(
                scope, send, rule, refusal or Refusal(404, "Not found", "There is nothing at this path.")
            )
            return
        if scope["method"] == "POST":
            receive = await self._body(scope, receive, send, rule)
            if receive is None:
                return
        elif self.realm == "demo" and rule.speaks is Speaks.PAGE:
            send.cookie = _lens_cookie(scope)
        inner = {**scope, "coc.viewer": viewer}
        if scope["method"] == "HEAD":
            inner |= {"method": "GET", "coc.head": True}
        await self.inner(inner, receive, send)

    async def _viewer(self, scope: Any, right: Right) -> Viewer | Refusal:
        viewer = self.gatekeeper.viewer_of(scope, right)
        if isinstance(viewer, Refusal) and viewer.code == "session" and self.gatekeeper.sessions.stale():
            await asyncio.to_thread(self.gatekeeper.sessions.refresh)
            return self.gatekeeper.viewer_of(scope, right)
        return viewer

    async def _body(self, scope: Any, receive: Any, send: _Guarded, rule: Rule) -> Any:
        """The whole body, read here so that a slow or endless one holds no worker. None where it was refused."""
        body = b""
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > MOST_BODY:
                        said = f"A request may hold {MOST_BODY} bytes at most."
                        await self._refuse(scope, send, rule, Refusal(413, "Too large", said))
                        return None
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            await self._refuse(scope, send, rule, Refusal(408, "Too slow", "The request's body did not come in time."))
            return None
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return parts.pop() if parts else await receive()

        return replay

    def _unfit(self, scope: Any, rule: Rule | None, viewer: Viewer | None) -> Refusal | None:
        """What is wrong with a request whose sender may come in."""
        if rule is None:
            return None
        method = scope["method"]
        if method not in rule.methods:
            return Refusal(405, "Method not allowed", f"This path takes {' and '.join(rule.methods)}.")
        if method == "POST" and not self.address.same_origin(scope):
            return Refusal(403, "Another origin", "A page of another origin may not write here.")
        if method == "POST" or scope["path"] in _COUNTED:
            often = self.throttle.post(client_of(scope), viewer)
            if often is not None:
                return often
        lengths = headers_named(scope["headers"], b"content-length")
        if lengths and lengths[0].isdigit() and int(lengths[0]) > MOST_BODY:
            return Refusal(413, "Too large", f"A request may hold {MOST_BODY} bytes at most.")
        return None

    async def _refuse(self, scope: Any, send: _Guarded, rule: Rule | None, refusal: Refusal) -> None:
        send.refused = refusal.title.lower()
        send.retry_after = self.throttle.left() if refusal.status == 429 else 0
        if rule is not None and rule.speaks is Speaks.PAGE:
            asked = query_value(scope, "lang") or cookie(scope, LANGUAGE_COOKIE) or self.settings.city.languages[0]
            body = refusal_page(refusal, self.settings.city.name, asked)
            headers = [*HEADERS_OF_REFUSAL, (b"content-length", str(len(body)).encode())]
            if refusal.status == 401:
                headers.append((b"www-authenticate", b'Bearer realm="coc"'))
            await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        extra = {"code": refusal.code} if refusal.code else {}
        await send_problem(send, refusal.status, refusal.said, refusal.title, **extra)

    def _note(self, scope: Any, answered: _Guarded) -> None:
        """A refusal leaves its line, whoever within gave it."""
        outcome = f"{answered.status} {answered.refused}".strip()
        self.audit.refused("refused", scope["path"], client_of(scope), outcome, answered.viewer)


def _may_be_sent(scope: Any, rule: Rule | None, refusal: Refusal) -> bool:
    """Whether a person without a session, or before a page that is an account's own, is shown the sign-in form."""
    if rule is None or rule.speaks is not Speaks.PAGE or scope["method"] not in rule.methods:
        return False
    return refusal.code in _TO_SIGN_IN or (rule.right is Right.SIGNED_IN and refusal.code in _NOT_AN_ACCOUNT)


async def _send_to_sign_in(scope: Any, send: Any) -> None:
    """To the form, and from there back to what was asked for; what a form would have changed is asked anew."""
    query = scope.get("query_string") or b""
    asked = scope["path"] + (f"?{query.decode('latin-1')}" if query else "")
    if scope["method"] == "POST":
        asked = "/" + scope["path"].split("/")[1]
    # What the address chose holds at the door, too.
    words = {name: value for name in ("lang", "theme") if (value := query_value(scope, name)).isalpha()}
    wanted = urllib.parse.urlencode(({"next": asked} if asked != "/" else {}) | words)
    place = "/masuk" + (f"?{wanted}" if wanted else "")
    headers = [(b"location", place.encode()), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _odd(scope: Any) -> Refusal | None:
    """What no browser sends."""
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > _LONGEST_URL:
        return Refusal(414, "Too long", f"An address may have {_LONGEST_URL} characters at most.")
    headers = scope["headers"]
    if len(headers) > _MOST_HEADERS or sum(len(k) + len(v) for k, v in headers) > _MOST_HEADER_BYTES:
        return Refusal(431, "Headers too large", f"The headers may hold {_MOST_HEADER_BYTES} bytes at most.")
    if headers_named(headers, b"transfer-encoding") and headers_named(headers, b"content-length"):
        # A proxy that believes the one while we believe the other takes our second request for this one's body.
        return Refusal(
            400, _TWO_LENGTHS.capitalize(), "A request has a length or comes in chunks, not both.", code="lengths"
        )
    return None


def _lens_cookie(scope: Any) -> bytes | None:
    """In the demo realm `?lens=` sticks, as the language does."""
    lens = lens_named(query_value(scope, "lens"))
    if lens is None:
        return None
    made = SimpleCookie({LENS_COOKIE: lens})
    made[LENS_COOKIE]["path"] = "/"
    made[LENS_COOKIE]["samesite"] = "Lax"
    made[LENS_COOKIE]["httponly"] = True
    return made[LENS_COOKIE].OutputString().encode()


class _Guarded:
    """`send` with the safety headers; a HEAD answer keeps its headers and loses its body."""

    def __init__(self, send: Any, *, head: bool, https: bool = False) -> None:
        self._send, self._head, self._https = send, head, https
        self.started, self.status = False, 0
        self.cookie: bytes | None = None
        self.viewer: Viewer | None = None
        self.refused = ""  # why, in a word or two, where it is known
        self.retry_after = 0  # seconds, where it is too often

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            message = {**message, "headers": self._headers(message.get("headers", []))}
        elif message["type"] == "http.response.body" and self._head:
            message = {**message, "body": b""}
        await self._send(message)

    def _headers(self, given: Any) -> list[tuple[bytes, bytes]]:
        headers = [(k, v) for k, v in given if k.lower() not in _DROPPED]
        names = {k.lower() for k, _ in headers}
        headers += [pair for pair in (*_SAFETY, _CSP_OF_DATA) if pair[0] not in names]
        if self.cookie is not None:
            headers.append((b"set-cookie", self.cookie))
        if b"cache-control" not in names:
            headers.append((b"cache-control", b"private, no-cache"))
        if self.refused == _TWO_LENGTHS:
            headers.append((b"connection", b"close"))
        if self._https:
            headers = [*map(_secured, headers), _HSTS]
        if self.retry_after:
            headers.append((b"retry-after", str(self.retry_after).encode()))
        return headers


def _secured(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """No cookie of an https address leaves in the clear, whoever sets it."""
    name, value = header
    if name.lower() != b"set-cookie" or b"; secure" in value.lower():
        return header
    return name, value + b"; Secure"
