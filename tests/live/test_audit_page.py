"""The administrators' page over the audit log: theirs alone, in both languages, and on a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from coc.access.sign_in import Why
from coc.clock import SystemClock, system_now
from coc.store import AuditLine, Control
from coc.ui.audit_lines import GROUPS, action_words
from coc.ui.format import Writer
from coc.ui.i18n import LANGUAGES, t
from tests.live.serving import ROOT, TOKENS, Answer, Served, served, wait_until
from tests.live.test_pages import page_at

OUTPUTS = (
    ("lines", "children"),
    ("chain", "children"),
    ("stand", "data"),
    ("newer", "disabled"),
    ("older", "disabled"),
)
SECRET = "10.20.30.40"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    control = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    now = system_now()
    control.audit_all(
        [
            *(AuditLine(now - timedelta(minutes=n), "live", f"kadis.{n}", "head", "export", f"no {n}", SECRET)
              for n in range(119, 0, -1)),
            AuditLine(now, "live", "", "", "refused", "/api/v1/kpis", SECRET, "401 unknown; 7 more like it before"),
            AuditLine(now, "live", "cli:root", "", "db.backup", "b.coc-backup", "this machine", late=True),
        ]
    )  # fmt: skip
    with served(pages=ROOT / "pages", control=control, clock=SystemClock()) as found:
        yield found


def call(to: Served, role: str, by: str = "", stand: Any = None, **values: Any) -> Answer:
    """The page's callback, as a browser (or a forger) calls it."""
    asked = {"who": None, "group": "all", "outcome": "any", "days": "7"} | values
    inputs = [{"id": f"audit-{n}", "property": "value", "value": v} for n, v in asked.items()]
    inputs += [{"id": f"audit-{n}", "property": "n_clicks", "value": 1} for n in ("newer", "older")]
    body = {
        "output": f"..{'...'.join(f'audit-{n}.{p}' for n, p in OUTPUTS)}..",
        "outputs": [{"id": f"audit-{n}", "property": p} for n, p in OUTPUTS],
        "inputs": inputs,
        "changedPropIds": [by] if by else [],
        "state": [{"id": "audit-stand", "property": "data", "value": stand or {"language": "en"}}],
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKENS[role]}"}
    return to.ask("/_dash-update-component", "POST", headers, json.dumps(body).encode())


def whats(answer: Answer) -> list[str]:
    return re.findall(r'"children": ?"(no \d+|/api/v1/kpis|b\.coc-backup)"', json.dumps(answer.json))


@pytest.mark.parametrize("role", [role for role in TOKENS if role != "admin"])
def test_nobody_else_gets_the_page_its_frame_or_a_line_and_the_try_is_written_down(shown: Served, role: str) -> None:
    control: Control = shown.control  # type: ignore[assignment]
    before = control.audit_rows(1)[0].id
    headers = {"Authorization": f"Bearer {TOKENS[role]}"}
    for answer in (
        shown.ask("/audit", headers=headers),
        shown.ask("/live/frame?page=audit", headers=headers),
        call(shown, role),
    ):
        assert answer.status == 403
        assert SECRET not in answer.body.decode()
    assert "audit-lines" not in json.dumps(page_at(shown, "/audit", **headers))
    assert "/audit" not in json.dumps(page_at(shown, "/", **headers))
    wait_until(lambda: control.audit_rows(1)[0].id > before)
    refusal = control.audit_rows(1)[0]
    assert (refusal.who, refusal.action, refusal.outcome[:3]) == (role, "refused", "403")


def test_an_administrator_reads_the_lines_newest_first_and_turns_the_pages(shown: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['admin']}"}
    assert shown.ask("/audit", headers=headers).status == 200
    assert '"href": "/audit"' in json.dumps(page_at(shown, "/", **headers))
    first = call(shown, "admin", group="export")
    assert whats(first) == [f"no {n}" for n in range(1, 51)]
    found = first.json["response"]
    assert (found["audit-newer"]["disabled"], found["audit-older"]["disabled"]) == (True, False)
    stand = found["audit-stand"]["data"]
    second = call(shown, "admin", "audit-older.n_clicks", stand, group="export")
    assert whats(second) == [f"no {n}" for n in range(51, 101)]
    third = call(shown, "admin", "audit-older.n_clicks", second.json["response"]["audit-stand"]["data"], group="export")
    assert whats(third)[-1] == "no 119"
    assert third.json["response"]["audit-older"]["disabled"]
    back = call(shown, "admin", "audit-newer.n_clicks", second.json["response"]["audit-stand"]["data"], group="export")
    assert whats(back) == whats(first)
    fresh = call(shown, "admin", "audit-days.value", stand, group="export", days="1")
    assert whats(fresh) == whats(first)


