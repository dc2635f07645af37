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
from typing import Any, Final, cast
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import ClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet, KeySetSerialization

from coc.access.oidc_errors import OidcError, Why, said, unreached
from coc.settings.models import Oidc, OidcGroup

# Asymmetric ones only: with a shared secret, or none, whoever reads the public key could sign.
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_KEPT_SECONDS: Final = 3_600.0
_KEYS_AGAIN_SECONDS: Final = 10.0  # an unknown key is looked for, but not for every forged token
_LEEWAY_SECONDS: Final = 60
_WHEN: Final = ("exp", "iat", "nbf")
_AWAY_SECONDS: Final = 3.0  # how long one failure answers for all who come: a crowd waits once, not in turn
_MOST_BYTES: Final = 512_000
_LONGEST_HINT: Final = 6_000  # it goes back in an address
_PLACES: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MORE_PLACES: Final = ("userinfo_endpoint", "end_session_endpoint")


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
        self._failed: tuple[float, Why, str] | None = None

    def metadata(self) -> dict[str, Any]:
        """What the provider says of itself, for an hour. Raises OidcError (away, answer)."""
        with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < _KEPT_SECONDS:
                return self._known[1]
            if self._failed is not None and time.monotonic() - self._failed[0] < _AWAY_SECONDS:
                raise OidcError(*self._failed[1:])
            try:
                found = self._discovered()
            except OidcError as error:
                self._failed = (time.monotonic(), error.why, "a moment ago")
                raise
            self._known, self._failed = (time.monotonic(), found), None
            return found

    def _discovered(self) -> dict[str, Any]:
        found = self._fetch(f"{self.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            raise OidcError("answer", f"the discovery document is of another issuer than {self.issuer}")
        missing = [name for name in _PLACES if not isinstance(found.get(name), str)]
        if missing:
            raise OidcError("answer", f"the discovery document lacks {', '.join(missing)}")
        # Codes, secrets and browsers are sent there: no less safe than the issuer itself.
        safe = ("https://",) if self.issuer.startswith("https://") else ("https://", "http://")
        odd = [n for n in (*_PLACES, *_MORE_PLACES) if n in found and not str(found[n]).startswith(safe)]
        if odd:
            raise OidcError("answer", f"the discovery document names no {safe[0]} address as {', '.join(odd)}")
        return found

    def check(self) -> None:
        """Raises OidcError (away, tls, answer) where nobody could sign in: no discovery document, or no keys."""
        self.metadata()
        self._keyset()

    def said_issuer(self) -> str:
        """The issuer as the provider writes it, perhaps with a slash that config has not."""
        return str(self.metadata()["issuer"])

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
        """Who the code is of. Raises OidcError (away, tls, answer, flow, token, clock, claims)."""
        known = self.metadata()
        with self._session(redirect_uri) as session:
            try:
                token = session.fetch_token(
                    known["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
            except OAuthError as error:
                raise said(str(error.error)) from error
            except requests.RequestException as error:
                raise unreached(known["token_endpoint"], error) from error
            except (ValueError, TypeError, AttributeError) as error:
                raise OidcError("answer", "the token endpoint answers no JSON object") from error
            claims = self._claims(str(token.get("id_token") or ""), nonce)
            wanted = {self.config.groups_claim, self.config.name_claim}
            if not wanted <= claims.keys() and "userinfo_endpoint" in known:
                claims = {**self._userinfo(session, known["userinfo_endpoint"], claims["sub"]), **claims}
        hint = str(token["id_token"]) if "end_session_endpoint" in known else ""
        return Person(
            subject=str(claims["sub"]),
            name=str(claims.get(self.config.name_claim) or ""),
            groups=self._groups(claims),
            hint=hint if len(hint) <= _LONGEST_HINT else "",
        )

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        groups = claims.get(self.config.groups_claim) or []
        found = [groups] if isinstance(groups, str) else groups
        if not isinstance(found, list) or not all(isinstance(group, str) for group in found):
            raise OidcError("claims", f"the claim {self.config.groups_claim} is no list of names")
        return tuple(found)

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
        session.max_redirects = 0  # code and secret go where discovery says, and no further
        return session

    def _userinfo(self, session: OAuth2Session, place: str, subject: str) -> dict[str, Any]:
        try:
            answer = session.get(place, allow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
        except requests.JSONDecodeError as error:
            raise OidcError("answer", "userinfo is no JSON object") from error
        except requests.RequestException as error:
            raise unreached(place, error) from error
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
        except ClaimError as error:
            timely = error.claim not in _WHEN or isinstance(error, MissingClaimError)
            raise OidcError("token" if timely else "clock", f"{type(error).__name__}: {error.claim}") from error
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
        except requests.JSONDecodeError:
            found = None
        except requests.RequestException as error:
            raise unreached(url, error) from error
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
