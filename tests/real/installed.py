"""The real systems that `make test-real` runs against, from Debian's own packages: `python -m tests.real.installed`.

Installs what is missing, where that is possible, and says what is there in which version. No service is started by it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_REFUSE: Final = "#!/bin/sh\nexit 101\n"
_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class System:
    """`programs`: all that must be found (a path is checked as a path). The first package names the version."""

    packages: tuple[str, ...]
    programs: tuple[str, ...]


SYSTEMS: Final = {
    "prometheus": System(
        ("prometheus", "prometheus-blackbox-exporter"), ("prometheus", "prometheus-blackbox-exporter")
    ),
    "freeradius": System(
        ("freeradius", "freeradius-postgresql", "freeradius-utils"), ("/usr/sbin/freeradius", "radclient")
    ),
    "zabbix": System(
        ("zabbix-server-pgsql", "zabbix-frontend-php", "zabbix-agent", "php-cli", "php-pgsql"),
        ("/usr/sbin/zabbix_server", "zabbix_sender", "php", "/usr/share/zabbix/api_jsonrpc.php"),
    ),
}  # fmt: skip


def missing(system: str) -> list[str]:
    """What the system's tests need and this machine has not."""
    return [p for p in SYSTEMS[system].programs if not (Path(p).exists() if "/" in p else shutil.which(p))]


def versions(system: str) -> str:
    """Package by package, as dpkg has them."""
    found = []
    for package in SYSTEMS[system].packages:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
        )
        found.append(f"{package} {asked.stdout.strip() or 'not from a package'}")
    return ", ".join(found)


def _cannot() -> str:
    """Why nothing can be installed here; empty where it can."""
    if shutil.which("apt-get") is None:
        return "no apt-get on this machine"
    return "" if os.geteuid() == 0 else "apt-get needs root"


@contextmanager
def _no_autostart() -> Iterator[None]:
    """Debian starts a daemon when its package comes in, unless this file refuses."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(_REFUSE)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _apt(*words: str) -> str:
    """Empty where it worked, else the last thing that apt said."""
    try:
        done = subprocess.run(
            ["apt-get", "-q", "-y", "--no-install-recommends", *words],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"apt-get took more than {_SECONDS} s"
    said = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"apt-get ended with {done.returncode}")


def install(system: str) -> str:
    """Install it where it is missing. Empty when it is there, else why it is not."""
    if not missing(system):
        return ""
    if why := _cannot():
        return why
    with _no_autostart():
        why = _apt("install", *SYSTEMS[system].packages)
        if why:  # lists may be old or absent
            why = _apt("update") or _apt("install", *SYSTEMS[system].packages)
    left = missing(system)
    return why or (f"installed, but without {', '.join(left)}" if left else "")


def main() -> None:
    for system in SYSTEMS:
        why = install(system)
        sys.stdout.write(f"{system}: {f'not run: {why}' if why else versions(system)}\n")


if __name__ == "__main__":
    main()
