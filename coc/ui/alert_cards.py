"""The parts of the page of alerts, from the frames of its boards."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.access.table import OF_ALERTS
from coc.access.viewer import MACHINE_LENSES
from coc.ui import alert_words as words
from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import icon

_WORST_FIRST: Final = ("critical", "warning", "info")
_MOST_NOW: Final = 8
_MOST_PAST: Final = 9
_MOST_MESSAGES: Final = 4
Row = dict[str, Any]


def firing(ctx: Context) -> list[Row]:
    """What fires, what nobody has acknowledged first, then the worst and the oldest."""
    return sorted(_rows(ctx, "alerts", "firing"), key=lambda row: (*_rank(row), row["since"]))


def _rank(row: Row) -> tuple[bool, int]:
    known = moment_of(row["acknowledged"]) is not None or moment_of(row["muted_until"]) is not None
    return known, _WORST_FIRST.index(str(row["severity"]))


def _rows(ctx: Context, board: str, name: str) -> list[Row]:
    frame: pd.DataFrame | None = ctx.frame(board, name)
    return [] if frame is None else [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def tallies(ctx: Context, rows: list[Row]) -> list[Any]:
    """How many fire, how many of them nobody has acknowledged, how many are muted."""
    waiting = sum(not _rank(row)[0] for row in rows)
    muted = sum(moment_of(row["muted_until"]) is not None for row in rows)
    shown = (
        ("failing", len(rows), "firing", "bad" if waiting else "idle"),
        ("late", waiting, "waiting", "warn"),
        ("disabled", muted, "muted", "idle"),
    )
    return [
        html.Span(
            [icon(shape), html.B(ctx.writer.number(n)), " ", ctx.say(f"peringatan.tally.{name}")],
            className="coc-tally",
            **{"data-tone": tone, "data-tally": name},
        )
        for shape, n, name, tone in shown
        if n
    ]


def now(ctx: Context, rows: list[Row]) -> list[Any]:
    """Every alert that fires, or that all is calm and who watches."""
    if not rows:
        return [_calm(ctx)]
    shown = rows if len(rows) <= _MOST_NOW else rows[: _MOST_NOW - 1]
    lines: list[Any] = [html.Ul([_line(ctx, row) for row in shown], className="coc-alert-list")]
    if len(rows) > len(shown):
        more = ctx.say("peringatan.more", n=ctx.writer.number(len(rows) - len(shown)))
        lines.append(html.P(more, className="coc-quiet coc-alert-more"))
    return lines


def _calm(ctx: Context) -> Any:
    rules = len(ctx.view.settings.alerts.in_force)
    more = ctx.say("peringatan.calm.more", n=ctx.writer.number(rules)) if rules else ctx.say("peringatan.calm.none")
    before = _rows(ctx, "alerts", "past")
    ended = moment_of(before[0]["ended"]) if before else None
    last = [ctx.say("peringatan.calm.last", at=_at(ctx, ended))] if ended else []
    return html.Div(
        [
            icon("target-met" if rules else "empty"),
            html.P(ctx.say("peringatan.calm"), className="coc-alert-calm-word"),
            html.P(" ".join([more, *last]), className="coc-quiet"),
        ],
        className="coc-alert-calm",
        **{"data-tone": "good" if rules else "idle"},
    )


def _line(ctx: Context, row: Row) -> Any:
    say, severity = ctx.say, str(row["severity"])
    known, _ = _rank(row)
    figure = words.figure(ctx.writer, row)
    seen = {"peringatan.flapping": int(row["flaps"]) > 0, "peringatan.calming": bool(row["calm"])}
    marks = [mark for mark, on in seen.items() if on]
    facts = [*([figure] if figure else []), say("peringatan.owner", role=say(f"audit.lens.{row['owner']}"))]
    since = moment_of(row["since"])
    age = words.lasted(ctx.writer, since, ctx.view.now) if since else ""
    marked: Row = {"data-value": repr(row["value"])} if row["kind"] == "kpi" and not pd.isna(row["value"]) else {}
    return html.Li(
        [
            html.Span(
                [icon(words.ICONS[severity]), html.Span(say(f"alert.severity.{severity}"), className="coc-state-word")],
                className="coc-alert-severity",
                **{"data-tone": words.TONES[severity]},
            ),
            html.Div(
                [
                    html.Div(words.what(ctx.writer, row), className="coc-alert-what"),
                    html.Div(
                        [*map(html.Span, facts), *(html.Span(say(m), className="coc-alert-mark") for m in marks)],
                        className="coc-alert-facts",
                    ),
                ],
                className="coc-alert-main",
            ),
            html.Div(
                [
                    html.Div(age, className="coc-alert-age"),
                    html.Div(say("peringatan.since", at=_at(ctx, since)), className="coc-quiet"),
                ],
                className="coc-alert-when",
            ),
            html.Div([*_standing(ctx, row), *_act(ctx, row)], className="coc-alert-standing"),
        ],
        className="coc-alert",
        **{"data-alert": str(row["id"]), "data-rule": str(row["rule"]), "data-scope": str(row["scope"])},
        **{"data-severity": severity, "data-known": "yes" if known else "no"},
        **marked,
    )  # fmt: skip


def _standing(ctx: Context, row: Row) -> list[Any]:
    """Who knows of it, and until when it is muted."""
    say, known, until = ctx.say, moment_of(row["acknowledged"]), moment_of(row["muted_until"])
    told: list[Any] = []
    if known is not None:
        role = row["role"] if isinstance(row["role"], str) else None
        said = say("peringatan.acknowledged.public")
        if role is not None:
            said = say("peringatan.acknowledged", role=say(f"audit.lens.{role}"), at=ctx.writer.hour(known))
        told.append(html.Span([icon("target-met"), said], className="coc-alert-known", **{"data-tone": "good"}))
    elif until is None:
        told.append(html.Span([icon("late"), say("peringatan.unacknowledged")], className="coc-alert-open"))
    if until is not None:
        said = say("peringatan.muted", at=_at(ctx, until))
        told.append(html.Span([icon("disabled"), said], className="coc-alert-muted"))
    return told


def _act(ctx: Context, row: Row) -> list[Any]:
    if ctx.view.lens not in OF_ALERTS:
        return []
    href = f"/peringatan/tangani?id={row['id']}"
    return [html.A(ctx.say("peringatan.act"), href=href, className="coc-alert-act", target="_self")]


def past(ctx: Context) -> Any:
    """What is over, the latest first, with how long it lasted."""
    rows = _rows(ctx, "alerts", "past")[:_MOST_PAST]
    if not rows:
        return html.P(ctx.say("peringatan.empty.past"), className="coc-quiet coc-alert-none")
    head = [html.Th(ctx.say(f"peringatan.column.{name}"), scope="col") for name in ("what", "began", "lasted", "by")]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_past_line(ctx, row) for row in rows])], className="coc-alert-table"
    )


def _past_line(ctx: Context, row: Row) -> Any:
    since, ended = moment_of(row["since"]), moment_of(row["ended"])
    severity = str(row["severity"])
    lasted = words.lasted(ctx.writer, since, ended) if since and ended else ""
    role = ctx.say(f"audit.lens.{row['role']}") if isinstance(row["role"], str) else "–"
    mark = icon(words.ICONS[severity])
    named = html.Span(ctx.say(f"alert.severity.{severity}"), className="coc-sr")
    what = html.Span([mark, named, html.Span(words.what(ctx.writer, row))], className="coc-alert-named")
    return html.Tr(
        [
            html.Td(what, **{"data-tone": words.TONES[severity]}),
            html.Td(_at(ctx, since)),
            html.Td(lasted),
            html.Td(role),
        ],
        **{"data-past": str(row["id"])},
    )


def rules(ctx: Context) -> Any:
    """Every rule in words: when it fires, whom it tells; and until when it is muted."""
    until = {
        row["rule"]: moment_of(row["until"])
        for row in _rows(ctx, "alerts", "mutes")
        if not isinstance(row["scope"], str)
    }
    units = dict(_unit_names(ctx))
    # Names of channels are the machine's business.
    told = ctx.view.lens in MACHINE_LENSES and bool(ctx.view.settings.alerts.channels)
    return html.Ul(
        [
            html.Li(
                [
                    html.Span(
                        [
                            icon(words.ICONS[rule.severity]),
                            html.Span(ctx.say(f"alert.severity.{rule.severity}"), className="coc-sr"),
                        ],
                        className="coc-alert-rule-mark",
                        **{"data-tone": words.TONES[rule.severity]},
                    ),
                    html.Div(
                        [
                            html.Div(words.rule_words(ctx.writer, rule, units)),
                            html.Div(
                                [
                                    *([html.Span(words.told_words(ctx.writer, rule))] if told else []),
                                    *(
                                        [html.Span(ctx.say("peringatan.muted.rule", at=_at(ctx, muted)))]
                                        if (muted := until.get(name))
                                        else []
                                    ),
                                ],
                                className="coc-quiet coc-alert-facts",
                            ),
                        ]
                    ),
                ],
                **{"data-rule": name},
            )
            for name, rule in ctx.view.settings.alerts.in_force.items()
            if ctx.view.lens != "public" or rule.unit is None
        ],
        className="coc-alert-rule-list",
    )


def _unit_names(ctx: Context) -> list[tuple[str, str]]:
    return [(row["scope"], row["name"]) for row in _rows(ctx, "alerts", "firing") if row["kind"] == "kpi"]


def delivery(ctx: Context) -> Any | None:
    """The last messages and what became of them; None for who does not tend the machine."""
    if ctx.view.lens not in MACHINE_LENSES:
        return None
    rows = _rows(ctx, "delivery", "messages")[:_MOST_MESSAGES]
    if not rows:
        empty = "delivery" if ctx.view.settings.alerts.channels else "channels"
        return html.P(ctx.say(f"peringatan.empty.{empty}"), className="coc-quiet coc-alert-none")
    head = [html.Th(ctx.say(f"peringatan.column.{name}"), scope="col") for name in ("message", "channel", "state")]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_message(ctx, row) for row in rows])], className="coc-alert-table"
    )


_POSTED: Final = {"waiting": ("late", "idle"), "sent": ("target-met", "good"), "dead": ("failing", "bad")}


def _message(ctx: Context, row: Row) -> Any:
    state = str(row["state"])
    shape, tone = _POSTED[state]
    said = ctx.say(f"alert.delivery.{state}")
    at = moment_of(row["settled"])
    if state == "waiting" and int(row["attempts"]):
        said = ctx.say("alert.delivery.retry", at=_at(ctx, moment_of(row["next_try"])))
        tone = "warn"
    elif at is not None:
        said = f"{said}, {_at(ctx, at)}"
    why = row["error"] if isinstance(row["error"], str) and state != "sent" else None
    reason = [html.Div(words.error_words(ctx.writer, why), className="coc-quiet")] if why else []
    subject = [
        words.what(ctx.writer, row),
        html.Span(words.step_words(ctx.writer, str(row["step"])), className="coc-quiet"),
    ]
    return html.Tr(
        [
            html.Td([subject[0], ", ", subject[1]]),
            html.Td(str(row["channel"])),
            html.Td(
                [html.Span([icon(shape), html.Span(said)], className="coc-alert-named", **{"data-tone": tone}), *reason]
            ),
        ],
        **{"data-message": str(row["id"]), "data-state": state},
    )


def _at(ctx: Context, at: Any) -> str:
    return "–" if at is None else ctx.writer.moment(at, ctx.view.now)
