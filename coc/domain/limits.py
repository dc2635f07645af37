"""Time limits and thresholds of DOMAIN, as configuration."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from coc.domain.model import Model

LimitUnit = Literal["h", "working_h", "working_d"]


class Limit(Model):
    """`24 h` (clock hours), `8 working_h` or `5 working_d` (the end of the n-th working day after the day of issue)."""

    amount: float
    unit: LimitUnit

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


_LIMIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(h|working_h|working_d)\s*$")


def parse_limit(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _LIMIT.match(value)
    if not match:
        raise ValueError("expected a limit such as `24 h`, `8 working_h` or `5 working_d`")
    if match[2] == "working_d" and not float(match[1]).is_integer():
        raise ValueError("working_d counts whole days, such as `5 working_d`")
    return Limit(amount=float(match[1]), unit=match[2])  # type: ignore[arg-type]


LimitText = Annotated[Limit, BeforeValidator(parse_limit), PlainSerializer(str)]


class Degraded(Model):
    latency_ms: float = Field(default=500, gt=0)
    loss: float = Field(default=0.2, ge=0, le=1)


class ApLimits(Model):
    failures: int = Field(default=3, ge=1)
    successes: int = Field(default=2, ge=1)
    degraded: Degraded = Degraded()
    min_down_seconds: float = Field(default=300, ge=0)


class UrgencyLimits(Model):
    amat_segera: LimitText = Limit(amount=24, unit="h")
    segera: LimitText = Limit(amount=48, unit="h")
    penting: LimitText = Limit(amount=72, unit="h")
    biasa: LimitText = Limit(amount=5, unit="working_d")


class Limits(Model):
    urgency: UrgencyLimits = UrgencyLimits()
    paper_exempt: tuple[str, ...] = ("finance", "personnel", "legal")
    first_disposition_working_hours: float = Field(default=8, ge=0)
    adoption_letters_per_week: int = Field(default=3, ge=1)
    default_pages: int = Field(default=2, ge=0)
    default_copies: int = Field(default=3, ge=0)
    rupiah_per_sheet: float = Field(default=500, ge=0)
    ap: ApLimits = ApLimits()
    low_use_clients_per_day: float = Field(default=5, ge=0)
    certificate_days: float = Field(default=14, ge=0)  # with fewer days left, a certificate is a warning


def hold_seconds(every_seconds: float) -> float:
    """How long a sample holds: max(3 polling intervals, 5 min) (DOMAIN, State)."""
    return max(3 * every_seconds, timedelta(minutes=5).total_seconds())
