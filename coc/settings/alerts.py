"""The shape of `alerts:` and `mail:`: what is watched, when it counts, who is told and how."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr

from coc.domain.model import Model

Severity = Literal["critical", "warning", "info"]
PointState = Literal["down", "degraded", "no_data"]
FeedState = Literal["failing", "frozen", "late", "never"]
GroupBy = Literal["event", "site", "area", "rule"]
Role = Literal["operator", "head", "leader", "admin"]

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*$")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_QUIET = re.compile(r"^\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*$")


def parse_duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a duration such as `90 s`, `10 min`, `2 h` or `1 d`")
    return timedelta(seconds=float(match[1]) * SECONDS[match[2]])


def duration_text(value: timedelta) -> str:
    """As config has it: in the largest unit that leaves a whole number."""
    seconds = value.total_seconds()
    unit = next((u for u, n in reversed(SECONDS.items()) if seconds and seconds % n == 0), "s")
    return f"{seconds / SECONDS[unit]:g} {unit}"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(duration_text)]


class QuietHours(Model):
    """`22:00-06:00`, in the city's time: no message leaves, the screens still show it."""

    start: time
    end: time

    def holds(self, at: time) -> bool:
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse_quiet(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _QUIET.match(value)
    if not match:
        raise ValueError("expected hours of the day such as `22:00-06:00`")
    hours = [int(part) for part in match.groups()]
    return QuietHours(start=time(hours[0], hours[1]), end=time(hours[2], hours[3]))


QuietText = Annotated[QuietHours, BeforeValidator(parse_quiet), PlainSerializer(str)]


class Escalation(Model):
    """Who is told as well when nobody has acknowledged it `after` it began to fire."""

    after: Duration
    channels: tuple[str, ...] = Field(min_length=1)


class Rule(Model):
    """One of `kpi`, `feed`, `ap_state` and `service_state` says what is watched.

    A KPI rule has `above`, `below` or `misses` (the target, or the warn beside it, of `targets:`). `unit`: a code, `*`
    for each, none for the city. `clears_at`: the value at which it is over, where that is not the threshold itself.
    """

    enabled: bool = True
    kpi: str | None = None
    unit: str | None = None
    window: Literal["7d", "30d", "90d"] = "30d"
    above: float | None = None
    below: float | None = None
    misses: Literal["target", "warn"] | None = None
    clears_at: float | None = None
    feed: str | None = None
    states: tuple[FeedState, ...] = ("failing", "frozen")
    ap_state: PointState | None = None
    service_state: PointState | None = None
    service: str = "*"
    group_by: GroupBy = "event"
    for_: Duration = Field(default=timedelta(minutes=5), alias="for", ge=timedelta(0))
    clear_after: Duration = Field(default=timedelta(minutes=2), ge=timedelta(0))
    severity: Severity = "warning"
    owner: Role = "operator"
    quiet_hours: QuietText | None = None
    channels: tuple[str, ...] = ()
    escalate: tuple[Escalation, ...] = ()


class Channel(Model):
    """One of `url` (an apprise address) and `mail` (whom to write to). `demo`: it takes what is simulated, too."""

    url: SecretStr | None = None
    mail: tuple[str, ...] = ()
    language: Literal["id", "en"] = "id"
    demo: bool = False


class Alerts(Model):
    """`rules` of a shipped rule's name replace it; `shipped: false` leaves all of them out."""

    shipped: bool = True
    rules: dict[str, Rule] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=dict)
    history_days: int = Field(default=365, ge=1)

    @property
    def in_force(self) -> dict[str, Rule]:
        """By name, the rules that are enabled: the shipped ones first, as the file has changed them."""
        every = {**(SHIPPED if self.shipped else {}), **self.rules}
        return {name: rule for name, rule in every.items() if rule.enabled}


class Mail(Model):
    """The server that takes our mail. Without a `host` none is sent."""

    host: str | None = None
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: str | None = None
    timeout_seconds: float = Field(default=15, gt=0)


# On from the start: without channels they show on the screens and tell nobody.
SHIPPED: dict[str, Rule] = {
    "wifi_down": Rule.model_validate({"ap_state": "down", "for": "5 min"}),
    "application_down": Rule.model_validate({"service_state": "down", "for": "3 min", "severity": "critical"}),
    "source_failing": Rule.model_validate({"feed": "*", "for": "10 min", "owner": "admin"}),
    "wifi_availability": Rule.model_validate(
        {"kpi": "wifi.availability_24h", "below": 0.9, "clears_at": 0.92, "for": "30 min"}
    ),
    "applications_slow": Rule.model_validate(
        {"kpi": "apps.latency_ms_p95", "above": 2000, "clears_at": 1500, "for": "15 min"}
    ),
    "disposition_late": Rule.model_validate(
        {"kpi": "disposition.on_time_rate", "misses": "warn", "for": "1 h", "owner": "leader", "severity": "info"}
    ),
}
