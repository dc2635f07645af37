"""API tokens: from config.yaml and from the control store, by the hash of their secret."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from coc.access.viewer import LENS_OF_ROLE, PROBE, Refusal, Security, Viewer, security_named
from coc.clock import system_now
from coc.settings.models import Settings
from coc.store.control import Account

log = logging.getLogger("coc.access")
_LONGEST: Final = 512


class StoredToken(Protocol):
    """What is read of a token of the control store."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def units(self) -> tuple[str, ...]: ...
    @property
    def expires(self) -> date | None: ...
    @property
    def revoked(self) -> object | None: ...
    @property
    def owner(self) -> str | None: ...


class TokenStore(Protocol):
    def tokens(self) -> Iterable[StoredToken]: ...
    def accounts(self) -> Iterable[Account]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    digest: bytes
    role: str
    units: tuple[str, ...]
    expires: date | None
    revoked: bool
    cleared: Security | None = None


class Tokens:
    """`viewer_of` reads memory only; `refresh` (another thread, every second) brings revocations in."""

    def __init__(self, settings: Settings, control: TokenStore | None) -> None:
        self._zone = ZoneInfo(settings.city.time_zone)
        self._control = control
        self._fixed = [
            _Known(name, bytes.fromhex(t.sha256), t.role, t.units, t.expires, revoked=False)
            for name, t in settings.access.api_tokens.items()
        ]
        self._known = list(self._fixed)
        self._readable = True
        self.refresh()

    def refresh(self) -> None:
        """Read the control store again. What it said last stands while it cannot be read."""
        if self._control is None:
            return
        try:
            owners = {a.name: a for a in self._control.accounts()}
            stored = [self._stored(t, owners.get(t.owner or "")) for t in self._control.tokens()]
        except Exception:
            if self._readable:
                log.exception("the control store cannot be read: tokens stand as they were")
            self._readable = False
            return
        self._readable = True
        self._known = [*self._fixed, *stored]

    def _stored(self, token: StoredToken, owner: Account | None) -> _Known:
        """A token as it is good now: a person's has the person's rights, and none once these have ended."""
        digest = bytes.fromhex(token.sha256)
        if token.owner is None:
            return _Known(token.name, digest, token.role, token.units, token.expires, revoked=token.revoked is not None)
        gone = token.revoked is not None or owner is None or owner.disabled is not None
        if owner is None:
            return _Known(token.name, digest, token.role, (), token.expires, revoked=True)
        expires = min((d for d in (token.expires, owner.until) if d is not None), default=None)
        cleared = security_named(owner.clearance)
        return _Known(token.name, digest, owner.role, owner.units, expires, revoked=gone, cleared=cleared)

    def viewer_of(self, secret: str) -> Viewer | Refusal:
        """The token's viewer, or 401 with the reason. Every hash is compared, in constant time each."""
        digest = hashlib.sha256(secret[:_LONGEST].encode()).digest()
        found: _Known | None = None
        for known in self._known:
            if hmac.compare_digest(known.digest, digest):
                found = known
        if found is None or len(secret) > _LONGEST:
            return Refusal(401, "Unknown token", "No such token; `coc token list` shows those that exist.")
        if found.revoked:
            return Refusal(401, "Revoked token", f"{found.name} was revoked; `coc token create` makes another.")
        # `expires` is the last day on which it is good, by the city's calendar and the machine's own clock.
        if found.expires is not None and system_now().astimezone(self._zone).date() > found.expires:
            return Refusal(
                401, "Expired token", f"{found.name} expired on {found.expires}; `coc token create` makes another."
            )
        if found.role == PROBE:
            return Viewer("public", found.name, probe=True)
        return Viewer(LENS_OF_ROLE[found.role], found.name, found.units, found.cleared)
