"""Behind a real nginx with TLS: sign-in, stream and addresses, as the city would run it.

Debian's nginx, installed where that is possible; else not run, and said so.
"""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from coc.bench.serving import free_port
from coc.settings.models import Oidc, OidcGroup, Server, Settings
from coc.store import Control
from coc.store.control import Account
from tests.connectors.hostile import TLS
from tests.live.person import HASH, PASSWORD
from tests.live.serving import Served, served, wait_until
from tests.live.test_oidc import consented, person, provider

__all__ = ["provider"]
pytestmark = pytest.mark.slow

AFAR = "127.0.0.2"
CONFIG = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {cert};
    location / {{
      proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@dataclass
class Front:
    """The address that people open, and what is behind it."""

    origin: str
    server: Served
    control: Control


def nginx() -> str:
    found = shutil.which("nginx")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", "nginx-light"], capture_output=True, timeout=300, check=False)
        found = shutil.which("nginx")
    return found or pytest.skip("not run: there is no nginx, and it cannot be installed here")


@pytest.fixture
def front(tmp_path: Path, provider: str) -> Iterator[Front]:
    program, port, upstream = nginx(), free_port(), free_port()
    control = Control(f"sqlite:///{tmp_path}/control.db")
    control.add_account(Account("kadis", "head", ("DISDIK",), password=HASH))
    origin = f"https://localhost:{port}"
    groups = {"pimpinan": OidcGroup(role="leader")}
    settings = Settings(
        server=Server(public_url=origin, trusted_proxies=("127.0.0.1",)),
        oidc=Oidc(issuer=provider, client_id="coc", client_secret="s", groups=groups),
    )
    said = CONFIG.format(folder=tmp_path, port=port, upstream=upstream, cert=TLS / "self-signed.pem")
    (tmp_path / "nginx.conf").write_text(said, encoding="utf-8")
    with served(settings, control=control, port=upstream) as server:
        process = subprocess.Popen([program, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")])
        try:
            wait_until(lambda: answers(origin), 10)
            yield Front(origin, server, control)
        finally:
            process.terminate()
            process.wait(10)
    control.close()


def answers(origin: str) -> bool:
    try:
        return browser().get(f"{origin}/healthz", timeout=2).ok
    except requests.RequestException:
        return False


class FromAfar(HTTPAdapter):
    """Connects from another address than the proxy's own."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(AFAR, 0))


def browser() -> requests.Session:
    made = requests.Session()
    made.mount("https://", FromAfar())
    made.verify = False
    made.trust_env = False
    return made


def csrf(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_people_sign_in_by_password_through_the_proxy_and_the_stream_passes(front: Front) -> None:
    here = browser()
    form = here.get(f"{front.origin}/lain")
    assert form.url.startswith(f"{front.origin}/masuk")
    fields = {"username": "kadis", "password": PASSWORD, "csrf": csrf(form.text), "next": "/lain"}
    done = here.post(f"{front.origin}/masuk", data=fields, headers={"Origin": front.origin}, allow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/lain")
    assert "Secure" in done.headers["set-cookie"]
    assert "max-age" in done.headers["strict-transport-security"]
    with here.get(f"{front.origin}/api/v1/stream", stream=True, timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines) == b"event: version"
        assert json.loads(next(lines)[6:])["epoch"] == 1


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_people_sign_in_at_the_provider_and_come_back_to_the_public_address(front: Front, provider: str) -> None:
    person(provider, "31", "joko", "pimpinan")
    here = browser()
    sent = here.get(f"{front.origin}/masuk/oidc?next=/lain", allow_redirects=False).headers["location"]
    assert front.origin.replace(":", "%3A").replace("/", "%2F") in sent or front.origin in sent
    done = here.get(front.origin + consented(sent, "31"), allow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/lain")
    assert "__Host-coc_live" in here.cookies
    assert "__Host-coc_flow_live" not in here.cookies
    assert here.get(f"{front.origin}/api/v1/kpis").status_code == 200
    fields = {"csrf": csrf(here.get(f"{front.origin}/keluar").text)}
    left = here.post(f"{front.origin}/keluar", data=fields, headers={"Origin": front.origin})
    there = html.unescape(left.text.split('class="button" href="')[1].split('"')[0])
    asked = parse_qs(urlsplit(there).query)
    assert asked["post_logout_redirect_uri"] == [f"{front.origin}/masuk?out"]
    assert here.get(f"{front.origin}/api/v1/kpis").status_code == 401
    assert here.get(asked["post_logout_redirect_uri"][0]).status_code == 200


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_an_address_that_is_claimed_from_outside_is_not_believed(front: Front, header: str) -> None:
    here = browser()
    form = here.get(f"{front.origin}/masuk", headers={header: "203.0.113.9"})
    fields = {"username": "kadis", "password": "salah salah salah", "csrf": csrf(form.text)}
    here.post(f"{front.origin}/masuk", data=fields, headers={header: "203.0.113.9", "Origin": front.origin})
    wait_until(lambda: any(r.action == "sign-in.wrong" for r in front.control.audit_rows(10)))
    found = next(r for r in front.control.audit_rows(10) if r.action == "sign-in.wrong")
    assert found.from_where == AFAR


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_who_comes_through_the_proxy_is_not_at_the_machine(front: Front) -> None:
    assert browser().get(f"{front.origin}/metrics").status_code == 403
    assert browser().get(f"{front.origin}/api/v1/kpis").status_code == 401
