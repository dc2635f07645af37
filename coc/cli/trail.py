"""What a command changed goes into the audit log, through here: who ran it, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coc.cli.frame import os_user, said_of, say

if TYPE_CHECKING:
    from coc.settings.models import Settings
    from coc.store import Control

_HERE = "this machine"


def leave(at: Settings | Control, action: str, what: str, *, realm: str = "", outcome: str = "ok") -> None:
    """Write one line; `at`: the control store, open or named; `realm`: where the change was, "" where it is of none.

    A control store that is away stops no command: the line waits beside it and the user is told.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from coc.clock import system_now
    from coc.store import Control, StoreError
    from coc.store.control import AuditLine
    from coc.store.control.spill import spill_of

    line = AuditLine(system_now(), realm, f"cli:{os_user()}", "", action, what, _HERE, outcome)
    spill = at.spill if isinstance(at, Control) else spill_of(at.store.control_url)
    try:
        control = at if isinstance(at, Control) else Control(at.store.control_url)
        try:
            control.audit_in_order([line])
        finally:
            if control is not at:
                control.close()
    except (StoreError, SQLAlchemyError, OSError) as error:
        lost = spill.put_if_it_can([line])
        kept = f"it could not be kept either ({lost})" if lost else f"it waits in {spill.path} and is taken in later"
        say(f"warning: the audit log did not take this command's line ({said_of(error)}); {kept}")
