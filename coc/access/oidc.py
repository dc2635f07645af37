"""Signing in at an OpenID Connect provider: code flow with PKCE, an ID token that is checked in full, logout.

Authlib speaks OAuth, joserfc checks signatures; what is ours is what is believed of it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from coc.settings.models import Oidc, OidcGroup

Why = Literal["away", "answer", "flow", "denied", "token", "group", "name", "shut", "public_url"]
# Asymmetric ones only: with a shared secret, or none, whoever reads the public key could sign.
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_KEPT_SECONDS: Final = 3_600.0
_KEYS_AGAIN_SECONDS: Final = 10.0  # an unknown key is looked for, but not for every forged token
_LEEWAY_SECONDS: Final = 60
_MOST_BYTES: Final = 512_000


class OidcError(Exception):
    """Nobody was let in. `why` chooses the words; the rest is for the log and holds nothing of the token."""

    def __init__(self, why: Why, said: str = "") -> None:
        super().__init__(f"{why}: {said}")
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Started:
    """Where to send the browser, and what must be remembered until it comes back."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who came back. `hint`: the ID token, for the provider's own sign-out; "" where it has none."""

    subject: str
    name: str
    groups: tuple[str, ...]
    hint: str


class Provider:
    """Blocks on the network: call it off the event loop. Thread-safe."""

    def __init__(self, config: Oidc) -> None:
        assert config.issuer is not None
        self.config, self.issuer = config, config.issuer.rstrip("/")
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def metadata(self) -> dict[str, Any]:
        """What the provider says of itself, for an hour. Raises OidcError (away, answer)."""
        with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < _KEPT_SECONDS:
                return self._known[1]
            found = self._fetch(f"{self.issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self.issuer:
                raise OidcError("answer", f"the discovery document is of another issuer than {self.issuer}")
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            missing = [name for name in wanted if not isinstance(found.get(name), str)]
            if missing:
                raise OidcError("answer", f"the discovery document lacks {', '.join(missing)}")
            self._known = (time.monotonic(), found)
            return found

    def start(self, redirect_uri: str) -> Started:
        """Begin a sign-in that comes back to `redirect_uri`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self.metadata()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_challenge=challenge,
                code_challenge_method="S256",
            )
        return Started(str(url), state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str, redirect_uri: str) -> Person:
        """Who the code is of. Raises OidcError (away, answer, token)."""
        known = self.metadata()
        with self._session(redirect_uri) as session:
            try:
                token = session.fetch_token(
                    known["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
            except OAuthError as error:
                raise OidcError("token", f"the provider refused the code: {error.error}") from error
            except (requests.RequestException, ValueError) as error:
                raise OidcError("away", type(error).__name__) from error
            claims = self._claims(str(token.get("id_token") or ""), nonce)
            if self.config.groups_claim not in claims and isinstance(known.get("userinfo_endpoint"), str):
                claims = {**self._userinfo(session, known["userinfo_endpoint"], claims["sub"]), **claims}
        groups = claims.get(self.config.groups_claim) or ()
        return Person(
            subject=str(claims["sub"]),
            name=str(claims.get(self.config.name_claim) or ""),
            groups=(groups,) if isinstance(groups, str) else tuple(str(g) for g in groups),
            hint=str(token["id_token"]) if known.get("end_session_endpoint") else "",
        )

    def sign_out_url(self, hint: str, back: str) -> str | None:
        """Where the provider's own session is ended; None where it has no such place."""
        place = self.metadata().get("end_session_endpoint")
        if not isinstance(place, str):
            return None
        query = {"id_token_hint": hint, "client_id": self.config.client_id}
        query |= {"post_logout_redirect_uri": back} if back else {}
        return f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"

    def _session(self, redirect_uri: str) -> OAuth2Session:
        method = "client_secret_basic" if self.config.client_secret else "none"
        offered = (self._known[1] if self._known else {}).get("token_endpoint_auth_methods_supported")
        if self.config.client_secret and offered and method not in offered and "client_secret_post" in offered:
            method = "client_secret_post"
        session = OAuth2Session(
            self.config.client_id,
            self.config.client_secret,
            scope=" ".join(self.config.scopes),
            redirect_uri=redirect_uri,
            token_endpoint_auth_method=method,
            default_timeout=self.config.timeout_seconds,
        )
        session.verify = self.config.verify
        session.trust_env = False
        return session

    def _userinfo(self, session: OAuth2Session, place: str, subject: str) -> dict[str, Any]:
        try:
            answer = session.get(place)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise OidcError("away", type(error).__name__) from error
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise OidcError("token", "userinfo is of somebody else")
        return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The ID token's claims, once everything about it is right."""
        try:
            try:
                found = jwt.decode(token, self._keyset(), algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                found = jwt.decode(token, self._keyset(again=True), algorithms=_ALGORITHMS)
            registry = jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self.metadata()["issuer"]},
                aud={"essential": True, "value": self.config.client_id},
                sub={"essential": True},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(found.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError("token", type(error).__name__) from error
        claims = dict(found.claims)
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.config.client_id:
            raise OidcError("token", "the token was made for another application")
        return claims

    def _keyset(self, *, again: bool = False) -> KeySet:
        place = self.metadata()["jwks_uri"]
        with self._lock:
            old = self._keys
            age = time.monotonic() - old[0] if old else _KEPT_SECONDS
            if old is not None and age < (_KEYS_AGAIN_SECONDS if again else _KEPT_SECONDS):
                return old[1]
            try:
                keys = KeySet.import_key_set(cast(KeySetSerialization, self._fetch(place)))
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise OidcError("answer", "the provider's keys cannot be read") from error
            self._keys = (time.monotonic(), keys)
            return keys

    def _fetch(self, url: str) -> dict[str, Any]:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(
                    url, timeout=self.config.timeout_seconds, verify=self.config.verify, allow_redirects=False
                )
                answer.raise_for_status()
                found = answer.json() if len(answer.content) <= _MOST_BYTES else None
        except (requests.RequestException, ValueError) as error:
            raise OidcError("away", f"{url}: {type(error).__name__}") from error
        if answer.status_code != requests.codes.ok or not isinstance(found, dict):
            raise OidcError("answer", f"{url} answers no JSON object")
        return found


def rights_of(groups: Mapping[str, OidcGroup], person: Person) -> OidcGroup | None:
    """What a person's groups give: the first group of config decides, and a head has the units of all of them."""
    mine = [group for name, group in groups.items() if name in person.groups]
    if not mine:
        return None
    first = mine[0]
    if first.role != "head":
        return first
    units = tuple(dict.fromkeys(unit for group in mine if group.role == "head" for unit in group.units))
    return first.model_copy(update={"units": units})
