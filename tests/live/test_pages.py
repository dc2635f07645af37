"""Pages as a plain HTTP client gets them: language, theme, caching, errors."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coc.live.paging import PageError, load, pages_of
from coc.settings.models import City
from tests.live.serving import ROOT, TOKENS, Served, served, settings_with_tokens, snapshot


def page_at(live: Served, path: str, search: str = "", **headers: str) -> dict[str, Any]:
    """What Dash's router answers for a path: the children of the page container."""
    dependencies = live.ask("/_dash-dependencies").json
    router = next(d for d in dependencies if d["output"].startswith(".._pages_content"))
    outputs = [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}]
    inputs = [
        {"id": "_pages_location", "property": "pathname", "value": path},
        {"id": "_pages_location", "property": "search", "value": search},
    ]
    body = {"output": router["output"], "outputs": outputs, "inputs": inputs, "changedPropIds": []}
    given = {"Content-Type": "application/json", **headers}
    answer = live.ask("/_dash-update-component", "POST", given, json.dumps(body).encode())
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    return answer.json["response"] | {"_cookies": answer.cookies}


def marks(response: dict[str, Any]) -> dict[str, Any]:
    props: dict[str, Any] = response["_pages_content"]["children"]["props"]
    return props


@pytest.mark.parametrize(
    ("query", "cookie", "language", "theme"),
    [
        ("", "", "id", "dark"),
        ("?lang=en", "", "en", "dark"),
        ("?theme=light", "", "id", "light"),
        ("", "coc_lang=en; coc_theme=light", "en", "light"),
        ("?lang=id&theme=dark", "coc_lang=en; coc_theme=light", "id", "dark"),
        ("?lang=xx&theme=<script>", "coc_lang=yy", "id", "dark"),
    ],
)
def test_language_and_theme_come_from_the_url_or_the_cookie(
    live: Served, query: str, cookie: str, language: str, theme: str
) -> None:
    for path in ("/", "/lain"):
        page = live.ask(path + query, headers={"Cookie": cookie} if cookie else None).body.decode()
        assert f'<html lang="{language}" data-bs-theme="{theme}">' in page
    found = marks(page_at(live, "/", query, **({"Cookie": cookie} if cookie else {})))
    assert (found["data-coc-lang"], found["data-coc-theme"]) == (language, theme)


def test_what_the_url_chose_sticks(live: Served) -> None:
    cookies = live.ask("/?lang=en&theme=light").cookies
    assert {c.split(";")[0] for c in cookies} == {"coc_lang=en", "coc_theme=light"}
    assert all("SameSite=Lax" in c and "Path=/" in c for c in cookies)
    assert live.ask("/?lang=xx").cookies == []
    assert any(c.startswith("coc_lang=en") for c in page_at(live, "/", "?lang=en")["_cookies"])


def test_the_body_says_page_realm_and_build(live: Served) -> None:
    page = live.ask("/lain").body.decode()
    assert 'data-page="lain"' in page
    assert 'data-realm="live"' in page
    assert f'data-build="{live.services.build}"' in page
    assert 'data-zone="Asia/Jakarta"' in page


def test_the_first_paint_is_stamped_with_its_epoch(live: Served) -> None:
    found = marks(page_at(live, "/"))
    assert (found["data-coc-page"], found["data-coc-epoch"]) == ("home", "1")
    assert json.loads(found["data-coc-words"])["lost"]
    assert page_at(live, "/")["_pages_store"]["data"]["title"].endswith("COC Kota Jambi")


@pytest.mark.parametrize(
    ("path", "search", "scope"),
    [
        ("/", "", "DISDIK"),
        ("/", "?window=7d", "DISDIK"),
        ("/", "?unit=DINKES", "DINKES"),
        ("/", "?unit=kota", ""),
        ("/lain", "", ""),
    ],
)
def test_a_page_of_units_starts_with_the_accounts_own_where_the_address_names_none(
    live: Served, path: str, search: str, scope: str
) -> None:
    own = {"Cookie": "coc_unit=DISDIK"}
    assert marks(page_at(live, path, search, **own))["data-coc-scope"] == scope
    assert marks(page_at(live, path, search.replace("kota", "")))["data-coc-scope"] == (
        "DINKES" if "DINKES" in search else ""
    )
    assert marks(page_at(live, path, search, Cookie="coc_unit=NOPE"))["data-coc-scope"] == (
        "DINKES" if "DINKES" in search else ""
    )


def test_a_scope_in_the_url_must_be_a_unit(live: Served) -> None:
    assert marks(page_at(live, "/", "?scope=DISDIK"))["data-coc-scope"] == "DISDIK"
    assert marks(page_at(live, "/", "?scope=NOPE"))["data-coc-scope"] == ""


