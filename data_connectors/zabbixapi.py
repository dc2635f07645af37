"""Zabbix's JSON-RPC API: sessions, and errors that come with status 200.

Before 6.4 the token is in the body, from then on a header; `apiinfo.version`, which must be asked without any, decides.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coc.settings.models import ConnectorBlock
from data_connectors.answers import required, shortened
from data_connectors.base import FetchError
from data_connectors.client import ATTEMPTS, Client

PATH: Final = "api_jsonrpc.php"
HEADER_SINCE: Final = (6, 4)  # Authorization: Bearer
OLDEST: Final = (5, 4)  # API tokens, `username`
PAGE_ROWS: Final = 20_000  # of history in one answer
_REFUSED: Final = re.compile(r"not authori[sz]ed|re-?login|session terminated|user name or password|api token", re.I)


class Rpc:
    """One run's session. Leaving it logs out: else each run would leave a row in Zabbix's table of sessions."""

    def __init__(self, client: Client, block: ConnectorBlock, attempts: int = ATTEMPTS) -> None:
        self.client, self._block, self._attempts = client, block, attempts
        self.version = ""
        self._token: str | None = None
        self._header = False
        self._session = False

    def __enter__(self) -> Rpc:
        self.version = str(self._asked("apiinfo.version", {}, None))
        number = _version(self.version)
        if number < OLDEST:
            raise FetchError("config", f"Zabbix {self.version[:20]} is older than 5.4", permanent=True)
        self._header = number >= HEADER_SINCE
        auth = self._block.auth
        if auth.bearer is not None:
            self._token = auth.bearer.get_secret_value()
        elif auth.basic is not None:
            self._log_in()
        else:
            raise FetchError("config", "auth: expected `bearer` (an API token) or `basic`", permanent=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._session and not self.client.guard.expired:
            with contextlib.suppress(FetchError):
                self._asked("user.logout", [], self._token, attempts=1)

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result. A session that ended is opened anew, once. Raises FetchError."""
        try:
            return self._asked(method, params, self._token)
        except FetchError as error:
            if error.code != "credentials" or not self._session:
                raise
        self._log_in()
        return self._asked(method, params, self._token)

    def rows(self, method: str, params: Mapping[str, Any], *, count: bool = True) -> list[dict[str, Any]]:
        """A list of objects, whole: Zabbix cuts a list short without a sign, so it is counted too."""
        found = self.ask(method, params)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise FetchError("schema_drift", f"`result` of {method} is not a list of objects", permanent=True)
        if count:
            told = number_of(self.ask(method, _counted(params)))
            if told is None or len(found) < told:
                raise FetchError("incomplete", f"{method}: {len(found)} of {told}", permanent=True)
        return found

    def history(self, items: Sequence[str], kind: str, start: int, end: int) -> Iterator[list[dict[str, Any]]]:
        """The values of items of one value type within [start, end], in pages. A repeated row may come twice.

        A page's limit cuts through the rows of one second: the next begins with that second again.
        """
        params = {
            "itemids": list(items), "history": int(kind), "output": ["itemid", "clock", "value"],
            "sortfield": "clock", "sortorder": "ASC", "time_till": end, "limit": PAGE_ROWS,
        }  # fmt: skip
        while True:
            rows = self.rows("history.get", {**params, "time_from": start}, count=False)
            yield rows
            if len(rows) < PAGE_ROWS:
                return
            last = number_of(required(rows[-1], "clock", str, "history.get"))
            if last is None or last <= start:
                said = f"history.get: more than {PAGE_ROWS} values in one second"
                raise FetchError("paging_loop", said, permanent=True)
            start = int(last)

    def _log_in(self) -> None:
        basic = self._block.auth.basic
        assert basic is not None  # the session came from it
        login = {"username": basic.user, "password": basic.password.get_secret_value()}
        token = self._asked("user.login", login, None, attempts=1)  # five wrong ones lock the account
        if not isinstance(token, str) or not token:
            raise FetchError("credentials", "no session in the answer of user.login", permanent=True)
        self.client.hide(token)
        self._token, self._session = token, True

    def _asked(self, method: str, params: Any, token: str | None, attempts: int | None = None) -> Any:
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        headers = {}
        if token is not None and self._header:
            headers["authorization"] = f"Bearer {token}"
        elif token is not None:
            body["auth"] = token
        answer = self.client.post_json(PATH, body, headers, attempts=attempts or self._attempts)
        if isinstance(answer, dict) and "error" in answer:
            raise self.client.scrubbed(_error(method, answer["error"]))
        if not isinstance(answer, dict) or "result" not in answer:
            raise FetchError("schema_drift", f"the answer to {method} has no `result`", permanent=True)
        return answer["result"]


def _error(method: str, told: Any) -> FetchError:
    told = told if isinstance(told, dict) else {}
    words = " ".join(str(told.get(key) or "") for key in ("message", "data")).strip()
    said = f"{method}: {shortened(words or 'no reason given')}"
    return FetchError("credentials" if _REFUSED.search(words) else "source_error", said, permanent=True)


def _counted(params: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in params.items() if k != "output" and not k.startswith("select")}
    return {**kept, "countOutput": True}


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    if match is None:
        raise FetchError("schema_drift", "apiinfo.version gives no version", permanent=True)
    return int(match[1]), int(match[2])


def number_of(text: Any) -> int | None:
    """A whole number from its text, as Zabbix writes them all."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return None
