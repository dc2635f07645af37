"""`check()` of every connector: a failure in words, and how a city engineer mends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from coc.settings.models import ConnectorBlock
from data_connectors.base import FAILURES, FetchError, Reachability
from data_connectors.client import Client

CHECK_SECONDS: Final = 20.0

MENDS: Final[Mapping[str, str]] = {
    "unreachable": "check the host and port in `url`, and that this machine may reach it (firewall, VPN, name server)",
    "too_slow": "ask for the same URL with curl; raise timeout_seconds or deadline_seconds if it is slow",
    "certificate": "set `verify:` to the file of the authority that signed it, or have the certificate renewed",
    "credentials": "check `auth:`; the token may have expired or lack the right to read",
    "source_error": "the source itself refused: its words say why",
    "login_page": "`url` leads to a page for people; use the API's base URL, and check `auth:`",
    "content_type": "`url` leads to something else than the API; use the API's base URL",
    "redirected": "write the address it redirects to in `url`, if that is where the source now lives",
    "rate_limited": "raise every_seconds",
    "not_found": "compare `url` with the source's documentation: base path and version",
    "http_status": "ask the source's own engineers; their log has the reason",
    "broken": "ask for the same URL with curl: the answer is cut short or not JSON",
    "too_large": "raise max_mb, or narrow what is asked for",
    "schema_drift": "the source changed its fields; adapt the mapping in config.yaml",
    "source_empty": "check the query or file: it finds nothing",
    "exporter_down": "start the exporter, or see its target in Prometheus under Status > Targets",
    "file": "check `path` or `url` and that this user may read the file",
    "config": "correct config.yaml",
}


def reached(block: ConnectorBlock, look: Callable[[Client], str]) -> Reachability:
    """What `look` says of the source, or why it cannot be reached. Never raises FetchError."""
    deadline = time.monotonic() + min(block.deadline_seconds, CHECK_SECONDS)
    try:
        with Client(block, deadline) as client:
            return Reachability(True, look(client))
    except FetchError as error:
        return failed(error)


def failed(error: FetchError) -> Reachability:
    return Reachability(False, sentence(error), MENDS.get(error.code, ""), error.code)


def sentence(error: FetchError) -> str:
    return FAILURES.get(error.code, "{}").format(error.detail)
