"""The loopback rule: while no account exists, who sits at this machine is an operator (DESIGN, Security).

A page of another origin, a name that was rebound to 127.0.0.1 and a proxy on this machine all arrive from loopback;
each is told apart by what it cannot help sending.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

Headers = Iterable[tuple[bytes, bytes]]
_OWN_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
# A proxy's marks: whoever it speaks for is not at this machine.
_PROXY_HEADERS: Final = frozenset({b"forwarded", b"via", b"x-real-ip"})
_PROXY_PREFIX: Final = b"x-forwarded"


def headers_named(headers: Headers, name: bytes) -> list[str]:
    """The values of every header of this (lower-case) name."""
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def is_local(scope: Mapping[str, Any]) -> bool:
    """Peer loopback, Host one of ours with our port, Origin absent or ours, no trace of a proxy."""
    headers: list[tuple[bytes, bytes]] = list(scope.get("headers") or ())
    server = scope.get("server") or (None, None)
    port = server[1]
    if not isinstance(port, int) or not is_loopback((scope.get("client") or [""])[0]):
        return False
    if any(k.lower() in _PROXY_HEADERS or k.lower().startswith(_PROXY_PREFIX) for k, _ in headers):
        return False
    hosts, origins = headers_named(headers, b"host"), headers_named(headers, b"origin")
    if len(hosts) != 1 or hosts[0].lower() not in _own_hosts(port):
        return False
    return not origins or (len(origins) == 1 and origins[0].lower() in {f"http://{h}" for h in _own_hosts(port)})


def _own_hosts(port: int) -> set[str]:
    bare = set(_OWN_NAMES) if port == 80 else set()  # browsers leave the default port out
    return bare | {f"{name}:{port}" for name in _OWN_NAMES}


def is_loopback(peer: object) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(str(peer).split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
