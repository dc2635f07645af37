"""The audit page's parts: its filters, its lines, and how the chain stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from coc.access.audit_log import AuditLog, Chain
from coc.access.viewer import Viewer
from coc.clock import system_now
from coc.store.control import AuditChoice, AuditRow
from coc.ui.context import Context
from coc.ui.dom import dcc, html
from coc.ui.format import Writer
from coc.ui.i18n import t
from coc.ui.marks import icon

PAGE_LINES: Final = 50
DAYS: Final = ("1", "7", "30", "all")
OUTCOMES: Final = ("any", "good", "bad")
# What a filter shows -> the action, or what its name begins with.
GROUPS: Final[Mapping[str, str | None]] = {
    "all": None,
    "sign_in": "sign-in",
    "refused": "refused",
    "rows": "rows",
    "export": "export",
    "account": "account",
    "token": "token",
    "pull": "pull",
    "quarantine": "quarantine",
    "alert": "alert",
    "db": "db",
    "realm": "realm",
}
_HERE: Final = "this machine"  # as the command line signs
_REFUSED: Final = re.compile(r"([45]\d\d|refused)\b[^;]*(?:; (\d+) more like it before)?")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the filters say, which of the page's parts spoke last, and where one stands.

    `stand`: `language`, and `before`, the numbers that the pages turned so far began below.
    """

    who: str | None = None
    group: str | None = None
    outcome: str | None = None
    days: str | None = None
    by: str | None = None
    stand: Mapping[str, Any] = field(default_factory=dict)

    def choice(self, before: int | None) -> AuditChoice:
        """Anything that is no choice of ours narrows nothing."""
        days = int(self.days) if self.days in DAYS and self.days != "all" else None
        return AuditChoice(
            since=None if days is None else system_now() - timedelta(days=days),
            who=(self.who or "").strip()[:100] or None,
            action=GROUPS.get(self.group or "all"),
            good={"good": True, "bad": False}.get(self.outcome or "any"),
            before=before,
        )


def filters(ctx: Context) -> list[Any]:
    """The controls, by label; the same for every administrator."""
    say = ctx.say
    who = dcc.Input(
        id="audit-who",
        type="search",
        debounce=True,
        maxLength=100,
        placeholder=say("audit.who.hint"),
        className="coc-audit-search",
    )
    return [
        _field(say("audit.days"), _chips(ctx, "days", DAYS, "7")),
        _field(say("audit.outcome"), _chips(ctx, "outcome", OUTCOMES, "any")),
        _field(say("audit.who"), who),
        _field(say("audit.group"), _chips(ctx, "group", GROUPS, "all")),
    ]


def _field(label: str, control: Any) -> Any:
    return html.Div(
        [html.Div(label, className="coc-audit-label"), control],
        className="coc-audit-field",
        role="group",
        **{"aria-label": label},
    )


def _chips(ctx: Context, name: str, values: Any, value: str) -> Any:
    options = [{"label": ctx.say(f"audit.{name}.{v}"), "value": v} for v in values]
    return dcc.RadioItems(
        id=f"audit-{name}",
        options=options,
        value=value,
        className="coc-chips",
        labelClassName="coc-chip",
        inputClassName="coc-chip-input",
    )


def answer(log: AuditLog, viewer: Viewer | None, asked: Asked, zone: ZoneInfo) -> tuple[Any, ...]:
    """The table, how the chain stands, where one stands now, and whether one can turn to newer and to older lines.

    Raises DeniedError for all but administrators.
    """
    writer = Writer(t(str(asked.stand.get("language"))).language, zone)  # an unknown one is Indonesian
    begun = _turned(asked)
    found = log.lines(viewer, asked.choice(begun[-1] if begun else None), PAGE_LINES)
    oldest = found.rows[-1].id if found.rows else None
    stand = {"language": writer.language, "before": begun, "oldest": oldest}
    return _table(writer, found.rows), chain_mark(writer, log.chain(viewer)), stand, not begun, not found.more


def _turned(asked: Asked) -> list[int]:
    """Where the pages begin, after a turn; another choice begins with the newest lines again."""
    begun = [n for n in asked.stand.get("before") or () if isinstance(n, int)]
    oldest = asked.stand.get("oldest")
    if asked.by == "audit-older":
        return [*begun, oldest] if isinstance(oldest, int) else begun
    return begun[:-1] if asked.by == "audit-newer" else []


def chain_mark(writer: Writer, chain: Chain) -> Any:
    say, at = writer.say, writer.clock(chain.at)
    if chain.broken is not None:
        said, tone, shape = say("audit.chain.broken", line=writer.number(chain.broken)), "bad", "failing"
    elif chain.shorn:
        said, tone, shape = say("audit.chain.shorn"), "bad", "failing"
    elif not chain.whole:
        said, tone, shape = say("audit.chain.part", at=at), "idle", "late"
    else:
        said, tone, shape = say("audit.chain.whole", at=at), "good", "fresh"
    return html.Span([icon(shape), html.Span(said)], className="coc-audit-mark", **{"data-tone": tone})


def _table(writer: Writer, rows: Any) -> Any:
    say = writer.say
    if not rows:
        empty = [icon("empty"), html.P(say("audit.empty")), html.P(say("audit.empty.more"), className="coc-quiet")]
        return html.Div(empty, className="coc-audit-empty")
    names = ("when", "who", "action", "what", "where", "outcome")
    head = html.Thead(html.Tr([html.Th(say(f"audit.column.{name}"), scope="col") for name in names]))
    return html.Table([head, html.Tbody([_line(writer, row) for row in rows])], className="coc-audit-table")


def _line(writer: Writer, row: AuditRow) -> Any:
    say = writer.say
    local = writer.local(row.at)
    seconds = local.strftime(".%S" if writer.language == "id" else ":%S")
    at = html.Time(
        f"{writer.short_date(local.date())}, {writer.hour(row.at)}{seconds}",
        dateTime=row.at.isoformat(),
        title=str(local),
    )
    late = [html.Span(say("audit.late"), className="coc-audit-late")] if row.late else []
    lens = [html.Span(say(f"audit.lens.{row.lens}"), className="coc-quiet")] if row.lens else []
    cells = (
        ("when", [at, *late]),
        ("who", [html.Span(row.who or say("audit.nobody")), *lens]),
        ("action", action_words(writer, row.action)),
        ("what", row.what),
        ("where", say("audit.here") if row.from_where == _HERE else row.from_where),
        ("outcome", _outcome(writer, row.outcome)),
    )
    return html.Tr([html.Td(said, className=f"coc-audit-{name}") for name, said in cells], **{"data-line": str(row.id)})


def action_words(writer: Writer, action: str) -> str:
    """In the reader's language; one that is not known is shown as it is."""
    message = "audit.action." + re.sub(r"[^a-z0-9]+", "_", action)
    return writer.say(message) if writer.say.has(message) else action


def _outcome(writer: Writer, outcome: str) -> Any:
    say, refused = writer.say, _REFUSED.match(outcome)
    if outcome == "ok":
        tone, shape, said = "good", "fresh", say("audit.ok")
    elif refused:
        code, alike = refused.groups()
        said = say("audit.refused", code=code) if code.isdigit() else say("audit.denied")
        said += " " + say("audit.alike", n=writer.number(int(alike))) if alike else ""
        tone, shape = "warn", "degraded"
    else:
        tone, shape, said = "warn", "degraded", f"{say('audit.failed')}: {outcome}"
    return html.Span([icon(shape), html.Span(said)], className="coc-audit-mark", title=outcome, **{"data-tone": tone})
