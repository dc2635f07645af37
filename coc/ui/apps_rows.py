"""What the pages of applications read of their board: rows in the viewer's choice, in order of what matters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd

from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.links import segment
from coc.ui.marks import TONES, icon

BOARD: Final = "applications"
APP, LINK = "app", "link"
UP: Final = "up"
WINDOWS: Final = ("24h", "7d", "30d")
_WORST_FIRST: Final = ("down", "degraded", "no_data", "up")
_DAY: Final = 86_400
REASONS: Final = (
    *("dns", "refused", "timeout", "tls", "status", "content", "login_page", "redirect", "too_large", "config"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """Of a window: up share (None: nothing is known) and coverage."""

    up: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Entity:
    """An application or a link, now. Numbers and instants are None where nothing is known."""

    kind: str
    id: str
    name: str
    unit: str
    provider: str
    site: str  # at which a link ends; "": it is the whole city's
    state: str
    flapping: bool
    since: datetime | None
    p50: float | None
    p95: float | None
    certificate: datetime | None
    known: dict[str, Known]

    @property
    def href(self) -> str:
        return href_of(self.id)


def href_of(service: object) -> str:
    """The page of one application or link."""
    return f"/aplikasi/{segment(str(service))}"


def number(cell: Any) -> float | None:
    return None if cell is None or pd.isna(cell) else float(cell)


def text(cell: Any) -> str:
    return "" if cell is None or pd.isna(cell) else str(cell)


def chosen(ctx: Context, name: str) -> pd.DataFrame | None:
    """A frame of the board, of the view's unit where it is of one; None where there is nothing."""
    frame = ctx.frame(BOARD, name)
    if frame is None or not ctx.view.scope or ctx.view.of != "unit":
        return frame
    if "unit" in frame:
        rows = (frame["unit"] == ctx.view.scope).tolist()
    else:
        mine = {(e.kind, e.id) for e in entities(ctx)}
        kinds = frame["kind"] if "kind" in frame else [APP] * len(frame)
        rows = [key in mine for key in zip(kinds, frame["service"], strict=True)]
    found = frame[rows]
    return None if found.empty else found


def entities(ctx: Context, kind: str | None = None) -> list[Entity]:
    """What the view is of, the worst state first, the whole city's before a site's; applications before links."""
    frame = chosen(ctx, "listed")
    found = [] if frame is None else [_entity(row) for row in frame.to_dict("records")]
    return sorted(
        (e for e in found if kind in (None, e.kind)),
        key=lambda e: (e.kind, _WORST_FIRST.index(e.state), e.site != "", e.name.casefold(), e.id),
    )


def listed(ctx: Context) -> list[Entity]:
    """All of the city, applications before links."""
    frame = ctx.frame(BOARD, "listed")
    return [] if frame is None else [_entity(row) for row in frame.to_dict("records")]


def _entity(row: dict[Any, Any]) -> Entity:
    return Entity(
        kind=str(row["kind"]),
        id=str(row["service"]),
        name=text(row["name"]) or str(row["service"]),
        unit=text(row["unit"]),
        provider=text(row["provider"]),
        site=text(row["site"]),
        state=str(row["state"]),
        flapping=bool(row["flapping"]),
        since=moment_of(row["since"]),
        p50=number(row["p50"]),
        p95=number(row["p95"]),
        certificate=moment_of(row["certificate_until"]),
        known={w: Known(number(row[f"up_share_{w}"]), number(row[f"coverage_{w}"]) or 0.0) for w in WINDOWS},
    )


def state_mark(ctx: Context, entity: Entity) -> Any:
    """Its shape, its word and since when."""
    word = ctx.say("apps.flapping" if entity.flapping else f"state.{entity.state}")
    since = (
        [html.Span(ctx.say("apps.since", at=moment(ctx, entity.since)), className="coc-quiet")] if entity.since else []
    )
    return html.Span(
        [icon(entity.state), html.Span(word, className="coc-state-word"), *since],
        className="coc-app-state",
        **{"data-tone": TONES[entity.state], "data-state": entity.state},
    )


def moment(ctx: Context, at: datetime | None) -> str:
    """The hour today; else the day, with the hour within a week."""
    if at is None:
        return ctx.writer.number(None)
    local, now = ctx.writer.local(at), ctx.writer.local(ctx.view.now)
    if local.date() == now.date():
        return ctx.writer.hour(at)
    day = ctx.writer.short_date(local.date())
    return f"{day} {ctx.writer.hour(at)}" if (now - local).total_seconds() < 7 * _DAY else day


def lasted(ctx: Context, seconds: float) -> str:
    """A length of time in its two largest units: `2 h 5 min`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return ctx.say("lasts.s", n=max(1, round(seconds)))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (rest, "min")]
    first = next(i for i, (n, _) in enumerate(parts) if n)
    return " ".join(ctx.say(f"lasts.{unit}", n=ctx.writer.number(n)) for n, unit in parts[first : first + 2] if n)


def days_left(ctx: Context, until: datetime) -> int:
    """Whole days, below 0 once it has ended."""
    return math.floor((until - ctx.view.now).total_seconds() / _DAY)


def certificate_tone(ctx: Context, until: datetime) -> str:
    left = (until - ctx.view.now).total_seconds() / _DAY
    return "bad" if left <= 0 else "warn" if left < ctx.view.settings.limits.certificate_days else "idle"


def reason_words(ctx: Context, row: dict[Any, Any]) -> str:
    """Why, in a sentence: what is planned first, then what caused it, then what the failed answer was."""
    cause = text(row["cause"])
    if cause in ("maintenance", "power"):
        planned = text(row["planned"])
        return f"{ctx.say(f'apps.cause.{cause}')}: {planned}" if planned else ctx.say(f"apps.cause.{cause}")
    reason, status = text(row["reason"]), number(row["status"])
    if row["kind"] == LINK:
        return ctx.say("apps.reason.link")
    if reason == "status" or (not reason and status is not None and status >= 400):
        return _status(ctx, None if status is None else int(status))
    return ctx.say(f"apps.reason.{reason if reason in REASONS else 'unknown'}")


def _status(ctx: Context, status: int | None) -> str:
    if status is None:
        return ctx.say("apps.reason.status")
    kind = "server" if status >= 500 else "missing" if status == 404 else "refuses" if status in (401, 403) else "other"
    return ctx.say(f"apps.reason.status.{kind}", status=status)
