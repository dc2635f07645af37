"""API tokens: their hashes, their end, their revocation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from coc.access import Refusal, Tokens, Viewer
from coc.clock import system_now
from coc.settings.models import Access, ApiToken, Settings


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass
class Stored:
    name: str
    sha256: str
    role: str = "head"
    units: tuple[str, ...] = ("DISDIK",)
    expires: date | None = None
    revoked: object | None = None
    owner: str | None = None


@dataclass
class Control:
    held: list[Any] = field(default_factory=list)
    broken: bool = False

    def accounts(self) -> list[Any]:
        return []

    def tokens(self) -> list[Any]:
        if self.broken:
            raise OSError("gone")
        return self.held


def settings(**tokens: ApiToken) -> Settings:
    return Settings(access=Access(api_tokens=tokens))


@pytest.mark.parametrize(
    ("role", "lens"),
    [("screen", "room"), ("head", "head"), ("leader", "leader"), ("operator", "operator"), ("admin", "admin")],
)
def test_a_role_decides_the_lens(role: Any, lens: str) -> None:
    tokens = Tokens(settings(one=ApiToken(sha256=digest("s"), role=role, units=("DISDIK",))), None)
    assert tokens.viewer_of("s") == Viewer(lens, "one", ("DISDIK",))  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["", "t", "s ", "S", digest("s"), "s" * 600])
def test_an_unknown_token_is_refused(secret: str) -> None:
    tokens = Tokens(settings(one=ApiToken(sha256=digest("s"), role="admin")), None)
    found = tokens.viewer_of(secret)
    assert isinstance(found, Refusal)
    assert found.status == 401


def test_a_token_is_good_on_its_last_day_and_not_after() -> None:
    today = system_now().date()
    tokens = Tokens(
        settings(
            last=ApiToken(sha256=digest("last"), role="admin", expires=today + timedelta(days=1)),
            old=ApiToken(sha256=digest("old"), role="admin", expires=today - timedelta(days=2)),
        ),
        None,
    )
    assert isinstance(tokens.viewer_of("last"), Viewer)
    assert isinstance(tokens.viewer_of("old"), Refusal)


def test_the_hash_may_be_written_in_capitals() -> None:
    tokens = Tokens(settings(one=ApiToken(sha256=digest("s").upper(), role="admin")), None)
    assert isinstance(tokens.viewer_of("s"), Viewer)


def test_a_token_made_or_revoked_while_the_server_runs_counts_from_the_next_look() -> None:
    control = Control()
    tokens = Tokens(settings(), control)
    control.held = [Stored("kepala", digest("k"))]
    assert isinstance(tokens.viewer_of("k"), Refusal)
    tokens.refresh()
    assert tokens.viewer_of("k") == Viewer("head", "kepala", ("DISDIK",))
    control.held = [Stored("kepala", digest("k"), revoked=object())]
    tokens.refresh()
    assert isinstance(tokens.viewer_of("k"), Refusal)


def test_tokens_stand_as_they_were_while_the_control_store_cannot_be_read() -> None:
    control = Control([Stored("kepala", digest("k"))])
    tokens = Tokens(settings(), control)
    control.broken = True
    tokens.refresh()
    assert isinstance(tokens.viewer_of("k"), Viewer)
