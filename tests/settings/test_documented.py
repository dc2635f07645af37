"""docs/config.md and the models tell the same keys."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from coc.settings.explain import branches
from coc.settings.kpi_ids import KPI_IDS
from coc.settings.models import ConnectorBlock, Settings

TEXT = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")
KEYS, _, REST = TEXT.partition("## Connectors")
CONNECTOR_KEYS = REST.partition("## Which realm")[0]
_OPEN = {"screens"}  # a free block: one line for all


def _documented(text: str) -> set[str]:
    first_cells = re.findall(r"^\| (`[^|]*?`) \|", text, re.MULTILINE)
    return {key for cell in first_cells for key in re.findall(r"`([a-z_.<>0-9]+)`", cell)}


def _keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Every leaf key; `<name>` where the key is the city's own word."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        for kind in branches(field.annotation):
            found |= _below(kind, f"{prefix}{field.alias or name}")
    return found


def _below(kind: typing.Any, key: str) -> set[str]:
    if (
        isinstance(kind, type)
        and issubclass(kind, BaseModel)
        and kind.__name__ not in {"Limit", "FrozenAfter", "QuietHours"}
    ):
        return _keys(kind, f"{key}.")
    if typing.get_origin(kind) is dict and key.split(".")[-1] not in {"hours", "ramadan", *_OPEN}:
        word = {"targets": "<kpi>", "units": "<unit>"}.get(key.split(".")[-1], "<name>")
        value = typing.get_args(kind)[1]
        return {f"{key}.{word}"} if value is typing.Any else _below(value, f"{key}.{word}")
    return {key} if kind is not type(None) else set()


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    assert _documented(KEYS) == _keys(Settings)


def test_every_connector_key_is_documented_and_every_documented_key_exists() -> None:
    assert _documented(CONNECTOR_KEYS) == set(ConnectorBlock.model_fields)


@pytest.mark.parametrize("kpi", KPI_IDS)
def test_every_kpi_that_may_have_a_target_is_listed(kpi: str) -> None:
    assert f"`{kpi}`" in TEXT.partition("## KPI ids")[2]
