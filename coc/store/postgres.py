"""PostgreSQL's own: how we connect, and what a refused connection means in words."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, ExceptionContext

from coc.store.errors import RefusedError, StoreError

DRIVER: Final = "postgresql+psycopg"
CHANNEL: Final = "coc_commit"  # commits are told there; PostgreSQL keeps the channels of databases apart
# What a connection gets unless the URL says otherwise. A server that vanished without a word is noticed in half a
# minute, not in TCP's two hours.
_SETTINGS: Final[dict[str, Any]] = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
READING: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def make_engine(address: URL, application: str) -> Engine:
    """An engine with the psycopg driver. Raises StoreError where that is not installed, or another one is named."""
    if address.drivername not in ("postgresql", DRIVER):
        raise RefusedError(f"`{address.drivername}` is no driver we use: write {DRIVER}://... ")
    address = address.set(drivername=DRIVER)
    settings = {"application_name": application, **_SETTINGS}
    given = {name: value for name, value in settings.items() if name not in address.query}
    try:
        engine = sa.create_engine(address, hide_parameters=True, pool_pre_ping=True, connect_args=given)
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"{address.render_as_string()} needs the driver psycopg, which is not installed: "
            "run `pip install 'psycopg[binary]'` (requirements.lock holds it)"
        ) from error
    sa.event.listen(engine, "handle_error", _without_values)
    return engine


def _without_values(context: ExceptionContext) -> BaseException | None:
    """The error without DETAIL and CONTEXT, in which the server cites rows."""
    error = context.original_exception
    if context.sqlalchemy_exception is None or not hide_values(error):
        return None
    return wrapped(error, context.statement or "", disconnected=context.is_disconnect)


def hide_values(error: BaseException) -> bool:
    """Cut a driver's error down to its first sentence; False for one that no server sent."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if primary is None:
        return False
    error.args = (primary,)
    return True


def wrapped(error: Any, statement: str, *, disconnected: bool = False) -> BaseException:
    """A driver's error as SQLAlchemy would raise it."""
    import psycopg

    made: BaseException = sa.exc.DBAPIError.instance(
        statement, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=disconnected
    )
    return made


def refused(address: URL, error: sa.exc.DBAPIError) -> StoreError:
    """A failed connection as a sentence that says what to mend; never with the password.

    A server tells the reason of a refusal in words only: those of English are known here, any other passes as it is.
    """
    said = _said(error, address)
    user, database = address.username or "(none)", address.database or "(none)"
    for words, mend in (
        ("password authentication failed", f"check the user `{user}` and its password in config's `store:` block"),
        ("no password supplied", "write the password into the URL, e.g. as ${file:/run/secrets/coc_db}"),
        ("no pg_hba.conf entry", "allow this machine and user in the server's pg_hba.conf"),
        (f'database "{database}" does not exist', f"make it: CREATE DATABASE {database} ENCODING 'UTF8'"),
        (f'role "{user}" does not exist', "make the user, or name another in config's `store:` block"),
        ("permission denied", f"let `{user}` create tables there: GRANT ALL ON SCHEMA public TO {user}"),
    ):
        if words in said:
            return RefusedError(f"{_shown(address)} cannot be used ({said}): {mend}")
    if getattr(error.orig, "sqlstate", None) is None:
        mend = "check that the server runs, and host and port in config's `store:` block"
        return StoreError(f"{_shown(address)} cannot be reached ({said}): {mend}")
    return StoreError(f"{_shown(address)} cannot be used: {said}")


def require_utf8(connection: sa.Connection) -> None:
    """Raises StoreError for a database that cannot hold every letter."""
    driver: Any = connection.connection.driver_connection
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        name = connection.engine.url.database
        raise RefusedError(
            f"{_shown(connection.engine.url)} is encoded as {encoding}: make it anew with "
            f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"
        )


def _shown(address: URL) -> str:
    return address.render_as_string(hide_password=True)


def _said(error: sa.exc.DBAPIError, address: URL) -> str:
    """The server's own words, of several tries the last, in one line."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    told = [line for line in lines if "FATAL:" in line or "ERROR:" in line or "failed:" in line] or lines[:1]
    text = told[-1] if told else type(error.orig).__name__
    for mark in ("FATAL: ", "ERROR: ", "failed: "):
        text = text.rpartition(mark)[2] if mark in text else text
    text = text.strip().rstrip(".")
    return text.replace(address.password, "***") if address.password else text
