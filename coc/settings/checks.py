"""What types cannot say: zones, crons, KPI ids, calendars, names, the realm of a simulated connector.

Each check reads the raw data, so that one mistake hides no other; a value of the wrong type is left to pydantic.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from coc.domain.datasets import CATEGORIES, COLUMNS
from coc.settings import network
from coc.settings.document import Document
from coc.settings.errors import KeyPath, nearest
from coc.settings.models import Realm, Settings, own_services

SIMULATOR = "simulator"
SHIPPED_PROFILES = ("five_day", "six_day")
_NAME = re.compile(r"[a-z0-9_-]+")
_AUTHS = ("bearer", "basic", "header", "login")
Check = Callable[[Document], None]


def _block(document: Document, *path: str | int) -> dict[str, Any]:
    found = document.at(path)
    return found if isinstance(found, dict) else {}


def _texts(document: Document, *path: str) -> Iterator[tuple[KeyPath, str]]:
    """The texts of a list, with their paths."""
    found = document.at(path)
    for index, item in enumerate(found if isinstance(found, list) else []):
        if isinstance(item, str):
            yield (*path, index), item


def city(document: Document) -> None:
    zone = document.at(("city", "time_zone"))
    if isinstance(zone, str) and zone not in available_timezones():
        close = nearest(zone, available_timezones())
        document.complain(
            ("city", "time_zone"), f"unknown time zone `{zone}`; expected one such as Asia/Jakarta{close}"
        )
    if document.at(("city", "languages")) == []:
        document.complain(("city", "languages"), "expected at least one of id, en; found an empty list")


def stores(document: Document) -> None:
    """Realms are two stores and identity a third: one database for two of them would mix what must not mix."""
    defaults = {name: str(f.default) for name, f in type(Settings().store).model_fields.items()}
    found = {name: document.at(("store", name)) or default for name, default in defaults.items()}
    seen: dict[str, str] = {}
    for name, url in found.items():
        path = ("store", name)
        if not isinstance(url, str) or document.is_broken(path):
            continue
        if not re.match(r"(sqlite|postgresql)(\+\w+)?://", url):
            document.complain(path, "expected sqlite:///var/coc.db or postgresql+psycopg://user:password@host/database")
        elif url in seen and ":memory:" not in url:
            document.complain(path, f"is the same database as store.{seen[url]}; each needs its own")
        seen.setdefault(url, name)


def server(document: Document) -> None:
    path: KeyPath = ("server", "public_url")
    url = document.at(path)
    if isinstance(url, str) and not document.is_broken(path):
        wrong = _wrong_address(url)
        if wrong is not None:
            document.complain(path, f"expected a URL such as https://coc.example.go.id{wrong}")
    for path, text in _texts(document, "server", "trusted_proxies"):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            document.complain(path, f"expected an address or network such as 10.0.0.5 or 10.0.0.0/24; found `{text}`")
            continue
        if network.prefixlen == 0:
            said = f"`{text}` is everybody, and whom everybody speaks for is nobody; name the proxy's own address"
            document.complain(path, said)


def _wrong_address(url: str) -> str | None:
    """What is wrong with a public address, "" where it is none at all."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s\\]", url):
        return ""
    if parts.username is not None or parts.password is not None:
        return "; it is no secret, so it holds no user and password"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "; the pages stand at its root, without a path, a question mark or a #"
    return None


def oidc(document: Document) -> None:
    """A provider that lets nobody in, or that everybody could pretend to be."""
    block = _block(document, "oidc")
    issuer = block.get("issuer")
    if not isinstance(issuer, str):
        return
    try:
        parts = urlsplit(issuer)
    except ValueError:
        parts = urlsplit("")
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        document.complain(("oidc", "issuer"), "expected an https address, as the provider itself names it")
    if not block.get("client_id"):
        document.complain(("oidc",), "expected client_id, as the provider knows this program")
    scopes = block.get("scopes")
    if isinstance(scopes, list) and "openid" not in scopes:
        document.complain(("oidc", "scopes"), "expected openid among them: without it the provider says nobody's name")
    if not block.get("groups"):
        document.complain(("oidc",), "expected groups: without one nobody who signs in there has a role here")
    for name, group in _block(document, "oidc", "groups").items():
        if isinstance(group, dict) and (group.get("role") == "head") != bool(group.get("units")):
            document.complain(("oidc", "groups", name), "expected units for a head, and for a head alone")


def categories(document: Document) -> None:
    for path, text in _texts(document, "limits", "paper_exempt"):
        if text not in CATEGORIES:
            known = ", ".join(CATEGORIES)
            document.complain(path, f"expected one of {known}; found `{text}`{nearest(text, CATEGORIES)}")