def test_a_query_cannot_choose_the_lens_of_a_live_page(live: Served) -> None:
    headers = {"Authorization": "Bearer sc-secret"}
    shown = json.dumps(page_at(live, "/", "?lens=admin", **headers))
    assert "room id dark" in shown
    assert "503" not in shown


def test_a_query_chooses_the_lens_of_a_demo_page_and_it_sticks() -> None:
    with served(realm="demo") as demo:
        response = page_at(demo, "/", "?lens=public")
        assert marks(response)["data-coc-lens"] == "public"
        assert any(c.startswith("coc_demo_lens=public") for c in response["_cookies"])


def test_a_page_that_many_open_at_once_is_painted_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as own:
        painted: list[int] = []
        render = own.services.view_as
        monkeypatch.setattr(type(own.services), "view_as", lambda self, *a: painted.append(1) or render(*a))
        with ThreadPoolExecutor(8) as pool:
            shown = list(pool.map(lambda _: marks(page_at(own, "/"))["data-coc-epoch"], range(20)))
        assert set(shown) == {"1"}
        assert len(painted) == 1
        own.tell(snapshot(2))
        assert marks(page_at(own, "/"))["data-coc-epoch"] == "2"
        page_at(own, "/", "?anything=else")
        assert len(painted) == 3


def test_one_lens_never_gets_what_was_painted_for_another(live: Served) -> None:
    for role, sees in (("operator", True), ("screen", False), ("operator", True)):
        headers = {"Authorization": f"Bearer {TOKENS[role]}"}
        assert ("503" in json.dumps(page_at(live, "/", **headers))) == sees


def test_a_layout_that_fails_says_so_in_the_language_of_the_page(live: Served) -> None:
    shown = json.dumps(page_at(live, "/rusak", "?lang=en"))
    assert "could not be drawn" in shown
    assert "ValueError" not in shown


def test_an_unknown_page_is_404_with_a_way_home(live: Served) -> None:
    answer = live.ask("/tidak/ada")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "tidak ditemukan" in json.dumps(page_at(live, "/tidak/ada"), ensure_ascii=False)


def test_fingerprinted_files_are_compressed_once_and_kept_a_year(live: Served) -> None:
    page = live.ask("/").body.decode()
    files = [part.split('"')[0] for part in page.split('src="')[1:] if part.startswith("/")]
    assert any("coc-live.js?m=" in f for f in files)
    for file in files:
        answer = live.ask(file, headers={"Accept-Encoding": "br"})
        assert answer.status == 200
        assert "max-age=31536000" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "br"
        assert live.ask(file, headers={"Accept-Encoding": "br"}).body == answer.body


def test_a_file_without_a_stamp_is_kept_a_day(live: Served) -> None:
    answer = live.ask("/assets/coc-live.js")
    assert "max-age=86400" in answer.headers["cache-control"]
    again = live.ask("/assets/coc-live.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status == 304


def test_a_library_file_that_the_browser_has_is_not_sent_again(live: Served) -> None:
    path = "/_dash-component-suites/dash/dcc/async-graph.js"
    first = live.ask(path, headers={"Accept-Encoding": "br"})
    again = live.ask(path, headers={"Accept-Encoding": "br", "If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", ["/assets/../app.py", "/assets/%2e%2e/app.py", "/assets//etc/passwd", "/assets/x"])
def test_only_assets_come_out_of_the_assets_folder(live: Served, path: str) -> None:
    assert live.ask(path).status == 404


def test_nothing_of_a_page_comes_from_elsewhere(live: Served) -> None:
    page = live.ask("/").body.decode()
    assert "https://" not in page
    assert "http://" not in page


def test_a_citys_name_cannot_break_the_page() -> None:
    settings = settings_with_tokens(city=City(name="<script>alert(1)</script>"))
    with served(settings) as own:
        assert b"<script>alert" not in own.ask("/").body
        assert b"<script>alert" not in own.ask("/", headers={"Host": "evil.example"}).body


def test_half_a_page_stops_the_start_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "setengah.py").write_text("PAGE = 1\n")
    with pytest.raises(PageError, match="setengah"):
        pages_of(load(tmp_path))


def test_the_products_own_pages_are_found() -> None:
    with served(pages=ROOT / "pages") as own:
        assert {"overview", "sumber", "audit"} <= set(own.services.pages)
        for page, held in own.services.pages.items():
            role = "admin" if "admin" in held.spec.lenses else "leader"
            for language in ("id", "en"):
                answer = own.token(f"/live/frame?page={page}&lang={language}", role)
                assert answer.status == 200
                assert answer.json["page"] == page
