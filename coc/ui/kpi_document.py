"""Every figure in one table, in both languages: `coc kpi`, and `docs/kpi.md`. The texts are those behind each "i"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from coc.domain.limits import Limits
from coc.metrics.registry import KpiSpec, registered
from coc.settings.models import Settings, Target
from coc.ui.explain import direction, explanation, target_words
from coc.ui.format import Writer
from coc.ui.i18n import LANGUAGES
from coc.ui.targets import band_of

_HEAD: Final = {
    "id": """# Angka-angka dasbor

Dibuat oleh `coc kpi --markdown` dari daftar KPI yang dihitung program; satu tes membandingkan keduanya. Teks yang sama
muncul di balik tanda "i" pada layar. Batas dan target di bawah adalah nilai bawaan `config.yaml`; target dapat berbeda
menurut unit (`targets.<id>.units`). *nf*: disposisi yang perlu ditindaklanjuti dan tidak dibatalkan.
""",
    "en": """# The dashboard's figures

Made by `coc kpi --markdown` from the KPIs that the program computes; a test holds the two together. The same texts are
behind each "i" on screen. Limits and targets below are the shipped `config.yaml`'s; a target may differ by unit
(`targets.<id>.units`). *nf*: dispositions that need follow-up and are not cancelled.
""",
}
_COLUMNS: Final = ("id", "name", "is", "formula", "unit", "better", "target", "source")


def markdown(settings: Settings) -> str:
    """All KPIs, the city's first language last: who reads the file reads English, who reads the screen has the "i"."""
    zone = ZoneInfo(settings.city.time_zone)
    parts = []
    for language in sorted(LANGUAGES):
        writer = Writer(language, zone)
        head = " | ".join(writer.say(f"explain.column.{c}") for c in _COLUMNS)
        rows = "\n".join(f"| {' | '.join(row)} |" for row in rows_of(writer, settings.limits, settings.targets))
        parts.append(f"{_HEAD[language]}\n| {head} |\n|{'---|' * len(_COLUMNS)}\n{rows}\n")
    return "\n".join(parts)


def rows_of(writer: Writer, limits: Limits, targets: Mapping[str, Target]) -> Iterator[tuple[str, ...]]:
    """id, name, definition, formula, unit, direction, target, source of each KPI."""
    for spec in registered().values():
        told = explanation(writer, spec, limits)
        target = _target(writer, spec, targets)
        cells = (told.name, told.definition, told.formula, writer.say(f"measure.{spec.measure}"))
        found = (f"`{spec.id}`", *cells, direction(writer, spec), target, told.source)
        yield tuple(cell.replace("|", "\\|") for cell in found)


def _target(writer: Writer, spec: KpiSpec, targets: Mapping[str, Target]) -> str:
    band = band_of(targets, spec)
    return target_words(writer, spec, band) if band else "–"
