"""Under which name this server is asked, and by whom: the public address, and proxies that may speak for others."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from coc.access.loopback import headers_named, is_local
from coc.access.viewer import Refusal

_PORTS: Final = {"http": 80, "https": 443}


class Address:
    """`server.public_url`, taken apart. Without one any name will do: there is none to compare with."""

    def __init__(self, public_url: str | None) -> None:
        parts = urlsplit(public_url or "")
        self.url = (public_url or "").rstrip("/")
        self.https = parts.scheme == "https"
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        usual = _PORTS.get(parts.scheme)
        port = parts.port or usual
        self._hosts = {f"{name}:{port}", name} if port == usual else {f"{name}:{port}"}
        self._origins = {f"{parts.scheme}://{host}" for host in self._hosts}

    def misdirected(self, scope: Mapping[str, Any]) -> Refusal | None:
        """421 where the request asks another host than the public one, unless it comes from this very machine."""
        if not self.url:
            return None
        hosts = headers_named(scope["headers"], b"host")
        if (len(hosts) == 1 and hosts[0].lower() in self._hosts) or is_local(scope):
            return None
        return Refusal(421, "Another address", f"This server is {self.url}; ask for it there.", code="host")

    def same_origin(self, scope: Mapping[str, Any]) -> bool:
        """Whether a page of this server, or no browser at all, sends this. A browser that denies it is believed."""
        headers = scope["headers"]
        if any(said not in ("same-origin", "none") for said in headers_named(headers, b"sec-fetch-site")):
            return False
        origins = headers_named(headers, b"origin")
        if not origins:
            return True
        if len(origins) != 1:
            return False
        if self.url and not is_local(scope):
            return origins[0].lower() in self._origins
        hosts = headers_named(headers, b"host")
        asked = urlsplit(origins[0])
        return asked.scheme in _PORTS and len(hosts) == 1 and asked.netloc.lower() == hosts[0].lower()


def proxies(trusted: Sequence[str]) -> list[str]:
    """`server.trusted_proxies` as networks, host bits dropped."""
    return [str(ipaddress.ip_network(text, strict=False)) for text in trusted]


def client_of(scope: Mapping[str, Any]) -> str:
    """The client's address, "" where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""
