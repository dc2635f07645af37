"""What a figure is: the small "i" of a tile, and the panel that it opens.

The same texts make `docs/kpi.md` (`coc.ui.kpi_document`). Direction, unit and sources are the registry's; the numbers
inside the texts are the configuration's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coc.domain.limits import Limits
from coc.metrics.registry import KpiSpec, registered
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.format import Writer
from coc.ui.targets import Band, band, written

_WITH_UNIT = ("hours", "days", "ms")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The texts of one KPI in one language."""

    name: str
    definition: str
    formula: str
    source: str


def explanation(writer: Writer, spec: KpiSpec, limits: Limits) -> Explanation:
    numbers = {
        "first_disposition_hours": limits.first_disposition_working_hours,
        "adoption_letters_per_week": limits.adoption_letters_per_week,
        "default_pages": limits.default_pages,
        "default_copies": limits.default_copies,
        "rupiah_per_sheet": limits.rupiah_per_sheet,
        "failures": limits.ap.failures,
        "latency_ms": limits.ap.degraded.latency_ms,
        "min_down": limits.ap.min_down_seconds,
    }
    places = {name: written(writer, value, "count") for name, value in numbers.items()}
    places["loss"] = written(writer, limits.ap.degraded.loss, "rate")
    name, definition, formula = (writer.say(f"kpi.{spec.id}.{part}", **places) for part in ("name", "is", "formula"))
    return Explanation(name, definition, formula, source(writer, spec))


def source(writer: Writer, spec: KpiSpec) -> str:
    """What the figure is counted from."""
    return ", ".join(writer.say(f"dataset.{dataset.value}") for dataset in spec.datasets)


def target_words(writer: Writer, spec: KpiSpec, found: Band | None) -> str:
    """The target with its warn, or that none is set and which direction is the good one."""
    if found is None:
        return f"{writer.say('explain.target.none')}; {direction(writer, spec)}"
    unit = f" {writer.say(f'measure.{spec.measure}')}" if spec.measure in _WITH_UNIT else ""
    shown = {"target": written(writer, found.target, spec.measure) + unit}
    if found.better is None:
        return shown["target"]
    if found.warn is None:
        return writer.say(f"explain.target.{found.better}", **shown)
    shown["warn"] = written(writer, found.warn, spec.measure) + unit
    return writer.say(f"explain.target.warn.{found.better}", **shown)


def direction(writer: Writer, spec: KpiSpec) -> str:
    return writer.say(f"explain.better.{spec.better or 'none'}")


def info(ctx: Context, *kpis: str) -> Any:
    """A small round i that opens a panel with what these KPIs are. Native: it opens without a script too.

    `coc-explain.js` closes it on Escape and on a click elsewhere.
    """
    specs = [registered()[kpi] for kpi in kpis]
    name = ctx.say(f"kpi.{kpis[0]}.name")
    mark = html.Summary(
        html.Span("i", className="coc-info-mark", **{"aria-hidden": "true"}),
        className="coc-info-open",
        title=ctx.say("explain.open", name=name),
        **{"aria-label": ctx.say("explain.open", name=name)},
    )
    panel = html.Div([_one(ctx, spec) for spec in specs], className="coc-info-panel")
    return html.Details([mark, panel], className="coc-info", **{"data-explains": " ".join(kpis)})


def _one(ctx: Context, spec: KpiSpec) -> Any:
    told = explanation(ctx.writer, spec, ctx.view.settings.limits)
    facts = (
        ("formula", told.formula),
        ("target", target_words(ctx.writer, spec, band(ctx, spec.id))),
        ("source", told.source),
    )
    pairs = [part for key, text in facts for part in (html.Dt(ctx.say(f"explain.{key}")), html.Dd(text))]
    return html.Div(
        [html.P(told.name, className="coc-info-name"), html.P(told.definition), html.Dl(pairs)],
        className="coc-info-kpi",
    )
