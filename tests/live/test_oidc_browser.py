"""The way by the identity provider in a real browser at phone size: there, back, work, out here and out there."""

from __future__ import annotations

from typing import Any

import pytest

from coc.store import Control
from coc.ui.i18n import t
from tests.live.serving import Served
from tests.live.test_oidc import control, person, provider, server

__all__ = ["control", "provider", "server"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["id", pytest.param("en", marks=pytest.mark.slow)])
def test_a_phone_signs_in_at_the_provider_works_and_signs_out_of_both(
    chromium: Any, provider: str, server: Served, control: Control, language: str
) -> None:
    person(provider, "51", "lestari", "pimpinan")
    say, origin = t(language), f"http://127.0.0.1:{server.port}"
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{origin}/lain?lang={language}")
    page.get_by_role("link", name=say("masuk.oidc")).click()
    page.locator("input[name=sub]").first.fill("51")
    page.get_by_role("button").first.click()
    page.wait_for_url(f"{origin}/lain?lang={language}")
    page.get_by_text(f"lain {language}").wait_for()
    page.goto(f"{origin}/akun")
    page.get_by_text("lestari").wait_for()
    page.goto(f"{origin}/keluar")
    page.get_by_role("button", name=say("keluar.submit"), exact=True).click()
    there = page.get_by_role("link", name=say("keluar.elsewhere.go"))
    assert there.get_attribute("href").startswith(f"{provider}/oauth2/end_session")
    assert not [s for s in control.open_sessions() if s.account == "lestari"]
    there.click()
    page.wait_for_url(f"{provider}/oauth2/end_session?**")
    page.get_by_role("button").first.click()
    page.wait_for_url(lambda url: "/end_session?" not in url)
    assert page.goto(f"{origin}/lain").url.startswith(f"{origin}/masuk")
    context.close()
