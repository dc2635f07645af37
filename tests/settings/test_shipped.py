"""The shipped config.yaml runs as it is, and every block in it that is commented out works when it is not."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import data_connectors
from coc.access.reader import hosts_of
from coc.cli import simulated
from coc.settings.checks import unit_warnings
from coc.settings.load import known_units, load
from coc.settings.models import Settings
from coc.simulate.applications import APPLICATIONS

SHIPPED = Path(__file__).parents[2] / "config.yaml"
BLOCKS = {kind: connector.Block for kind, connector in data_connectors.registry().items()}
ENV = {
    "SIPADEK_TOKEN": "t0",
    "PROMETHEUS_PASSWORD": "p0",
    "OIDC_SECRET": "o0",
    "ZABBIX_TOKEN": "z0",
    "OPENWISP_TOKEN": "w0",
    "MIKROTIK_PASSWORD": "m0",
    "UNIFI_KEY": "u0",
    "LIBRENMS_TOKEN": "l0",
    "RADIUS_PASSWORD": "r0",
}
SIMULATED = {"sipadek", "prometheus", "files", "http_probe"}
_CONTROLLERS = {"wifi_zabbix", "wifi_openwisp", "wifi_mikrotik", "wifi_unifi", "wifi_librenms", "wifi_radius"}
REAL = {"eoffice", "wifi_kota", "titik_kota", "aplikasi_kota", "jalur_kota", "lokasi_smpn1", *_CONTROLLERS}
_FIRST = re.compile(r"^(\s+)# ( *)([a-z_0-9]+):(\s+#.*)?$")


def commented_blocks() -> dict[str, str]:
    """Name -> the whole file with that block's comment marks taken off."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    at = 0
    while at < len(lines):
        first = _FIRST.match(lines[at])
        if not first:
            at += 1
            continue
        end = at + 1
        deeper = f"{first[1]}# {first[2]} "
        while end < len(lines) and lines[end].startswith(deeper):
            end += 1
        opened = [line.replace("# ", "", 1) for line in lines[at:end]]
        found[first[3]] = "\n".join([*lines[:at], *opened, *lines[end:]]) + "\n"
        at = end
    return found


OPENED = commented_blocks()


@pytest.fixture(scope="module")
def shipped() -> Settings:
    return load(SHIPPED, BLOCKS, {})


def test_it_needs_nothing_and_serves_the_demo_realm(shipped: Settings) -> None:
    assert shipped.of_realm("live") == {}
    assert {block.type for block in shipped.of_realm("demo").values()} == SIMULATED
    assert all(block.enabled and simulated.is_simulated(block) for block in shipped.connectors.values())


def test_what_it_spells_out_is_the_default(shipped: Settings) -> None:
    """But for what only a city can say: targets and sources."""
    own = {"targets", "connectors", "store"}
    assert shipped.model_dump(exclude=own) == Settings().model_dump(exclude=own)


def test_every_source_gets_the_address_of_the_simulated_city(shipped: Settings) -> None:
    blocks = simulated.addressed(shipped, 4711).connectors
    assert blocks["sipadek"].url == "http://127.0.0.1:4711/coc/v1"
    assert blocks["sipadek"].auth.bearer.get_secret_value() == "simulator"
    assert blocks["wifi"].url == blocks["pemantau_aplikasi"].url == "http://127.0.0.1:4711/prometheus"
    assert blocks["titik_wifi"].url == "http://127.0.0.1:4711/data"
    assert blocks["aplikasi"].services["ppdb"].url == "http://127.0.0.1:4711/apps/ppdb"
    assert not any(simulated.is_simulated(block) for block in blocks.values())


def test_it_names_the_applications_as_the_simulated_city_does(shipped: Settings) -> None:
    named = {k: (s.name, s.owner_unit) for k, s in shipped.connectors["aplikasi"].services.items()}
    assert named == {a.service: (a.name, a.owner_unit) for a in APPLICATIONS}


def test_every_unit_it_names_is_one(shipped: Settings) -> None:
    assert unit_warnings(shipped, known_units()) == []


def kind_of(name: str) -> str:
    """The `type:` of a commented block."""
    found = re.search(rf"^  {name}:.*\n(?:    .*\n)*?    type: (\w+)", OPENED[name], re.MULTILINE)
    assert found is not None
    return found[1]


def test_there_is_a_real_source_of_each_kind_to_uncomment() -> None:
    assert set(OPENED) == {"six_day", "checker", "maintenance", "power_cuts", *REAL}
    assert {kind_of(name) for name in REAL} == set(BLOCKS)


@pytest.mark.parametrize("name", sorted(OPENED))
def test_a_commented_block_is_valid_when_it_is_uncommented(name: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(OPENED[name], encoding="utf-8")
    settings = load(file, BLOCKS, ENV)
    live = settings.of_realm("live")
    if name in REAL:
        assert list(live) == [name]
        assert data_connectors.registry()[live[name].type](name, live[name]).provides()
        assert not simulated.is_simulated(live[name])  # `coc serve` asks all three of every block
        assert simulated.addressed(settings, 4711).connectors[name] == live[name]
        assert unit_warnings(settings, known_units()) == []
        hosts = set(re.findall(r"\w+://(?:[^/@\s]*@)?([\w.-]+)", str(live[name])))
        assert hosts <= hosts_of(settings)  # or some lens would see one
    else:
        assert live == {}
        announced = {kind for kind in ("maintenance", "power_cuts") if getattr(settings.network, kind)}
        assert {*settings.calendar.profiles, *settings.access.api_tokens, *announced} == {name}


def test_the_commented_identity_provider_is_valid_when_it_is_uncommented(tmp_path: Path) -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    start = lines.index("# oidc:")
    block = list(itertools.takewhile(lambda line: line.startswith("#"), lines[start:]))
    opened = [*lines[:start], *(line.removeprefix("# ") for line in block), *lines[start + len(block) :]]
    (tmp_path / "config.yaml").write_text("\n".join(opened), encoding="utf-8")
    found = load(tmp_path / "config.yaml", BLOCKS, ENV).oidc
    assert found.issuer is not None
    assert found.groups["kepala-disdik"].units == ("DISDIK",)
