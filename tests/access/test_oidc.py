"""What is believed of an identity provider: a small one of our own that answers as an enemy would, over real HTTP."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from coc.access.oidc import OidcError, Person, Provider, rights_of
from coc.settings.models import Oidc, OidcGroup
from coc.store import Control
from coc.store.control import Account
from coc.store.control.flows import Flow

KEY, OTHER = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))


class Enemy:
    """What the provider says; each test spoils a part of it."""

    def __init__(self) -> None:
        self.issuer = self.origin = ""
        self.keys = [KEY]
        self.claims: dict[str, Any] = {}
        self.signed: Any = None
        self.userinfo: dict[str, Any] | None = None
        self.asked: list[str] = []

    def good(self) -> dict[str, Any]:
        now = int(time.time())
        who = {"sub": "7", "preferred_username": "rina", "groups": ["kepala-disdik"]}
        return {"iss": self.origin, "aud": "coc", "exp": now + 300, "iat": now, "nonce": "n", **who}

    def token(self) -> str:
        claims = {k: v for k, v in {**self.good(), **self.claims}.items() if v is not None}
        return self.signed(claims) if self.signed else jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)

    def answer(self, path: str) -> Any:
        if path.endswith("openid-configuration"):
            places = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
            found = {"issuer": self.issuer or self.origin, **{k: self.origin + v for k, v in places.items()}}
            return found | ({"userinfo_endpoint": self.origin + "/userinfo"} if self.userinfo else {})
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/userinfo":
            return self.userinfo
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}


@pytest.fixture
def enemy() -> Iterator[Enemy]:
    held = Enemy()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            body = json.dumps(held.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            held.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.do_GET()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.origin = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield held
    server.shutdown()
    server.server_close()


def provider(enemy: Enemy) -> Provider:
    return Provider(Oidc(issuer=enemy.origin, client_id="coc", client_secret="s"))


def came(enemy: Enemy, held: Provider | None = None) -> Person:
    return (held or provider(enemy)).finish("code", "n", "verifier", "http://127.0.0.1/masuk/oidc/kembali")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unsigned(claims: dict[str, Any], **header: str) -> str:
    return ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))


def unsigned(claims: dict[str, Any]) -> str:
    return _unsigned(claims, alg="none") + "."


def by_shared_secret(claims: dict[str, Any]) -> str:
    """Signed with what everybody knows, as if it were a secret."""
    said = _unsigned(claims, alg="HS256", kid="one")
    return f"{said}.{_b64(hmac.digest(KEY.as_pem(private=False), said.encode(), 'sha256'))}"


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, OTHER)


def test_a_good_token_says_who_it_is_and_the_verifier_goes_along(enemy: Enemy) -> None:
    found = came(enemy)
    assert (found.subject, found.name, found.groups, found.hint) == ("7", "rina", ("kepala-disdik",), "")
    assert any("code_verifier=verifier" in asked for asked in enemy.asked)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["coc", "another"], "azp": "another"},
        {"aud": ["coc", "another"]},
        {"exp": int(time.time()) - 600},
        {"exp": None},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"sub": None},
        {"iat": int(time.time()) + 6_000},
        {"nbf": int(time.time()) + 6_000},
    ],
    ids=lambda c: " ".join(f"{k}={'no' if v is None else 'odd'}" for k, v in c.items()),
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(enemy: Enemy, claims: dict[str, Any]) -> None:
    enemy.claims = claims
    with pytest.raises(OidcError) as refused:
        came(enemy)
    assert refused.value.why == "token"


@pytest.mark.parametrize("signed", [unsigned, by_shared_secret, by_another_key, lambda _: "x.y.z", lambda _: ""])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(enemy: Enemy, signed: Any) -> None:
    enemy.signed = signed
    with pytest.raises(OidcError) as refused:
        came(enemy)
    assert refused.value.why == "token"
    assert "rina" not in str(refused.value)


def test_a_key_that_was_rotated_is_fetched_again(enemy: Enemy, monkeypatch: pytest.MonkeyPatch) -> None:
    held = provider(enemy)
    came(enemy, held)
    monkeypatch.setattr("coc.access.oidc._KEYS_AGAIN_SECONDS", 0.0)
    enemy.keys, enemy.signed = [OTHER], lambda c: jwt.encode({"alg": "RS256", "kid": "two"}, c, OTHER)
    assert came(enemy, held).subject == "7"


def test_forged_tokens_do_not_make_us_ask_for_the_keys_each_time(enemy: Enemy) -> None:
    held = provider(enemy)
    came(enemy, held)
    enemy.signed = by_another_key
    for _ in range(5):
        with pytest.raises(OidcError):
            came(enemy, held)
    assert enemy.asked.count("/keys") <= 2


def test_a_discovery_document_of_another_issuer_is_not_believed(enemy: Enemy) -> None:
    enemy.issuer = "https://evil.example"
    with pytest.raises(OidcError) as refused:
        provider(enemy).start("http://127.0.0.1/back")
    assert refused.value.why == "answer"


def test_a_provider_that_is_away_is_told_as_such() -> None:
    with pytest.raises(OidcError) as refused:
        Provider(Oidc(issuer="http://127.0.0.1:9", client_id="coc")).start("http://127.0.0.1/back")
    assert refused.value.why == "away"


def test_userinfo_of_somebody_else_gives_no_groups(enemy: Enemy) -> None:
    enemy.claims = {"groups": None}
    enemy.userinfo = {"sub": "8", "groups": ["admin"]}
    with pytest.raises(OidcError):
        came(enemy)
    enemy.userinfo = {"sub": "7", "groups": ["admin"]}
    assert came(enemy).groups == ("admin",)


def test_each_start_has_its_own_state_nonce_and_challenge(enemy: Enemy) -> None:
    held = provider(enemy)
    first, second = held.start("http://127.0.0.1/back"), held.start("http://127.0.0.1/back")
    assert not {first.state, first.nonce, first.verifier} & {second.state, second.nonce, second.verifier}
    assert "code_challenge_method=S256" in first.url
    assert first.verifier not in first.url


GROUPS = {
    "pimpinan": OidcGroup(role="leader", clearance="rahasia"),
    "kepala-disdik": OidcGroup(role="head", units=("DISDIK",)),
    "kepala-dinkes": OidcGroup(role="head", units=("DINKES",)),
}


@pytest.mark.parametrize(
    ("groups", "role", "units"),
    [
        (("kepala-disdik",), "head", ("DISDIK",)),
        (("kepala-dinkes", "kepala-disdik"), "head", ("DISDIK", "DINKES")),
        (("kepala-disdik", "pimpinan"), "leader", ()),
        (("staf",), None, ()),
        ((), None, ()),
    ],
)
def test_the_first_group_of_config_decides_and_a_head_has_the_units_of_all(
    groups: tuple[str, ...], role: str | None, units: tuple[str, ...]
) -> None:
    found = rights_of(GROUPS, Person("7", "rina", groups, ""))
    assert (found.role if found else None, found.units if found else ()) == (role, units)


def test_a_flow_is_taken_once_and_by_the_browser_that_began_it(database_url: str) -> None:
    control = Control(database_url)
    control.begin_flow("state", "browser", Flow("n", "v", "/lain"))
    assert control.take_flow("state", "another browser") is None
    assert control.take_flow("another state", "browser") is None
    assert control.take_flow("state", "browser") == Flow("n", "v", "/lain")
    assert control.take_flow("state", "browser") is None
    control.close()


def test_a_subject_of_the_provider_is_one_account_whatever_its_name(database_url: str) -> None:
    control = Control(database_url)
    control.add_account(Account("rina", "head", ("DISDIK",), issuer="https://id.example", subject="7"))
    with pytest.raises(Exception, match="exists"):
        control.add_account(Account("rina2", "head", ("DISDIK",), issuer="https://id.example", subject="7"))
    control.close()
