"""A request becomes a viewer with a lens, or a refusal. Denied by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from coc.access.address import client_of
from coc.access.loopback import headers_named, is_local
from coc.access.sessions import Sessions
from coc.access.table import Right
from coc.access.tokens import Tokens
from coc.access.viewer import LENSES, Lens, Refusal, Viewer, lens_named
from coc.settings.models import Realm

Scope = Mapping[str, Any]
LENS_COOKIE: Final = "coc_demo_lens"
DEMO_LENS: Final[Lens] = "leader"
STRANGER: Final = Refusal(
    403,
    "Not signed in",
    "Nobody can sign in here yet, so the live realm opens only on the machine that serves it, at http://127.0.0.1 "
    "with its port. `coc user add NAME --role admin` there makes the first account; `coc token create NAME --role "
    "admin` a program's key.",
    code="no-account",
)
SIGN_IN: Final = Refusal(
    401, "Sign in", "Sign in at /masuk; a program sends `Authorization: Bearer TOKEN`.", code="sign-in"
)
NOT_YOURS: Final = Refusal(403, "Not yours", "Your role may not see this.", code="lens")
NO_SESSION: Final = Refusal(
    403,
    "Only signed in",
    "This is for who has signed in with an account: a token or this machine has none.",
    code="own",
)


NO_TOKEN: Final = Refusal(401, "Bearer token wanted", "Send one `Authorization: Bearer TOKEN` header.", code="token")
A_PROBE: Final = Refusal(403, "Not yours", "A probe's token reports at /api/v1/probe and opens nothing else.", "probe")
NO_PROBE: Final = Refusal(403, "Not yours", "Only a token of the role probe may report here.", code="no-probe")


class Gatekeeper:
    """`viewer_of` touches memory only: the event loop may call it for every request."""

    def __init__(self, realm: Realm, tokens: Tokens, sessions: Sessions, *, https: bool = False) -> None:
        self.realm, self.tokens, self.sessions = realm, tokens, sessions
        self.cookie = session_cookie(realm, https=https)

    def viewer_of(self, scope: Scope, right: Right = Right.VIEWER) -> Viewer | Refusal:
        """Who asks: by token, else by session, else by where the request comes from.

        A token that is shown must be good, wherever the request comes from.
        """
        shown = headers_named(scope.get("headers") or (), b"authorization")
        if shown:
            found = _in_its_place(self._by_token(shown, scope), right)
        elif right is Right.PROBE:
            return NO_TOKEN
        elif right is Right.MACHINE:
            return Viewer("operator", "loopback") if is_local(scope) else STRANGER
        else:
            found = self._by_session(scope) or self._by_place(scope)
        if isinstance(found, Refusal) or right is not Right.SIGNED_IN or found.session:
            return found
        return NO_SESSION if self.sessions.any_account else STRANGER

    def _by_session(self, scope: Scope) -> Viewer | Refusal | None:
        secret = cookie(scope, self.cookie)
        if not secret:
            return None
        found = self.sessions.viewer_of(secret, client_of(scope))
        if self.realm == "demo":
            return None if isinstance(found, Refusal) else self._in_demo(scope, replace(found, lens=DEMO_LENS))
        return found if isinstance(found, Refusal) else _undressed(scope, found)

    def _by_place(self, scope: Scope) -> Viewer | Refusal:
        if self.realm == "demo":
            return self._in_demo(scope, Viewer(DEMO_LENS, "demo"))
        if self.sessions.any_account:
            return SIGN_IN
        return _undressed(scope, Viewer("operator", "loopback")) if is_local(scope) else STRANGER

    def _by_token(self, shown: list[str], scope: Scope) -> Viewer | Refusal:
        scheme, _, secret = shown[0].partition(" ")
        if len(shown) != 1 or scheme.lower() != "bearer" or not secret.strip():
            return NO_TOKEN
        viewer = self.tokens.viewer_of(secret.strip())
        if isinstance(viewer, Refusal) or not query_value(scope, "lens"):
            return viewer
        if self.realm == "demo":
            return self._in_demo(scope, viewer)
        return Refusal(403, "No choice of lens", "A token's role decides its lens in live.", code="lens-asked")

    def _in_demo(self, scope: Scope, viewer: Viewer) -> Viewer | Refusal:
        """All data is simulated: everyone may put on any lens, to see what masking does."""
        asked = query_value(scope, "lens")
        if asked:
            lens = lens_named(asked)
            if lens is None:
                return Refusal(422, "Unknown lens", f"A lens is one of {', '.join(LENSES)}.")
            return replace(viewer, lens=lens)
        kept = lens_named(cookie(scope, LENS_COOKIE) or "")
        return replace(viewer, lens=kept) if kept else viewer


def _in_its_place(found: Viewer | Refusal, right: Right) -> Viewer | Refusal:
    """A probe's token opens the probes' door alone, and no other token opens that."""
    if isinstance(found, Refusal) or found.probe is (right is Right.PROBE):
        return found
    return A_PROBE if found.probe else NO_PROBE


def session_cookie(realm: Realm, *, https: bool = False) -> str:
    """Named by realm: two realms of one host share the browser's cookies.

    Under https with the prefix that no other host of the same domain can set a cookie of.
    """
    return f"__Host-coc_{realm}" if https else f"coc_{realm}"


def _undressed(scope: Scope, viewer: Viewer) -> Viewer | Refusal:
    """In the live realm nobody chooses a lens."""
    if query_value(scope, "lens"):
        return Refusal(403, "No choice of lens", "A lens can be put on in the demo realm only.", code="lens-asked")
    return viewer


def _query(scope: Scope, name: str) -> str:
    raw = scope.get("query_string") or b""
    if name.encode() not in raw and b"%" not in raw:
        return ""
    return str(parse_qs(raw.decode("latin-1"), max_num_fields=100).get(name, [""])[-1])


def query_value(scope: Scope, name: str) -> str:
    """The last value of a query parameter, "" without one. Too many parameters are as none."""
    try:
        return _query(scope, name)
    except ValueError:
        return ""


def cookie(scope: Scope, name: str) -> str | None:
    for header in headers_named(scope.get("headers") or (), b"cookie"):
        try:
            found = SimpleCookie(header).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return None
