"""The control store: who may come in, the audit log, alerts. Never letters; apart from any realm, own migrations."""

from __future__ import annotations

from coc.store import schema
from coc.store.control.accounts import Account, Accounts, Session
from coc.store.control.alerts import Fence, Incident, Mute
from coc.store.control.audit import AuditChoice, AuditLog
from coc.store.control.chain import AuditLine, AuditRow
from coc.store.control.flows import Flows
from coc.store.control.metadata import metadata
from coc.store.control.outbox import Outbox, Posting
from coc.store.control.tokens import Token, Tokens

__all__ = [
    "Account",
    "AuditChoice",
    "AuditLine",
    "AuditRow",
    "Control",
    "Fence",
    "Incident",
    "Mute",
    "Posting",
    "Session",
    "Token",
    "metadata",
]


class Control(Accounts, Flows, Tokens, AuditLog, Outbox):
    """Opened with its schema brought up to date. Times are the system's, never the realm's."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        schema.upgrade(self, "control")
