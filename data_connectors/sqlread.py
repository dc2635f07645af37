"""One read-only question to a database: the same rules as for a fetch, in SQL.

A deadline that cuts the socket, a statement timeout at the server, a transaction that can write nothing, TLS verified,
a limit of rows. What goes wrong is one `FetchError` in our words: a driver's own may quote a row, a user or a password.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
import sqlalchemy.exc as sx

from coc.settings.models import ConnectorBlock
from data_connectors.base import FetchError
from data_connectors.transport import Guard

MAX_ROWS: Final = 100_000
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
# SQLSTATE of PostgreSQL, error number of MySQL -> code and words.
_SAID: Final[dict[str, tuple[str, str]]] = {
    "28P01": ("credentials", "the database refuses user or password"),
    "28000": ("credentials", "the database refuses user or password"),
    "1045": ("credentials", "the database refuses user or password"),
    "42501": ("credentials", "the user may not read the table"),
    "1142": ("credentials", "the user may not read the table"),
    "1143": ("credentials", "the user may not read the table"),
    "3D000": ("not_found", "no such database"),
    "1049": ("not_found", "no such database"),
    "42P01": ("schema_drift", "no such table"),
    "1146": ("schema_drift", "no such table"),
    "42703": ("schema_drift", "a column is missing"),
    "1054": ("schema_drift", "a column is missing"),
    "57014": ("too_slow", "the query took too long"),
    "3024": ("too_slow", "the query took too long"),
    "1969": ("too_slow", "the query took too long"),
}
# Before a session stands, and in SQLite, drivers give no code: only their words tell what it was.
_WORDS: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    ("authentication failed", _SAID["28P01"]),
    ("no pg_hba.conf entry", _SAID["28P01"]),
    ("no password supplied", _SAID["28P01"]),
    ('role "', _SAID["28P01"]),
    ('database "', _SAID["3D000"]),
    ("no such table", _SAID["42P01"]),
    ("no such column", _SAID["42703"]),
    ("invalid response", ("broken", "what answers there is no such database")),
    ("certificate", ("certificate", "the database's certificate is not trusted; `verify` takes a CA file")),
    ("ssl", ("certificate", "the database speaks no TLS; `verify: false` does without")),
)


class Database:
    """One run's way to one database, a context manager. `deadline`: as `Client`'s. `zone`: the session's."""

    def __init__(self, block: ConnectorBlock, deadline: float, zone: str) -> None:
        self._block, self._zone = block, zone
        self._url = _url(block)
        self.dialect = self._url.get_backend_name()
        self.guard = Guard(deadline)
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.guard.close()
        if self._socket is not None:
            self._socket.close()

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """All rows of the answer. Raises FetchError."""
        seconds = min(self._block.timeout_seconds, self.guard.left)
        if seconds <= 0:
            raise self._late()
        if self._url.host and not self._url.host.startswith("/"):
            # Whether anybody is there at all, in the words and within the time of every other fetch.
            port = self._url.port or _PORTS.get(self.dialect, 0)
            self.guard.connect(self._url.host, port, seconds).close()
        try:
            engine = sa.create_engine(
                self._url, poolclass=sa.NullPool, hide_parameters=True, connect_args=self._arguments(seconds)
            )
            with engine.connect() as connection:
                self._watch(connection)
                self._bound(connection)
                found = connection.execute(statement).fetchmany(MAX_ROWS + 1)
                connection.rollback()
        except ModuleNotFoundError as error:
            raise FetchError("config", f"the database driver {error.name} is not installed", permanent=True) from None
        except (sx.SQLAlchemyError, OSError) as error:
            raise self._fault(error) from None
        if len(found) > MAX_ROWS:
            raise FetchError("too_large", f"{MAX_ROWS} rows", permanent=True)
        if self.guard.expired:
            raise self._late()
        return found

    def _arguments(self, seconds: float) -> dict[str, Any]:
        whole = max(1, round(seconds))
        verify = self._block.verify
        local = _is_local(self._url.host)
        if self.dialect == "postgresql":
            tls = {"sslmode": "verify-full", "sslrootcert": verify if isinstance(verify, str) else "system"}
            wanted = verify is not False and not local and "sslmode" not in self._url.query
            return {"connect_timeout": whole, **(tls if wanted else {})}
        if self.dialect in ("mysql", "mariadb"):
            tls_of = {"ssl": {"ca": verify if isinstance(verify, str) else None, "check_hostname": True}}
            wanted = verify is not False and not local
            return {"connect_timeout": whole, "read_timeout": whole, **(tls_of if wanted else {})}
        return {"timeout": seconds}

    def _watch(self, connection: sa.Connection) -> None:
        """The deadline's timer gets a handle on the socket, whatever driver waits on it."""
        driver: Any = connection.connection.driver_connection
        opened = getattr(driver, "_sock", None)
        number = opened.fileno() if opened is not None else getattr(getattr(driver, "pgconn", None), "socket", None)
        if number is not None:
            self._socket = socket.socket(fileno=os.dup(number))
            self.guard.watch(self._socket)

    def _bound(self, connection: sa.Connection) -> None:
        millis = max(1, int(self.guard.left * 1000))
        if self.dialect == "postgresql":
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            setting = sa.text("SELECT set_config('statement_timeout', :ms, true), set_config('TimeZone', :zone, true)")
            connection.execute(setting, {"ms": str(millis), "zone": self._zone})
        elif self.dialect == "sqlite":
            connection.execute(sa.text("PRAGMA query_only = ON"))
        else:
            maria = getattr(connection.dialect, "is_mariadb", False)
            limit = f"max_statement_time = {millis / 1000:.3f}" if maria else f"max_execution_time = {millis}"
            connection.execute(sa.text(f"SET SESSION {limit}"))
            connection.execute(sa.text("SET SESSION TRANSACTION READ ONLY"))
            connection.rollback()  # it holds from the next transaction on

    def _late(self) -> FetchError:
        return FetchError("too_slow", f"{self._block.deadline_seconds:g} s", permanent=True)

    def _fault(self, error: Exception) -> FetchError:
        if self.guard.expired:
            return self._late()
        cause: Any = getattr(error, "orig", None) or error
        code = getattr(cause, "sqlstate", None) or str(next(iter(getattr(cause, "args", ())), ""))
        text = str(cause).lower()
        if code in _SAID:
            return FetchError(*_SAID[code], permanent=True)
        if isinstance(error, sx.NoSuchModuleError | sx.ArgumentError):
            return FetchError("config", "url: no such kind of database", permanent=True)
        for words, known in _WORDS:
            if words in text:
                return FetchError(*known, permanent=True)
        if "timeout" in text or "timed out" in text:
            return FetchError("too_slow", f"{self._block.timeout_seconds:g} s")
        if isinstance(error, sx.OperationalError | OSError):
            return FetchError("unreachable", f"{self._url.host or self.dialect} closed the connection")
        return FetchError("source_error", f"the database says {code[:10] if code.isalnum() else 'no'}", permanent=True)


def _url(block: ConnectorBlock) -> sa.URL:
    wanted = FetchError("config", "url: expected an address such as postgresql://reader@host/radius", permanent=True)
    try:
        url = sa.make_url(block.url or "")
    except (sx.ArgumentError, ValueError):
        raise wanted from None
    if url.get_backend_name() not in (*_DRIVERS, "sqlite"):
        raise wanted
    if any((block.auth.bearer, block.auth.header, block.auth.login)):
        raise FetchError("config", "auth: a database takes `basic` only", permanent=True)
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if block.auth.basic:
        url = url.set(username=block.auth.basic.user, password=block.auth.basic.password.get_secret_value())
    return url


def _is_local(host: str | None) -> bool:
    """Whether what is said to the host stays on this machine."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
