"""How numbers, days and hours are written.

id: 1.234,5 · 97,4 % · 28 November 2020 · 14.05 WIB. en: 1,234.5 · 97.4% · 28 November 2020 · 14:05 WIB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from coc.ui.i18n import Translator, t

DASH = "–"
_ZONE_NAMES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}
_STEPS = ((60, "age.seconds", 1), (3600, "age.minutes", 60), (172_800, "age.hours", 3600))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes values in one language and one city's zone. Null is an en dash, never `nan`."""

    language: str
    zone: ZoneInfo

    @property
    def say(self) -> Translator:
        return t(self.language)

    def number(self, value: float | None, decimals: int = 0) -> str:
        if value is None or math.isnan(value):
            return DASH
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(value + 0.0, format=pattern, locale=self.language).replace("-", "−")

    def signed(self, value: float, decimals: int = 0) -> str:
        """With its sign, `+3` or `−3`; 0 has none."""
        text = self.number(abs(value), decimals)
        return text if round(value, decimals) == 0 else ("+" if value > 0 else "−") + text

    def percent(self, rate: float | None, decimals: int = 1) -> str:
        """A rate of 0..1. It never rounds up to 100 % nor down to 0 % what is not quite that."""
        if rate is None or math.isnan(rate):
            return DASH
        return self.percent_number(rate, decimals) + self.percent_sign

    def percent_number(self, rate: float, decimals: int = 1) -> str:
        """Without the sign. A whole 100 has no decimals: nothing was rounded."""
        return self.number(self.points(rate, decimals), 0 if rate == 1 else decimals)

    @property
    def percent_sign(self) -> str:
        return "\N{NO-BREAK SPACE}%" if self.language == "id" else "%"

    @staticmethod
    def points(rate: float, decimals: int = 1) -> float:
        shown, step = round(rate * 100, decimals), 10.0**-decimals
        if shown >= 100 > rate * 100:
            return 100 - step
        return step if shown <= 0 < rate else shown

    def long_date(self, day: date) -> str:
        return str(format_date(day, format="d MMMM y", locale=self.language))

    def short_date(self, day: date) -> str:
        return str(format_date(day, format="d MMM", locale=self.language))

    def weekday(self, day: date) -> str:
        return str(format_date(day, format="EEEE", locale=self.language))

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    @property
    def zone_name(self) -> str:
        return _ZONE_NAMES.get(self.zone.key) or self.zone.key.rsplit("/", 1)[-1].replace("_", " ")

    def hour(self, at: datetime) -> str:
        """The time of day alone: 14.05 or 14:05."""
        return self.local(at).strftime("%H.%M" if self.language == "id" else "%H:%M")

    def clock(self, at: datetime) -> str:
        return f"{self.hour(at)} {self.zone_name}"

    def moment(self, at: datetime, now: datetime) -> str:
        """The hour where it is today, else the day with it."""
        there, here = self.local(at), self.local(now)
        return self.clock(at) if there.date() == here.date() else f"{self.short_date(there.date())}, {self.clock(at)}"

    def age(self, seconds: float) -> str:
        """A rounded-down age; the client script writes the same words."""
        whole = max(0, int(seconds))
        for limit, message, unit in _STEPS:
            if whole < limit:
                return self.say(message, n=whole // unit)
        return self.say("age.days", n=whole // 86_400)
