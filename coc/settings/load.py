"""The door: config.yaml -> frozen Settings, or one ConfigError that names every mistake.

Paths in the file (SQLite files, `path:` of exports, a CA file, `${file:...}`) are relative to the file's own folder, so
that a command means the same from wherever it is called.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError

from coc.settings import alert_checks, checks
from coc.settings.document import Document, expand, override, read, references
from coc.settings.errors import ConfigError, Problem, nearest
from coc.settings.explain import branches, explain
from coc.settings.kpi_ids import KPI_IDS
from coc.settings.models import ConnectorBlock, Realm, Settings

DEFAULT_PATH = Path("config.yaml")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]*)(\?.*)?")
M = TypeVar("M", bound=BaseModel)
_MIN_SCRUBBED = 4  # a shorter secret would blank half of every message


@dataclass(frozen=True, slots=True)
class Config:
    """`variables`: per realm, the environment variables its connectors name (the other realm's process needs none)."""

    path: Path
    settings: Settings
    variables: Mapping[Realm, frozenset[str]]


def load(
    path: Path | None,
    connector_blocks: Mapping[str, type[ConnectorBlock]],
    env: Mapping[str, str] = os.environ,
    *,
    kpi_ids: Iterable[str] = (),
    realm: Realm | None = None,
) -> Settings:
    """The settings of `path` (default ./config.yaml). Raises ConfigError."""
    return open_config(path, connector_blocks, env, kpi_ids=kpi_ids, realm=realm).settings


def open_config(
    path: Path | None,
    connector_blocks: Mapping[str, type[ConnectorBlock]],
    env: Mapping[str, str] = os.environ,
    *,
    kpi_ids: Iterable[str] = (),
    realm: Realm | None = None,
) -> Config:
    """Like `load`, with what else was learnt on the way.

    `connector_blocks`: `type:` -> the model of its block. `kpi_ids`: what `targets:` may name beside the API contract's
    ids. `realm`: leave the other realm's connectors unread, so that a process needs its own realm's secrets only.
    """
    document = read(path or DEFAULT_PATH)
    if document.problems and not document.data:
        raise ConfigError(document.problems)
    override(document, env)
    variables = _variables(document)
    if realm is not None:
        _leave_out(document, realm)
    expand(document, env)
    document.data = _without_empty_blocks(document.data, Settings)
    known = {*KPI_IDS, *kpi_ids}
    for check in (*checks.CHECKS, checks.targets(known), alert_checks.rules(known), alert_checks.channels):
        check(document)
    connectors = _connectors(document, connector_blocks)
    settings = _validated(document, Settings, (), {**document.data, "connectors": {}})
    if document.problems or settings is None:
        raise ConfigError(_scrubbed(document, _in_order(document.problems)))
    whole = settings.model_copy(update={"connectors": connectors})
    return Config(path or DEFAULT_PATH, _rooted(whole, document.folder), variables)


def _raw_connectors(document: Document) -> dict[str, Any]:
    found = document.data.get("connectors")
    return found if isinstance(found, dict) else {}


_STORE_KEYS: Mapping[Realm, str] = {"live": "url", "demo": "demo_url"}


def _variables(document: Document) -> dict[Realm, frozenset[str]]:
    found = {name: set(references(document.at(("store", key)))) for name, key in _STORE_KEYS.items()}
    for block in _raw_connectors(document).values():
        found[checks.realm_of(block)] |= set(references(block))
    of_live = set(references(alert_checks.live_alone(document)))
    found["live"] |= of_live
    found["demo"] |= {*references(document.data.get("alerts")), *references(document.data.get("mail"))} - of_live
    return {name: frozenset(names) for name, names in found.items()}


def _leave_out(document: Document, realm: Realm) -> None:
    """Takes away what the other realm's process alone needs: its connectors, its store, its secrets with them."""
    other = _STORE_KEYS["demo" if realm == "live" else "live"]
    if not isinstance(document.data.get("store"), dict):
        document.data["store"] = {}
    document.data["store"][other] = "sqlite:///:memory:"
    if realm == "demo":
        _without_live_channels(document)
    connectors = _raw_connectors(document)
    if connectors:
        document.data["connectors"] = {n: b for n, b in connectors.items() if checks.realm_of(b) == realm}


def _without_live_channels(document: Document) -> None:
    """A rule may still name them: they stay, and hold nothing."""
    taken = alert_checks.live_alone(document)
    for block in taken["channels"].values():
        if isinstance(block, dict) and block.get("url") is not None:
            block["url"] = "withheld://here"
    if isinstance(taken["mail"], dict):
        taken["mail"].pop("password", None)


def _without_empty_blocks(data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """A block whose every line is commented out reads as null: its defaults are meant."""
    kept: dict[str, Any] = {}
    for key, value in data.items():
        field = model.model_fields.get(key)
        kinds = branches(field.annotation) if field else []
        below = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        holds_many = any(str(getattr(k, "__origin__", "")) in _CONTAINERS for k in kinds)
        if value is None and (below or holds_many) and type(None) not in kinds:
            continue
        kept[key] = _without_empty_blocks(value, below) if below and isinstance(value, dict) else value
    return kept


_CONTAINERS = {str(kind) for kind in (dict, list, tuple)}


def _connectors(document: Document, known: Mapping[str, type[ConnectorBlock]]) -> dict[str, ConnectorBlock]:
    given = document.data.get("connectors")
    if given is not None and not isinstance(given, dict):
        document.complain(("connectors",), "expected a block of connectors, each a name and its own block")
    zone = document.at(("city", "time_zone"))
    zone = zone if isinstance(zone, str) and zone in available_timezones() else Settings().city.time_zone
    found: dict[str, ConnectorBlock] = {}
    for name, block in _raw_connectors(document).items():
        checks.connector_name(document, name)
        if not isinstance(block, dict):
            document.complain(("connectors", name), "expected a block of keys such as `type:` and `url:`")
            continue
        checks.connector(document, name, block, zone)
        model = _model_of(document, name, block, known)
        if model is None:
            continue
        whole = {**_without_empty_blocks(block, model), "realm": block.get("realm") or checks.realm_of(block)}
        valid = _validated(document, model, ("connectors", name), whole)
        if valid is not None:
            found[name] = valid
    return found


def _model_of(
    document: Document, name: str, block: dict[str, Any], known: Mapping[str, type[ConnectorBlock]]
) -> type[ConnectorBlock] | None:
    kind = block.get("type")
    if isinstance(kind, str) and kind in known:
        return known[kind]
    names = ", ".join(sorted(known)) or "none"
    if kind is None:
        document.complain(("connectors", name, "type"), f"is missing; expected one of {names}")
    else:
        said = f"unknown type of connector; expected one of {names}; found `{kind}`{nearest(kind, known)}"
        document.complain(("connectors", name, "type"), said)
    return None


def _validated(document: Document, model: type[M], path: tuple[str, ...], data: dict[str, Any]) -> M | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        explain(document, path, model, error)
        return None


def _in_order(problems: list[Problem]) -> list[Problem]:
    def line(problem: Problem) -> int:
        digits = problem.place.rpartition(":")[2]
        return int(digits) if digits.isdigit() else 0

    return sorted(dict.fromkeys(problems), key=line)


def _scrubbed(document: Document, problems: Iterable[Problem]) -> list[Problem]:
    """The last guard: no expanded value leaves in a message, whatever a connector's own check said."""
    secrets = sorted({s for found in document.secrets.values() for s in found if len(s) >= _MIN_SCRUBBED}, key=len)
    clean: list[Problem] = []
    for problem in problems:
        said = problem.said
        for secret in reversed(secrets):
            said = said.replace(secret, "***")
        clean.append(replace(problem, said=said))
    return clean


def _rooted(settings: Settings, folder: Path) -> Settings:
    """Every relative path made absolute, from the folder of config.yaml."""
    urls = {name: _sqlite_rooted(str(url), folder) for name, url in settings.store.model_dump().items()}
    connectors = {name: _block_rooted(block, folder) for name, block in settings.connectors.items()}
    return settings.model_copy(update={"store": settings.store.model_copy(update=urls), "connectors": connectors})


def _sqlite_rooted(url: str, folder: Path) -> str:
    match = _SQLITE.fullmatch(url)
    if not match or match[2] in {"", ":memory:"} or match[2].startswith("file:"):
        return url
    return f"{match[1]}{folder / Path(match[2]).expanduser()}{match[3] or ''}"


def _block_rooted(block: ConnectorBlock, folder: Path) -> ConnectorBlock:
    update: dict[str, Any] = {}
    path = getattr(block, "path", None)
    if isinstance(path, str | Path) and str(path):
        update["path"] = type(path)(folder / Path(path).expanduser())
    if isinstance(block.verify, str):
        update["verify"] = str(folder / Path(block.verify).expanduser())
    return block.model_copy(update=update) if update else block


def known_units() -> Collection[str]:
    """The codes of the shipped reference list."""
    from coc.domain import reference

    return frozenset(str(code) for code in reference.units()["code"])
