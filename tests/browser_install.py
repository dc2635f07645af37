"""Find a Chromium for the browser tests, or install Debian's where that is possible: `python -m tests.browser_install`.

Playwright's own download is not tried first: wall networks and CI machines are often closed to everything but a
package registry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """The path of a Chrome or Chromium, or None. `COC_CHROMIUM` names one outright."""
    named = os.environ.get("COC_CHROMIUM")
    if named and os.path.exists(named):
        return named
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _try(*command: str) -> bool:
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> str | None:
    if (path := find()) is not None:
        return path
    if os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write("No Chromium found: installing Debian's ...\n")
        if not _try("apt-get", "install", "-y", "--no-install-recommends", "chromium"):
            _try("apt-get", "update")
            _try("apt-get", "install", "-y", "--no-install-recommends", "chromium")
    return find()


if __name__ == "__main__":
    found = install()
    sys.stderr.write(
        f"Browser tests use {found}\n" if found else "Browser tests: not run: no Chrome or Chromium here\n"
    )
