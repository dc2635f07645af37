"""Who is signed in: sessions of the control store, held in memory, with the accounts behind them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from coc.access.viewer import LENS_OF_ROLE, Refusal, Viewer, security_named
from coc.clock import system_now
from coc.settings.models import Realm, Settings
from coc.store.control.accounts import Account, Session

log = logging.getLogger("coc.access")
_TOUCH: Final = timedelta(minutes=5)  # how often a session that is used is written
_LOOK_SECONDS: Final = 0.05
_LONGEST: Final = 128
_AGENT: Final = 200
LEADERS_SWITCH: Final = "pimpinan.operators"


class SessionStore(Protocol):
    """What is used of `coc.store.Control`."""

    def accounts(self) -> list[Account]: ...
    def open_sessions(self) -> list[Session]: ...
    def open_session(self, session: Session) -> None: ...
    def close_sessions(self, account: str, digests: Sequence[str] | None = None) -> int: ...
    def seen_session(self, digest: str, address: str, expires: datetime) -> None: ...
    def switches(self) -> Mapping[str, bool]: ...


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret[:_LONGEST].encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """What a form of this session must bring back: nobody can make it who does not hold the cookie."""
    made = hmac.new(secret.encode(), b"coc csrf", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


class Sessions:
    """`viewer_of` reads memory only; `refresh` (another thread, every second) brings changes of other processes in."""

    def __init__(self, settings: Settings, realm: Realm, control: SessionStore | None) -> None:
        self.realm, self._control = realm, control
        self._zone = ZoneInfo(settings.city.time_zone)
        self._idle = timedelta(hours=settings.access.sessions.idle_hours)
        self._longest = timedelta(days=settings.access.sessions.days)
        self._accounts: dict[str, Account] = {}
        self._open: dict[str, Session] = {}
        self._switches: Mapping[str, bool] = {}
        self._used: dict[str, str] = {}  # digest -> address, to be written
        self._readable = True
        self._looked = 0.0
        self._lock = threading.Lock()
        self.refresh()

    @property
    def any_account(self) -> bool:
        """Whether anyone can sign in: the loopback rule ends with the first account."""
        return bool(self._accounts)

    def account(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def over(self, account: Account) -> bool:
        """Whether an acting head's last day, by the city's calendar and the machine's own clock, has passed."""
        return account.until is not None and system_now().astimezone(self._zone).date() > account.until

    def switched_on(self, name: str) -> bool:
        return self._switches.get(name, False)

    def stale(self) -> bool:
        """Whether a session that is not known here may have been opened by another process since the last look."""
        return time.monotonic() - self._looked >= _LOOK_SECONDS

    def refresh(self) -> None:
        """Write which sessions were used, read what others changed. The last known stands while that fails."""
        if self._control is None:
            return
        self._looked = time.monotonic()
        try:
            # A session that is opened while this reads must not be lost with what was read before it.
            with self._lock:
                self._touch(self._control)
                self._accounts = {a.name: a for a in self._control.accounts()}
                self._open = {s.digest: s for s in self._control.open_sessions() if s.realm == self.realm}
                self._switches = self._control.switches()
        except Exception:
            if self._readable:
                log.exception("the control store cannot be read: sessions stand as they were")
            self._readable = False
            return
        self._readable = True

    def viewer_of(self, secret: str, address: str = "") -> Viewer | Refusal:
        """The session's viewer, or 401 with the reason."""
        session = self._open.get(digest_of(secret)) if len(secret) <= _LONGEST else None
        account = self._accounts.get(session.account) if session else None
        now = system_now()
        if session is None or account is None or session.expires <= now:
            return ENDED
        if account.disabled is not None or (account.renewed is not None and session.opened < account.renewed):
            return ENDED
        if self.over(account):
            return TERM_OVER
        if now - session.seen >= _TOUCH:
            self._used[session.digest] = address
        return Viewer(
            LENS_OF_ROLE[account.role],
            account.name,
            account.units,
            security_named(account.clearance),
            session=session.digest,
        )

    def open(self, name: str, *, via: str, agent: str, address: str, hint: str | None = None) -> str:
        """A new session of an account; its secret, which only the cookie holds. Good at once in this process."""
        secret, now = secrets.token_urlsafe(32), system_now()
        session = Session(
            digest_of(secret), name, self.realm, via, agent[:_AGENT], address, now, now, now + self._idle, hint
        )
        assert self._control is not None
        with self._lock:
            self._control.open_session(session)
            self._open = {**self._open, session.digest: session}
        return secret

    def of_account(self, name: str) -> list[Session]:
        """An account's open sessions, the latest seen first."""
        return sorted((s for s in self._open.values() if s.account == name), key=lambda s: s.seen, reverse=True)

    def hint_of(self, digest: str) -> str | None:
        """The provider's own token of an open session, for its sign-out."""
        session = self._open.get(digest)
        return session.hint if session else None

    def close(self, name: str, digests: Sequence[str] | None = None) -> None:
        """End sessions of an account, the named ones or all; here at once, elsewhere within a second."""
        assert self._control is not None
        with self._lock:
            self._control.close_sessions(name, digests)
            ended = {s.digest for s in self._open.values() if s.account == name}
            ended &= ended if digests is None else set(digests)
            self._open = {k: v for k, v in self._open.items() if k not in ended}

    def _touch(self, control: SessionStore) -> None:
        used, self._used = self._used, {}
        now = system_now()
        for digest, address in used.items():
            session = self._open.get(digest)
            if session is not None:
                expires = min(now + self._idle, session.opened + self._longest)
                control.seen_session(digest, address or session.address, expires)
                self._open[digest] = replace(session, seen=now, expires=expires)


ENDED: Final = Refusal(401, "Signed out", "This session has ended; sign in again.", code="session")
TERM_OVER: Final = Refusal(
    401,
    "Term ended",
    "This account was an acting head's, and its last day is over; an admin renews it.",
    code="term",
)