def test_the_filters_narrow_and_nonsense_narrows_nothing(shown: Served) -> None:
    assert whats(call(shown, "admin", group="db")) == ["b.coc-backup"]
    assert whats(call(shown, "admin", who="kadis.7 ")) == ["no 7", *(f"no {n}" for n in range(70, 80))]
    assert "/api/v1/kpis" in whats(call(shown, "admin", outcome="bad"))
    assert "no 1" not in whats(call(shown, "admin", outcome="bad"))
    odd = call(shown, "admin", group="'; DROP", outcome="x", days="1e9", who="", stand={"before": ["x"], "oldest": "y"})
    assert len(whats(odd)) >= 40
    assert "No line for this choice" in call(shown, "admin", who="nobody at all").body.decode()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("id", ["Ditolak (401)", "dan 7 serupa", "Cadangan dibuat", "tercatat menyusul", "mesin ini", "Rantai utuh"]),
        ("en", ["Refused (401)", "and 7 alike", "Backup made", "written down later", "this machine", "chain is whole"]),
    ],
)
def test_what_a_line_says_is_in_the_readers_language(shown: Served, language: str, words: list[str]) -> None:
    said = call(shown, "admin", stand={"language": language}).json["response"]
    text = json.dumps(said, ensure_ascii=False)
    assert [word for word in words if word not in text] == []


def test_every_action_that_the_product_writes_has_words_in_both_languages() -> None:
    from zoneinfo import ZoneInfo

    from coc.access.table import RULES
    from coc.cli.declared import COMMANDS

    call = re.compile(r"\b(?:wrote|refused|_?leave)\((.{10,160})", re.DOTALL)
    action = re.compile(r"""(?<!scope\[)["']([a-z-]+\.[a-z-]+|refused|switch|sign-out|export)["']""")
    files = [file for folder in ("live", "cli") for file in (ROOT / "coc" / folder).rglob("*.py")]
    calls = [said for file in files for said in call.findall(file.read_text(encoding="utf-8"))]
    known = {found.group(1) for said in calls if (found := action.search(said))}
    assert {"sign-in.ok", "account.add", "db.backup", "quarantine.drop", "refused"} <= known
    known |= (
        {c.audited for c in COMMANDS} | {r.audited for r in RULES} | {"rows.read", "realm.hand-over", "audit.prune"}
    )
    known |= {f"sign-in.{why}" for why in get_args(Why)}
    for language in LANGUAGES:
        writer = Writer(language, ZoneInfo("Asia/Jakarta"))
        assert [a for a in known if a and action_words(writer, a) == a] == []
        assert action_words(writer, "warp.core") == "warp.core"
        assert all(t(language).has(f"audit.group.{group}") for group in GROUPS)


@pytest.mark.browser
def test_an_administrator_works_with_it_on_a_phone(shown: Served, chromium: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['admin']}"}
    context = chromium.new_context(viewport={"width": 390, "height": 844}, extra_http_headers=headers)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://127.0.0.1:{shown.port}/audit?lang=id")
    page.wait_for_selector("[data-line]")
    assert page.locator(".coc-audit-chain, #audit-chain").inner_text().startswith("Rantai utuh")
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_text("Basis data", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('[data-line]').length === 1")
    assert "Cadangan dibuat" in page.locator("[data-line]").inner_text()
    page.get_by_text("Ekspor", exact=True).first.click()
    page.wait_for_function("() => document.querySelectorAll('[data-line]').length === 50")
    page.locator("#audit-older").click()
    page.wait_for_function("() => document.querySelector('[data-line]').innerText.includes('no 51')")
    page.locator("#audit-who").fill("tidak ada")
    page.locator("#audit-who").press("Enter")
    page.get_by_text("Tidak ada baris untuk pilihan ini.").wait_for()
    assert page.evaluate("() => document.body.dataset.page") == "audit"
    assert said == []
    context.close()


def test_a_log_store_in_trouble_says_so_and_keeps_the_page(tmp_path: Path) -> None:
    control = Control(f"sqlite:///{tmp_path}/control.db")
    with served(pages=ROOT / "pages", control=control, clock=SystemClock()) as own:
        with control.write() as connection:
            connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
        answer = call(own, "admin")
        assert answer.status in (200, 204)
        assert "Traceback" not in answer.body.decode()
