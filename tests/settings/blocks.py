"""Connector blocks of a city that exists in these tests only, and what a config mistake reads like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self

import pytest
from pydantic import Field, model_validator

from coc.domain.model import Model
from coc.settings.errors import ConfigError
from coc.settings.load import Config, open_config
from coc.settings.models import ConnectorBlock


class FeedBlock(ConnectorBlock):
    url: str


class FolderBlock(ConnectorBlock):
    path: str | None = None
    datasets: dict[str, dict[str, dict[str, str]]] = Field(default_factory=dict)
    kinds: dict[Literal["sites", "units"], str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.kinds and self.path:
            raise ValueError("expected `kinds` or `path`, not both")
        return self


class Expect(Model):
    status: int | list[int] = 200


class Service(Model):
    name: str
    url: str
    owner_unit: str | None = None
    expect: Expect = Expect()


class ProbeBlock(ConnectorBlock):
    services: dict[str, Service] = Field(min_length=1)


BLOCKS: Mapping[str, type[ConnectorBlock]] = {"feed": FeedBlock, "folder": FolderBlock, "probe": ProbeBlock}
Write = Callable[[str], Path]


def opened(file: Path, env: Mapping[str, str] | None = None, **more: object) -> Config:
    return open_config(file, BLOCKS, env or {}, **more)  # type: ignore[arg-type]


def said(file: Path, env: Mapping[str, str] | None = None, **more: object) -> list[str]:
    """The mistakes, each without the folder of the test."""
    with pytest.raises(ConfigError) as caught:
        opened(file, env, **more)
    return [line.replace(f"{file.parent}/", "") for line in str(caught.value).splitlines()]
