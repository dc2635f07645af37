"""Passwords: argon2id hashes, equal work whether an account exists or not, and what is too weak to keep."""

from __future__ import annotations

import threading
from functools import cache
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

Weakness = Literal["short", "long", "name", "common"]
SHORTEST: Final = 12
LONGEST: Final = 256  # bytes of work a stranger may ask for
# OWASP's second setting: 19 MiB a try, so that a few at once do not outgrow a small machine.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE: Final = threading.BoundedSemaphore(2)
# What a hurried person types when twelve letters are asked for; a long list is no use against a lock-out of five tries.
_COMMON: Final = ("password", "katasandi", "rahasia", "qwerty", "12345", "jambi", "sipadek", "admin", "selamat")


def hash_of(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether the password is the one kept. Without one (no account, or none here) it works as long, in vain."""
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _nobodys(), password[:LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with other settings than today's."""
    return _HASHER.check_needs_rehash(kept)


def weakness(password: str, name: str) -> Weakness | None:
    """Why a password is not taken; None where it is good enough."""
    plain = password.casefold()
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    if name.casefold() in plain:
        return "name"
    left = plain
    for word in _COMMON:
        left = left.replace(word, "")
    return "common" if len(set(left)) < 5 else None


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's")
