"""Sign-ins that are under way at an identity provider: kept until the browser comes back, taken once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.metadata import metadata
from coc.store.engine import Database

LIVES: Final = timedelta(minutes=10)

_flows = sa.Table(
    "oidc_flows",
    metadata,
    sa.Column("state", sa.Text, primary_key=True),  # hashed, as `browser` is
    sa.Column("browser", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("begun", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """`way`: the page that was asked for."""

    nonce: str
    verifier: str
    way: str


class Flows(Database):
    def begin_flow(self, state: str, browser: str, flow: Flow) -> None:
        """Keep a flow for ten minutes, bound to the browser that began it; forget those that are older."""
        now = system_now()
        row = {
            "state": _digest(state),
            "browser": _digest(browser),
            "nonce": flow.nonce,
            "verifier": flow.verifier,
            "way": flow.way,
            "begun": codec.micros(now),
        }
        with self.write() as connection:
            connection.execute(sa.delete(_flows).where(_flows.c.begun < codec.micros(now - LIVES)))
            connection.execute(sa.insert(_flows).values(row))

    def take_flow(self, state: str, browser: str) -> Flow | None:
        """The flow of this state and this browser, once; None where there is none, or it is over."""
        with self.write() as connection:
            mine = _flows.c.state == _digest(state)
            row = connection.execute(sa.select(_flows).where(mine)).one_or_none()
            if row is None or row.browser != _digest(browser):
                return None
            connection.execute(sa.delete(_flows).where(mine))
            fresh = row.begun >= codec.micros(system_now() - LIVES)
        return Flow(row.nonce, row.verifier, row.way) if fresh else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
