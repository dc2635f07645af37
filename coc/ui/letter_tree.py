"""`/telusur/<source>/<letter>`: one letter, and its dispositions as a tree: states, times, and who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from coc.access.items import LetterTree
from coc.metrics.branches import Branch, State, Tree, tree_of
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.items_list import branch_marks, letter_marks
from coc.ui.links import ITEMS_PATH
from coc.ui.mail_words import MailWords, plain_rows, words_of
from coc.ui.marks import icon

_DEEPEST: Final = 12  # further ones are not set in any more; their level is said in words


def absent(ctx: Context) -> list[Any]:
    """One answer for a letter that is not there and for one that may not be seen."""
    say = ctx.say
    return [
        html.Section(
            [
                icon("empty"),
                html.H2(say("tree.none"), className="coc-items-title"),
                html.P(say("tree.none.more"), className="coc-quiet"),
                html.A(say("tree.none.way"), href=ITEMS_PATH, className="coc-button"),
            ],
            className="coc-card coc-tree-none",
        )
    ]


def shown(ctx: Context, found: LetterTree) -> list[Any]:
    """The letter's head, what of it is done, and its branches."""
    words = words_of(ctx, reads=found.reads)
    tree = tree_of(plain_rows(found.branches), ctx.view.now, reads=found.reads)
    letter = next(iter(plain_rows(found.letters)), None)
    return [
        html.Section(_letter(words, letter, tree), className="coc-card coc-tree-letter"),
        html.Section(_branches(words, letter, tree), className="coc-card coc-tree-branches"),
    ]


def _letter(words: MailWords, letter: Mapping[str, Any] | None, tree: Tree) -> list[Any]:
    say = words.ctx.say
    if letter is None:
        return [html.H2(say("telusur.not_arrived"), className="coc-items-title"), html.P(say("tree.not_arrived"))]
    done = letter["completed_at"]
    subject = [html.P(letter["subject"], className="coc-tree-subject")] if letter.get("subject") else []
    return [
        html.H2(letter.get("number") or say("telusur.number.none"), className="coc-items-title"),
        *subject,
        html.Div(letter_marks(words, letter, tree), className="coc-tree-state"),
        html.Dl([html.Div(list(fact)) for fact in _facts(words, letter, done)], className="coc-facts coc-tree-facts"),
    ]


def _facts(words: MailWords, letter: Mapping[str, Any], done: object) -> list[tuple[Any, Any]]:
    sender = [words.of("sender", letter["sender_kind"])] if letter["sender_kind"] else []
    sender += [letter["sender"]] if letter.get("sender") else []
    kinds = dict.fromkeys([words.of("kind", letter["kind"]), words.of("type", letter["type"])])
    facts = {
        "kind": " · ".join(kinds),
        "category": words.of("category", letter["category"]),
        "urgency": words.of("urgency", letter["urgency"]),
        "security": words.of("security", letter["security"] or "biasa"),
        "medium": words.of("medium", letter["medium"]),
        "unit": words.unit(letter["unit"]),
        "sender": " · ".join(sender),
        "registered": words.moment(letter["registered_at"]),
        "completed": words.moment(done) if done is not None else "",
        "took" if done is not None else "age": words.took(letter["age_hours"], letter["age_days"]),
    }
    say = words.ctx.say
    return [(html.Dt(say(f"tree.{name}")), html.Dd(told)) for name, told in facts.items() if told]


def _branches(words: MailWords, letter: Mapping[str, Any] | None, tree: Tree) -> list[Any]:
    say = words.ctx.say
    if not tree.branches:
        return [html.Div([icon("empty"), html.P(say("tree.empty"))], className="coc-items-empty")]
    summary = [html.H3(say("tree.branches", n=len(tree.branches)))]
    if tree.mandatory:
        summary.append(html.P(say("tree.mandatory", done=tree.done, all=tree.mandatory), className="coc-tree-done"))
    if tree.missing:
        units = ", ".join(dict.fromkeys(words.unit(b.row["to_unit"]) for b in tree.missing))
        closed = letter is not None and letter["completed_at"] is not None
        why = say("tree.closed_early" if closed else "tree.missing.more")
        summary.append(html.P([say("tree.missing", units=units), ". ", _quiet(why)]))
    elif tree.mandatory:
        summary.append(html.P(say("tree.done")))
    entries = [_branch(words, branch) for branch in tree.branches]
    return [
        html.Div(summary, className="coc-tree-summary"),
        html.Ol(entries, className="coc-tree", **{"aria-label": say("tree.list")}),
    ]


def _branch(words: MailWords, branch: Branch) -> Any:
    say, row = words.ctx.say, branch.row
    to = " · ".join(filter(None, (words.office(row.get("to_office")), words.unit(row["to_unit"]))))
    told = [words.instruction(row["instruction"]), say(f"channel.{row['channel']}")]
    if not row["needs_follow_up"] and branch.state not in (State.FOR_INFORMATION, State.NOTED):
        told.append(say("tree.no_follow_up"))
    odd = [_quiet(say(f"tree.{branch.parent}"))] if branch.parent else []
    text = [html.P(row["instruction_text"], className="coc-tree-text")] if row.get("instruction_text") else []
    level = html.Span(say("tree.level", n=branch.depth + 1) + ": ", className="coc-sr")
    return html.Li(
        [
            html.Div([level, words.office(row["from_office"]), " → ", html.Strong(to), *odd], className="coc-tree-way"),
            html.Div(" · ".join(told), className="coc-quiet"),
            *text,
            html.Div(branch_marks(words, branch), className="coc-tree-state"),
            html.Div(_times(words, branch), className="coc-tree-times coc-quiet"),
        ],
        className="coc-tree-branch",
        style={"--level": str(min(branch.depth, _DEEPEST))},
        tabIndex="0",
        **{"data-state": str(branch.state), "data-open": "1" if branch.open else "0"},
    )


def _times(words: MailWords, branch: Branch) -> list[Any]:
    say, row = words.ctx.say, branch.row
    ends = {
        "tree.issued": row["issued_at"],
        "tree.read": row["read_at"],
        "tree.started": row["started_at"],
        "telusur.completed": row["completed_at"],
        "tree.cancelled": row["cancelled_at"],
    }
    told = [say(message, at=words.moment(at)) for message, at in ends.items() if at is not None]
    if row["needs_follow_up"]:
        due = row["due"]
        told.append(say("telusur.due.none") if due is None else say("telusur.due", at=words.moment(due)))
    told.append(words.took(row["age_hours"], row["age_days"]))
    return [html.Span(said) for said in told]


def _quiet(said: str) -> Any:
    return html.Span(said, className="coc-quiet")