def targets(kpi_ids: Collection[str]) -> Check:
    def check(document: Document) -> None:
        for kpi in _block(document, "targets"):
            if kpi not in kpi_ids:
                close = nearest(kpi, kpi_ids)
                document.complain(("targets", kpi), f"unknown KPI id{close or '; docs/config.md lists them'}")

    return check


def calendar(document: Document) -> None:
    known = (*SHIPPED_PROFILES, *_block(document, "calendar", "profiles"))
    default = document.at(("calendar", "default"))
    if isinstance(default, str) and default not in known:
        said = f"unknown calendar `{default}`; known: {', '.join(known)}{nearest(default, known)}"
        document.complain(("calendar", "default"), said)
    country = document.at(("calendar", "holidays", "country"))
    if isinstance(country, str) and country != "ID":
        # Imported here: the library of all countries is slow to load, and the shipped one needs no check.
        from holidays import list_supported_countries

        if country not in list_supported_countries():
            said = f"no holidays are known for `{country}`; expected a country code such as ID"
            document.complain(("calendar", "holidays", "country"), said)


def simulated_parts(block: Mapping[str, Any]) -> list[KeyPath]:
    """Where a raw connector block says `url: simulator`: itself or its services."""
    found: list[KeyPath] = [("url",)] if block.get("url") == SIMULATOR else []
    services = block.get("services")
    for name, service in (services if isinstance(services, dict) else {}).items():
        if isinstance(service, dict) and service.get("url") == SIMULATOR:
            found.append(("services", name, "url"))
    return found


def realm_of(block: Any) -> Realm:
    """The realm a raw block counts as: what it says, demo where it is simulated, else live."""
    if not isinstance(block, dict):
        return "live"
    said = block.get("realm")
    if said == "demo" or (said is None and simulated_parts(block)):
        return "demo"
    return "live"


def connector(document: Document, name: str, block: dict[str, Any], zone: str) -> None:
    """The keys every connector has; its own ones are its file's business."""
    at: KeyPath = ("connectors", name)
    if block.get("realm") == "live":
        for path in simulated_parts(block):
            said = (
                "`url: simulator` in the live realm would store invented letters as real ones; "
                "say `realm: demo`, or leave `realm` out"
            )
            document.complain((*at, *path), said)
    cron = block.get("reconcile_cron")
    if isinstance(cron, str):
        check_cron(document, (*at, "reconcile_cron"), cron, zone)
    auth = block.get("auth")
    if isinstance(auth, dict):
        given = [kind for kind in _AUTHS if auth.get(kind) is not None]
        if len(given) > 1:
            said = f"expected at most one of {', '.join(_AUTHS)}; found {' and '.join(given)}"
            document.complain((*at, "auth"), said)
    columns = {c.name for columns in COLUMNS.values() for c in columns}
    for path, text in _texts(document, "connectors", name, "provides"):
        dataset, dot, column = text.rpartition(".")
        known = {c.name for c in COLUMNS.get(dataset, ())} if dot else columns  # type: ignore[call-overload]
        if column not in known:
            close = nearest(column, known or columns)
            document.complain(path, f"unknown column `{text}`; expected a canonical one such as completed_at{close}")


def connector_name(document: Document, name: str) -> None:
    if not _NAME.fullmatch(name):
        fixed = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_")
        hint = f"; `{fixed}` would do" if fixed else ""
        said = f"a connector's name holds a-z, 0-9, _ and - only{hint}"
        document.complain(("connectors", name), said)


def check_cron(document: Document, path: KeyPath, cron: str, zone: str) -> None:
    from apscheduler.triggers.cron import CronTrigger

    try:
        CronTrigger.from_crontab(cron, timezone=zone)
    except (ValueError, KeyError) as error:
        why = str(error).strip("'\" ")
        document.complain(path, f"expected a cron line such as `30 2 * * *` (02:30 every day); found `{cron}` ({why})")


def unit_warnings(settings: Settings, units: Collection[str]) -> list[str]:
    """Unit codes that config names and the list does not. A source may still supply them, so they are warnings."""
    named: list[tuple[str, str]] = []
    for kpi, target in settings.targets.items():
        named += [(f"targets.{kpi}.units.{unit}", unit) for unit in target.units]
    for token, api in settings.access.api_tokens.items():
        named += [(f"access.api_tokens.{token}.units", unit) for unit in api.units]
    for name, block in settings.connectors.items():
        for service, spec in own_services(block).items():
            owner = getattr(spec, "owner_unit", None)
            if owner:
                named.append((f"connectors.{name}.services.{service}.owner_unit", str(owner)))
    return [f"{key}: no unit `{unit}` in the list{nearest(unit, units)}" for key, unit in named if unit not in units]


CHECKS: tuple[Check, ...] = (city, stores, server, oidc, categories, calendar, network.check)
