"""The list of `/telusur`: a row a letter or disposition, and what it waits for. A table on a desk, cards on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from coc.access.items import Behind
from coc.access.questions import FIRST_BY_LEADERS
from coc.domain.datasets import Dataset
from coc.domain.limits import Limits
from coc.metrics.branches import Branch, Tree, Wait, letter_waits, tree_of
from coc.ui import links
from coc.ui.dom import html
from coc.ui.mail_words import SHAPES, MailWords, branch_rows, plain_rows
from coc.ui.marks import icon

Row = Mapping[str, Any]
_FOLLOWED_UP: Final = "disposition.followup_hours"
_SHEETS: Final = "correspondence.sheets_saved"
_PAPER: Final = ("correspondence.paperless_rate", "correspondence.paperless_rate_all")

_LONGEST: Final = 140  # characters of a subject in a list; its tree has the whole
_NO_TREE: Final = Tree((), 0, 0)


def items_table(words: MailWords, kpi: str, behind: Behind, limits: Limits) -> Any:
    """The rows of a page in their order."""
    now = words.ctx.view.now
    trees = {k: tree_of(rows, now, reads=words.reads) for k, rows in branch_rows(behind.branches).items()}
    rows = plain_rows(behind.rows)
    if behind.of is Dataset.LETTERS:
        body = [
            _letter(words, kpi, row, trees.get((row["source"], row["source_id"]), _NO_TREE), limits) for row in rows
        ]
    else:
        body = [_disposition(words, row, trees[row["source"], row["letter_id"]]) for row in rows]
    say = words.ctx.say
    heads = [html.Th(say(f"telusur.column.{name}"), scope="col") for name in _columns(kpi, behind.of)]
    return html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="coc-items-table")


def _columns(kpi: str, of: Dataset) -> tuple[str, ...]:
    if of is Dataset.DISPOSITIONS:
        return "letter", "way", "times", "took" if kpi.startswith(_FOLLOWED_UP) else "age", "state"
    amount = "sheets" if kpi == _SHEETS else "waited" if kpi == FIRST_BY_LEADERS else "age"
    return "letter", "unit", "registered", amount, "state"


def _disposition(words: MailWords, row: Row, tree: Tree) -> Any:
    ctx, branch = words.ctx, next(b for b in tree.branches if b.row["source_id"] == row["source_id"])
    letter = {name.removeprefix("letter_"): value for name, value in row.items() if name.startswith("letter_")}
    way = [
        html.Span([words.office(row["from_office"]), " → "], className="coc-items-from"),
        html.Strong(words.unit(row["to_unit"])),
        html.Div(words.instruction(row["instruction"]), className="coc-quiet"),
    ]
    due = row["due"]
    told = ctx.say("telusur.due.none") if due is None else ctx.say("telusur.due", at=words.moment(due))
    times = [html.Div(words.moment(row["issued_at"])), html.Div(told, className="coc-quiet")]
    if row["completed_at"] is not None:
        times.append(
            html.Div(ctx.say("telusur.completed", at=words.moment(row["completed_at"])), className="coc-quiet")
        )
    age = words.took(row["age_hours"], row["age_days"])
    return _row(_head(words, row["source"], row["letter_id"], letter), way, times, age, branch_marks(words, branch))


def _letter(words: MailWords, kpi: str, row: Row, tree: Tree, limits: Limits) -> Any:
    ctx = words.ctx
    unit = [html.Strong(words.unit(row["unit"]))]
    if row["sender_kind"]:
        unit.insert(0, html.Span([words.of("sender", row["sender_kind"]), " → "], className="coc-items-from"))
    if kpi in _PAPER:
        unit.append(html.Div(words.of("category", row["category"]), className="coc-quiet"))
    times = [html.Div(words.moment(row["registered_at"]))]
    if row["completed_at"] is not None:
        times.append(
            html.Div(ctx.say("telusur.completed", at=words.moment(row["completed_at"])), className="coc-quiet")
        )
    if kpi == _SHEETS:
        pages = limits.default_pages if row["pages"] is None else row["pages"]
        copies = limits.default_copies if row["copies"] is None else row["copies"]
        amount = ctx.say("telusur.sheets", n=ctx.writer.number(pages * copies))
    elif kpi == FIRST_BY_LEADERS and row.get("first_hours") is not None:
        amount = ctx.say("telusur.hours", n=ctx.writer.number(row["first_hours"], 1))
    else:
        amount = words.took(row["age_hours"], row["age_days"])
    head = _head(words, row["source"], row["source_id"], row)
    return _row(head, unit, times, amount, letter_marks(words, row, tree))


def _row(letter: Any, way: Any, times: Any, amount: Any, state: Any) -> Any:
    cells = {"letter": letter, "way": way, "times": times, "amount": amount, "state": state}
    return html.Tr([html.Td(said, className=f"coc-items-{name}") for name, said in cells.items()])


def _head(words: MailWords, source: str, id: str, letter: Row) -> list[Any]:
    """The letter's own words, as far as they are kept and seen; a link to its tree."""
    say = words.ctx.say
    if letter.get("kind") is None:
        return [html.A(say("telusur.not_arrived"), href=links.letter(source, id), className="coc-items-number")]
    urgency = letter["urgency"]
    number = letter.get("number") or say("telusur.number.none")
    link = html.A(number, href=links.letter(source, id), className="coc-items-number", title=say("telusur.open_tree"))
    kinds = [words.of("kind", letter["kind"]), words.of("type", letter["type"]), words.of("urgency", urgency)]
    said = [link, html.Div(" · ".join(dict.fromkeys(kinds)), className="coc-quiet")]
    if letter.get("subject"):
        said.append(html.Div(_short(letter["subject"])))
    if letter.get("sender"):
        said.append(html.Div(_short(letter["sender"]), className="coc-quiet"))
    return said


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def branch_marks(words: MailWords, branch: Branch) -> list[Any]:
    """The state of a disposition by shape and word, whether it is late, and what it waits for."""
    marks = [mark(branch.state, words.state(branch))]
    if branch.due:
        marks.append(mark(branch.due, words.ctx.say(f"telusur.due.{branch.due}")))
    wait = words.wait(branch)
    return [*marks, *([html.Div(wait, className="coc-items-wait")] if wait else [])]


def letter_marks(words: MailWords, letter: Row, tree: Tree) -> list[Any]:
    """A letter's state, and what it waits for."""
    say, done = words.ctx.say, letter["completed_at"] is not None
    wait = letter_waits(letter["completed_at"], str(letter["kind"]), tree)
    marks = [mark("completed" if done else "open", say("telusur.state.completed" if done else "telusur.state.open"))]
    if wait is not Wait.NOTHING:
        marks.append(html.Div(words.letter_wait(wait, letter["unit"], tree), className="coc-items-wait"))
    return marks


def mark(state: str, said: str) -> Any:
    """A state by its shape and its word."""
    shape, tone = SHAPES[state]
    return html.Div([icon(shape), html.Span(said)], className="coc-items-mark", **{"data-tone": tone})
