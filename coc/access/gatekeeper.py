"""A request becomes a viewer with a lens, or a refusal. Denied by default."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from coc.access.loopback import headers_named, is_local
from coc.access.routes import Right
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
    "with its port. From elsewhere: `ssh -L 8050:127.0.0.1:8050 THAT_MACHINE`; a program sends the token that "
    "`coc token create NAME --role admin` makes there.",
)


class Gatekeeper:
    """`viewer_of` touches memory only: the event loop may call it for every request."""

    def __init__(self, realm: Realm, tokens: Tokens) -> None:
        self.realm, self.tokens = realm, tokens

    def viewer_of(self, scope: Scope, right: Right = Right.VIEWER) -> Viewer | Refusal:
        """Who asks. A token that is shown must be good, wherever the request comes from."""
        shown = headers_named(scope.get("headers") or (), b"authorization")
        if shown:
            return self._by_token(shown, scope)
        if right is Right.MACHINE:
            return Viewer("operator", "loopback") if is_local(scope) else STRANGER
        if self.realm == "demo":
            return self._in_demo(scope, Viewer(DEMO_LENS, "demo"))
        if not is_local(scope):
            return STRANGER
        if query_value(scope, "lens"):
            return Refusal(403, "No choice of lens", "A lens can be put on in the demo realm only.")
        return Viewer("operator", "loopback")

    def _by_token(self, shown: list[str], scope: Scope) -> Viewer | Refusal:
        scheme, _, secret = shown[0].partition(" ")
        if len(shown) != 1 or scheme.lower() != "bearer" or not secret.strip():
            return Refusal(401, "Bearer token wanted", "Send one `Authorization: Bearer TOKEN` header.")
        viewer = self.tokens.viewer_of(secret.strip())
        if isinstance(viewer, Refusal) or not query_value(scope, "lens"):
            return viewer
        if self.realm == "demo":
            return self._in_demo(scope, viewer)
        return Refusal(403, "No choice of lens", "A token's role decides its lens in the live realm.")

    def _in_demo(self, scope: Scope, viewer: Viewer) -> Viewer | Refusal:
        """All data is simulated: everyone may put on any lens, to see what masking does."""
        asked = query_value(scope, "lens")
        if asked:
            lens = lens_named(asked)
            if lens is None:
                return Refusal(422, "Unknown lens", f"A lens is one of {', '.join(LENSES)}.")
            return Viewer(lens, viewer.name, viewer.units)
        kept = lens_named(cookie(scope, LENS_COOKIE) or "")
        return Viewer(kept, viewer.name, viewer.units) if kept else viewer


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
