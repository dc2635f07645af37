"""Signing in with a password: equal work for any name, and a lock that grows with each wrong try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from coc.access import passwords
from coc.access.sessions import Sessions
from coc.clock import system_now
from coc.store.control.accounts import Account, Failures

Why = Literal["wrong", "locked", "over"]
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")
_FREE_TRIES: Final = 5  # of one account
_FREE_TRIES_OF_PLACE: Final = 20  # of one address: an office may share one
_FIRST_LOCK: Final = timedelta(minutes=1)
_LONGEST_LOCK: Final = timedelta(minutes=15)
_FORGIVEN: Final = timedelta(minutes=30)  # after which a wrong try is not held against anyone


class FailureStore(Protocol):
    """What is used of `coc.store.Control`."""

    def failures_of(self, whats: list[str]) -> dict[str, Failures]: ...
    def keep_failures(self, what: str, found: Failures) -> None: ...
    def forget_failures(self, what: str) -> None: ...
    def change_account(self, name: str, **to: object) -> bool: ...
    def accounts(self) -> list[Account]: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """`secret` goes into the cookie and nowhere else. `failed`: wrong tries on this account before, since the last."""

    account: Account
    secret: str
    failed: int


@dataclass(frozen=True, slots=True)
class Refused:
    """`seconds`: how long no try is taken any more. `known`: the account's name, "" where there is none of it.

    `tried`: whether the password was looked at, and not turned away by a lock of an earlier try.
    """

    why: Why
    seconds: int = 0
    known: str = ""
    tried: bool = True


def named(text: str) -> str | None:
    """An account's name as it is kept: case-folded, without blanks around; None where it can be none."""
    name = text.strip().casefold()
    return name if NAME.fullmatch(name) else None


class SignIn:
    """Blocks for the length of a hash: call it off the event loop. Any number of processes share the counts."""

    def __init__(self, sessions: Sessions, control: FailureStore) -> None:
        self._sessions, self._control = sessions, control

    def with_password(self, name: str, password: str, *, agent: str, address: str) -> Opened | Refused:
        """Try a name and a password from an address; where they fit, a session."""
        found = self.tried(name, password, address=address)
        if isinstance(found, Refused):
            return found
        account, failed = found
        self._sessions.refresh()  # a hash that was renewed ends older sessions: this one must come after it
        secret = self._sessions.open(account.name, via="password", agent=agent, address=address)
        return Opened(account, secret, failed)

    def tried(self, name: str, password: str, *, address: str) -> tuple[Account, int] | Refused:
        """The account that a name and a password fit, and how many wrong tries there were before."""
        now, asked = system_now(), named(name) or ""
        mine, place = f"account:{asked}", f"address:{address}"
        before = self._control.failures_of([mine, place])
        account = next((a for a in self._control.accounts() if a.name == asked), None)
        known = account.name if account else ""
        locked = max((_left(f, now) for f in before.values()), default=0)
        if locked > 0:
            return Refused("locked", locked, known, tried=False)
        right = passwords.fits(account.password if account else None, password)
        if not right or account is None or account.password is None or account.disabled is not None:
            seconds = max(
                self._failed(mine, before.get(mine), now, _FREE_TRIES),
                self._failed(place, before.get(place), now, _FREE_TRIES_OF_PLACE),
            )
            return Refused("locked" if seconds else "wrong", seconds, known)
        if self._sessions.over(account):
            return Refused("over", 0, known)
        if passwords.outdated(account.password):
            self._control.change_account(account.name, password=passwords.hash_of(password))
        self._control.forget_failures(mine)
        return account, before[mine].count if mine in before else 0

    def _failed(self, what: str, before: Failures | None, now: datetime, free: int) -> int:
        """Count a wrong try; for how many seconds no other is taken."""
        count = 1 if before is None or now - before.last > _FORGIVEN else before.count + 1
        lock = min(_FIRST_LOCK * 2 ** min(count - free, 10), _LONGEST_LOCK) if count >= free else None
        self._control.keep_failures(what, Failures(count, now, now + lock if lock else None))
        return int(lock.total_seconds()) if lock else 0


def _left(found: Failures, now: datetime) -> int:
    if found.locked_until is None or found.locked_until <= now:
        return 0
    return int((found.locked_until - now).total_seconds()) + 1
