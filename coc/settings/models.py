"""The shape of config.yaml: frozen, no unknown keys, units in names. Every block has defaults."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from coc.domain.calendar_spec import CalendarSettings
from coc.domain.limits import Limits
from coc.domain.model import Model
from coc.settings.alerts import Alerts, Mail
from coc.settings.network import Network

Realm = Literal["live", "demo"]


class City(Model):
    code: str = "15.71"
    name: str = "Kota Jambi"
    time_zone: str = "Asia/Jakarta"
    languages: tuple[Literal["id", "en"], ...] = ("id", "en")


class StoreSettings(Model):
    url: str = "sqlite:///var/coc.db"
    demo_url: str = "sqlite:///var/demo.db"
    control_url: str = "sqlite:///var/control.db"


class Server(Model):
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()


class Retention(Model):
    letters_years: int = Field(default=10, ge=1)
    samples_days: int = Field(default=35, ge=31)
    rollups_years: int = Field(default=5, ge=1)
    quarantine_days: int = Field(default=30, ge=1)
    audit_years: int = Field(default=2, ge=1)


class UnitTarget(Model):
    target: float | None = None
    warn: float | None = None


class Target(UnitTarget):
    units: dict[str, UnitTarget] = Field(default_factory=dict)


class BasicAuth(Model):
    user: str
    password: SecretStr


class HeaderAuth(Model):
    name: str
    value: SecretStr


class LoginAuth(Model):
    path: str
    body: dict[str, Any]
    token: str


class Auth(Model):
    """At most one of the four."""

    bearer: SecretStr | None = None
    basic: BasicAuth | None = None
    header: HeaderAuth | None = None
    login: LoginAuth | None = None


_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|min|h|working_h|d)\s*$")


class FrozenAfter(Model):
    """How long a feed's newest record may stand still: `4 working_h` or a clock duration."""

    seconds: float
    working: bool = False


def parse_frozen_after(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.match(value)
    if not match:
        raise ValueError("expected a duration such as `10 min` or `4 working_h`")
    scale = {"s": 1, "min": 60, "h": 3600, "working_h": 3600, "d": 86400}[match[2]]
    return FrozenAfter(seconds=float(match[1]) * scale, working=match[2] == "working_h")


class ConnectorBlock(Model):
    """The keys every connector has; each connector file extends this with its own (`Block`)."""

    type: str
    enabled: bool = True
    realm: Realm = "live"
    url: str | None = None
    auth: Auth = Auth()
    every_seconds: float = Field(default=60, ge=1)
    timeout_seconds: float = Field(default=10, gt=0)
    deadline_seconds: float = Field(default=120, gt=0)
    max_mb: float = Field(default=64, gt=0)
    overlap_seconds: float = Field(default=300, ge=0)
    reconcile_cron: str = "30 2 * * *"
    backfill_days: float = Field(default=30, ge=0)
    frozen_after: Annotated[FrozenAfter, BeforeValidator(parse_frozen_after)] | None = None
    keep: tuple[Literal["number", "subject", "sender", "instruction_text"], ...] = ("number",)
    provides: tuple[str, ...] | None = None
    verify: bool | str = True


def own_services(block: ConnectorBlock) -> dict[str, Any]:
    """The services that a block writes out, by name. Elsewhere `services` may be the names of groups of them."""
    found = getattr(block, "services", None)
    return found if isinstance(found, dict) else {}


class ApiToken(Model):
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    role: Literal["guest", "screen", "head", "leader", "operator", "admin", "probe"]
    units: tuple[str, ...] = ()
    expires: date | None = None


class Sessions(Model):
    """How long one stays signed in: `idle_hours` without a request, `days` in all."""

    idle_hours: float = Field(default=72, gt=0)
    days: float = Field(default=30, gt=0)


class Access(Model):
    sessions: Sessions = Sessions()
    api_tokens: dict[str, ApiToken] = Field(default_factory=dict)


class OidcGroup(Model):
    """What a provider's group gives. `units` are a head's."""

    role: Literal["guest", "head", "leader", "operator", "admin"]
    units: tuple[str, ...] = ()
    clearance: Literal["biasa", "terbatas", "rahasia", "sangat_rahasia"] | None = None


class Oidc(Model):
    """An OpenID Connect provider. Without `issuer` there is none."""

    issuer: str | None = None
    client_id: str = ""
    client_secret: str | None = Field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "groups")
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: dict[str, OidcGroup] = Field(default_factory=dict)
    label: str | None = None
    verify: bool | str = True
    timeout_seconds: float = Field(default=10, gt=0)


class Demo(Model):
    enabled: bool = False
    port: int = Field(default=8051, ge=1, le=65535)


LETTER_TYPES = (
    "surat_dinas",
    "nota_dinas",
    "undangan",
    "surat_edaran",
    "surat_tugas",
    "keputusan",
    "pengumuman",
    "laporan",
    "telaahan_staf",
)


class Settings(Model):
    """The whole of config.yaml. `connectors` holds each connector's own `Block`, validated by its file."""

    city: City = City()
    store: StoreSettings = StoreSettings()
    server: Server = Server()
    retention: Retention = Retention()
    letter_types: tuple[str, ...] = LETTER_TYPES
    limits: Limits = Limits()
    targets: dict[str, Target] = Field(default_factory=dict)
    calendar: CalendarSettings = CalendarSettings()
    network: Network = Network()
    connectors: dict[str, Any] = Field(default_factory=dict)
    access: Access = Access()
    demo: Demo = Demo()
    screens: dict[str, Any] = Field(default_factory=dict)
    alerts: Alerts = Alerts()
    mail: Mail = Mail()
    oidc: Oidc = Oidc()

    def of_realm(self, realm: Realm) -> dict[str, ConnectorBlock]:
        return {name: block for name, block in self.connectors.items() if block.realm == realm}
