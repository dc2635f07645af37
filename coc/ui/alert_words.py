"""Alerts in words, on every screen and in every message alike: what it is, its figure, its rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from coc.metrics.registry import registered
from coc.settings.alerts import SECONDS, Rule
from coc.ui.format import Writer
from coc.ui.targets import written

ICONS: Final = {"critical": "failing", "warning": "degraded", "info": "late"}
TONES: Final = {"critical": "bad", "warning": "warn", "info": "idle"}
_CAUSES: Final = ("power", "upstream")
_WITH_UNIT: Final = ("hours", "days", "ms", "sheets")
Facts = Mapping[str, Any]  # a row of a frame, an incident's facts or a message's


def what(writer: Writer, facts: Facts) -> str:
    """What an alert is about, such as `Aplikasi PPDB padam`."""
    say, kind, name = writer.say, str(facts["kind"]), str(_text(facts.get("name")) or "")
    if kind == "kpi":
        kpi = kpi_name(writer, str(facts["kpi"]))
        return say("alert.what.kpi.unit", kpi=kpi, name=name) if name else kpi
    if kind == "feed":
        return say("alert.what.feed", name=name.replace("_", " "), state=say(f"alert.feed.{facts['detail']}"))
    state = say(f"alert.state.{facts['watched']}")
    if kind == "service":
        return say("alert.what.service", name=name, state=state)
    shape = "all" if facts["scope"] == "*" else str(facts["scope"]).partition(":")[0]
    return say(f"alert.what.{shape}", name=name, state=state)


def kpi_name(writer: Writer, kpi: str) -> str:
    message = f"kpi.{kpi}.name"
    return writer.say(message) if writer.say.has(message) else kpi


def figure(writer: Writer, facts: Facts) -> str:
    """Its figure against the threshold, or how many points it is about and why; "" where there is nothing to add."""
    say = writer.say
    if facts["kind"] == "ap":
        many = int(facts.get("points") or 0)
        cause = str(facts.get("detail") or "")
        words = [say("alert.point") if many == 1 else say("alert.points", n=writer.number(many))]
        return ", ".join([*words, *([say(f"alert.cause.{cause}")] if cause in _CAUSES else [])])
    if facts["kind"] != "kpi":
        return ""
    value, limit = _number(facts.get("value")), _number(facts.get("limit"))
    if value is None or limit is None:
        return ""
    kpi = str(facts["kpi"])
    return say(f"alert.value.{side(facts)}", value=amount(writer, value, kpi), limit=amount(writer, limit, kpi))


def side(facts: Facts) -> str:
    """Whether the threshold is one from above or from below."""
    how, worst = facts.get("how"), _number(facts.get("worst"))
    if how in ("above", "below"):
        return str(how)
    return "above" if worst is not None and worst > (_number(facts.get("limit")) or 0.0) else "below"


def amount(writer: Writer, value: float, kpi: str) -> str:
    spec = registered().get(kpi)
    measure = spec.measure if spec else "count"
    rounded = round(value, 3 if measure == "rate" else 1)
    unit = f" {writer.say(f'measure.{measure}')}" if measure in _WITH_UNIT else ""
    return written(writer, rounded, measure) + unit


def duration(writer: Writer, span: timedelta) -> str:
    """In the largest unit that leaves a whole number."""
    seconds = span.total_seconds()
    unit = next(u for u, n in reversed(SECONDS.items()) if seconds % n == 0 or u == "s")
    return writer.say(f"alert.duration.{unit}", n=writer.number(seconds / SECONDS[unit]))


def lasted(writer: Writer, since: datetime, until: datetime) -> str:
    return writer.age((until - since).total_seconds())


def rule_words(writer: Writer, rule: Rule, units: Mapping[str, str] | None = None) -> str:
    """When a rule fires."""
    say = writer.say
    lasts = say("alert.rule.for", lasts=duration(writer, rule.for_)) if rule.for_ else ""
    if rule.feed is not None:
        states = say("alert.or").join(say(f"alert.feed.{state}") for state in rule.states)
        message = "alert.rule.feed.every" if rule.feed == "*" else "alert.rule.feed"
        return say(message, name=rule.feed.replace("_", " "), states=states, lasts=lasts)
    if rule.ap_state is not None:
        said = say("alert.rule.ap", state=say(f"alert.state.{rule.ap_state}"), lasts=lasts)
        return f"{said}; {say(f'alert.rule.group.{rule.group_by}')}"
    if rule.service_state is not None:
        message = "alert.rule.service.every" if rule.service == "*" else "alert.rule.service"
        return say(message, name=rule.service, state=say(f"alert.state.{rule.service_state}"), lasts=lasts)
    kpi = str(rule.kpi)
    unit = "" if rule.unit is None else (units or {}).get(rule.unit, rule.unit)
    scope = f", {say('alert.rule.each_unit') if rule.unit == '*' else unit}" if rule.unit else ""
    how = f"misses.{rule.misses}" if rule.misses else "above" if rule.above is not None else "below"
    limit = rule.above if rule.above is not None else rule.below
    shown = "" if limit is None else amount(writer, limit, kpi)
    return say(f"alert.rule.kpi.{how}", kpi=kpi_name(writer, kpi), scope=scope, limit=shown, lasts=lasts)


def told_words(writer: Writer, rule: Rule) -> str:
    """Whom a rule tells, and when it keeps silent."""
    say = writer.say
    if not rule.channels and not rule.escalate:
        return say("alert.rule.screen")
    parts = [say("alert.rule.channels", names=", ".join(rule.channels))] if rule.channels else []
    for step in rule.escalate:
        names = ", ".join(step.channels)
        parts.append(say("alert.rule.escalate", after=duration(writer, step.after), names=names))
    if rule.quiet_hours is not None:
        parts.append(say("alert.rule.quiet", hours=str(rule.quiet_hours)))
    return "; ".join(parts)


def step_words(writer: Writer, step: str) -> str:
    name = "resolved" if step.startswith("resolved") else step.partition("-")[0]
    return writer.say(f"alert.step.{name}")


def error_words(writer: Writer, code: str) -> str:
    message = f"alert.error.{code}"
    if writer.say.has(message):
        return writer.say(message)
    return writer.say("alert.error.mail", code=code.removeprefix("mail_"))


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
