"""What is believed of an identity provider: a small one of our own that answers as an enemy would, over real HTTP."""

from __future__ import annotations

import base64
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from coc.access.oidc import Person, Provider, rights_of
from coc.access.oidc_errors import OidcError
from coc.clock import system_now
from coc.settings.models import Oidc, OidcGroup
from coc.store import Control
from coc.store.control import Account, Session
from coc.store.control.flows import Flow
from tests.connectors.hostile import TLS

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
        self.raw: tuple[int, bytes] | None = None  # in place of a token
        self.places: dict[str, str] = {}

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
            found |= self.places
            return found | ({"userinfo_endpoint": self.origin + "/userinfo"} if self.userinfo else {})
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/userinfo":
            return self.userinfo
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}


@pytest.fixture
def enemy(request: pytest.FixtureRequest) -> Iterator[Enemy]:
    held = Enemy()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            status, body = 200, json.dumps(held.answer(self.path)).encode()
            if self.path == "/token" and held.raw:
                status, body = held.raw
            self.send_response(status)
            self.send_header("Location", f"{held.origin}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            held.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.do_GET()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tls = getattr(request, "param", False)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "self-signed.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    held.origin = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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
    ("why", "claims"),
    [
        ("token", {"iss": "https://evil.example"}),
        ("token", {"aud": "another"}),
        ("token", {"aud": ["coc", "another"], "azp": "another"}),
        ("token", {"aud": ["coc", "another"]}),
        ("clock", {"exp": int(time.time()) - 600}),
        ("token", {"exp": None}),
        ("token", {"nonce": "of another sign-in"}),
        ("token", {"nonce": None}),
        ("token", {"sub": None}),
        ("clock", {"iat": int(time.time()) + 6_000}),
        ("clock", {"nbf": int(time.time()) + 6_000}),
        ("claims", {"groups": 5}),
        ("claims", {"groups": {"admin": True}}),
        ("claims", {"groups": ["staf", 5]}),
    ],
    ids=lambda c: c if isinstance(c, str) else " ".join(f"{k}={'no' if v is None else 'odd'}" for k, v in c.items()),
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(enemy: Enemy, why: str, claims: dict[str, Any]) -> None:
    enemy.claims = claims
    with pytest.raises(OidcError) as refused:
        came(enemy)
    assert refused.value.why == why


@pytest.mark.parametrize(
    ("why", "raw"),
    [
        ("answer", (200, b"[]")),
        ("answer", (200, b"<h1>rahasia</h1>")),
        ("away", (502, b"<h1>rahasia</h1>")),
        ("answer", (307, b"")),
        ("flow", (400, b'{"error": "invalid_grant", "error_description": "rahasia"}')),
        ("answer", (401, b'{"error": "invalid_client", "error_description": "rahasia"}')),
        ("denied", (400, b'{"error": "rahasia"}')),
    ],
)
def test_each_way_to_refuse_a_code_has_its_reason_and_none_of_the_provider_s_text(
    enemy: Enemy, why: str, raw: tuple[int, bytes]
) -> None:
    enemy.raw = raw
    with pytest.raises(OidcError) as refused:
        came(enemy)
    assert refused.value.why == why
    assert "rahasia" not in str(refused.value)
    assert not [asked for asked in enemy.asked if asked.startswith("/elsewhere")]


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


@pytest.mark.parametrize("enemy", [True], indirect=True, ids=["https"])
def test_a_certificate_is_believed_by_the_city_s_own_authority_alone(enemy: Enemy) -> None:
    with pytest.raises(OidcError) as refused:
        came(enemy)
    assert refused.value.why == "tls"
    known = Oidc(issuer=enemy.origin, client_id="coc", client_secret="s", verify=str(TLS / "self-signed.pem"))
    assert came(enemy, Provider(known)).subject == "7"


@pytest.mark.parametrize("enemy", [True], indirect=True, ids=["https"])
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("token_endpoint", "http://127.0.0.1:9/token"),
        ("authorization_endpoint", "http://127.0.0.1:9/auth"),
        ("userinfo_endpoint", "http://127.0.0.1:9/userinfo"),
        ("end_session_endpoint", "javascript:alert(1)"),
    ],
)
def test_nothing_is_sent_to_a_place_less_safe_than_the_issuer(enemy: Enemy, name: str, place: str) -> None:
    enemy.places = {name: place}
    known = Oidc(issuer=enemy.origin, client_id="coc", verify=str(TLS / "self-signed.pem"))
    with pytest.raises(OidcError, match=name) as refused:
        Provider(known).start("http://127.0.0.1/back")
    assert refused.value.why == "answer"


def test_a_crowd_waits_once_for_a_provider_that_is_away(enemy: Enemy, monkeypatch: pytest.MonkeyPatch) -> None:
    held, enemy.issuer = provider(enemy), "https://evil.example"
    for _ in range(5):
        with pytest.raises(OidcError):
            held.start("http://127.0.0.1/back")
    assert len(enemy.asked) == 1
    monkeypatch.setattr("coc.access.oidc._AWAY_SECONDS", 0.0)
    enemy.issuer = ""
    assert held.start("http://127.0.0.1/back").state


def test_a_token_too_long_for_an_address_is_not_kept_for_the_sign_out(enemy: Enemy) -> None:
    enemy.places = {"end_session_endpoint": f"{enemy.origin}/out"}
    assert came(enemy).hint
    enemy.claims = {"groups": [f"grup-{n}" for n in range(1_000)]}
    assert came(enemy).hint == ""


def test_a_name_that_the_token_lacks_is_asked_of_userinfo(enemy: Enemy) -> None:
    enemy.claims = {"preferred_username": None}
    enemy.userinfo = {"sub": "7", "preferred_username": "rina", "groups": ["admin"]}
    found = came(enemy)
    assert (found.name, found.groups) == ("rina", ("kepala-disdik",))


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


def _session(name: str, expires: datetime) -> Session:
    now = system_now()
    return Session(f"{name} {expires}", name, "live", "oidc", "", "", now, now, expires, "the provider's token")


def _hints(control: Control) -> int:
    with control.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM sessions WHERE hint IS NOT NULL").scalar_one())


@pytest.mark.parametrize("end", ["rights", "disabled", "idle"])
def test_the_provider_s_token_goes_with_a_session_that_ends_by_itself(database_url: str, end: str) -> None:
    control = Control(database_url)
    control.add_account(Account("rina", "head", ("DISDIK",), issuer="https://id.example", subject="7"))
    hour = timedelta(hours=1)
    control.open_session(_session("rina", system_now() + (-hour if end == "idle" else hour)))
    assert _hints(control) == 1
    if end == "rights":
        control.change_account("rina", role="leader", units=())
    elif end == "disabled":
        control.disable_account("rina")
    else:
        control.open_session(replace(_session("budi", system_now() + hour), hint=None))
    assert _hints(control) == 0
    control.close()


def test_sessions_that_are_long_over_are_forgotten_at_the_next_sign_in(database_url: str) -> None:
    control = Control(database_url)
    control.open_session(_session("rina", system_now() - timedelta(days=2)))
    control.open_session(_session("budi", system_now() + timedelta(hours=1)))
    with control.read() as connection:
        kept = connection.exec_driver_sql("SELECT account FROM sessions").scalars().all()
    assert list(kept) == ["budi"]
    control.close()
