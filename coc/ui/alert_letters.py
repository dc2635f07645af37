"""What a message says that leaves the house: KPI, scope, value, threshold, since and a link; never a letter's field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from coc.settings.models import Settings
from coc.ui import alert_words as words
from coc.ui.format import Writer


class Letters:
    """Writes subject and body from a message's facts, in a channel's language."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.city.time_zone)

    def __call__(self, facts: Mapping[str, Any], language: str) -> tuple[str, str]:
        writer = Writer(language, self._zone)
        if facts.get("step") == "test":
            return self._test(writer, facts)
        subject, lines = _subject(writer, facts), _lines(writer, facts)
        if facts["realm"] == "demo":
            subject = f"{writer.say('message.simulated')} {subject}"
            lines.insert(0, writer.say("message.simulated"))
        # The public address is the live realm's; without one the page is named as it is found on this machine.
        url = "" if facts["realm"] == "demo" else self._settings.server.public_url or ""
        lines.append(writer.say("message.link", link=f"{url.rstrip('/')}/peringatan"))
        return subject, "\n".join([*lines, "", f"COC {self._settings.city.name}"])

    def _test(self, writer: Writer, facts: Mapping[str, Any]) -> tuple[str, str]:
        say, city = writer.say, self._settings.city.name
        return say("message.test.subject", channel=facts["channel"]), say("message.test.body", city=city)


def _subject(writer: Writer, facts: Mapping[str, Any]) -> str:
    say, step = writer.say, str(facts["step"])
    severity = say(f"alert.severity.{facts['severity']}")
    name = step.partition("-")[0]
    message = "message.subject" if name == "fired" else f"message.subject.{name}"
    return say(message, severity=severity, what=words.what(writer, facts))


def _lines(writer: Writer, facts: Mapping[str, Any]) -> list[str]:
    say, at = writer.say, datetime.fromisoformat(str(facts["at"]))
    since = datetime.fromisoformat(str(facts["since"]))
    lines = [words.what(writer, facts), ""]
    if facts["kind"] == "kpi":
        lines += _of_figure(writer, facts)
    elif facts["kind"] == "ap":
        lines.append(say("message.points", n=words.figure(writer, facts)))
    lines.append(say("message.since", at=writer.moment(since, at)))
    if facts.get("ended"):
        ended = datetime.fromisoformat(str(facts["ended"]))
        shown = {"at": writer.moment(ended, at), "lasted": words.lasted(writer, since, ended)}
        lines.append(say("message.ended", **shown))
    elif facts["step"] == "flapping":
        lines.append(say("message.flapping"))
    if not facts.get("ended"):
        lines.append(say("message.owner", role=say(f"audit.lens.{facts['owner']}")))
    return [*lines, say("message.rule", rule=facts["rule"])]


def _of_figure(writer: Writer, facts: Mapping[str, Any]) -> list[str]:
    say, kpi = writer.say, str(facts["kpi"])
    value, limit = facts.get("value"), facts.get("limit")
    # A unit's figure that the public may not see stays in the house.
    shown = say("alert.value.kept") if value is None else words.amount(writer, float(value), kpi)
    lines = [say("message.kpi", kpi=kpi), say("message.scope", scope=facts.get("name") or say("message.scope.city"))]
    lines.append(say("message.value", value=shown))
    if limit is not None:
        lines.append(say(f"message.limit.{words.side(facts)}", limit=words.amount(writer, float(limit), kpi)))
    return lines
