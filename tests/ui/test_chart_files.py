"""Every chart leads to the rows that it draws, in the view's unit and window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coc.export.charts import rows_of
from coc.live.paging import Page, shipped
from coc.ui import shell
from coc.ui.cards import with_files
from tests.ui import factory
from tests.ui.tree import walk

PAGES = shipped()
CHARTS = [(page, chart) for page, found in PAGES.items() for chart in found.charts]


def links(props: Any) -> dict[str, str]:
    return {i.removesuffix("-csv"): its["href"] for i, its in props.items() if i.endswith("-csv")}


@pytest.mark.parametrize("page", [p for p in PAGES.values() if p.charts], ids=lambda p: p.spec.name)
@pytest.mark.parametrize("scope", ["", "DISDIK"])
def test_every_chart_of_a_page_has_its_rows(page: Page, scope: str) -> None:
    view = replace(factory.view(page=page.spec.name), scope=scope, window="7d")
    props = page.render(view)
    found = links(with_files(props, view))
    assert found
    assert set(found) <= {f"{page.spec.name}-{chart}" for chart in page.charts}
    for graph, href in found.items():
        chart = graph.removeprefix(f"{page.spec.name}-")
        asked = f"{page.spec.of}={scope}&window=7d" if scope else "window=7d"
        assert href == f"/export/chart/{page.spec.name}/{chart}.csv?{asked}"
        assert len(rows_of(page, chart, view)) or not props[graph]["figure"]["data"]


def test_a_chart_without_rows_is_a_file_of_its_columns() -> None:
    held = factory.empty_boards()
    rows = rows_of(PAGES["overview"], "flow", factory.view(held=held))
    assert len(rows) == 0
    assert rows_of(PAGES["overview"], "flow", factory.view(held={})).empty


def test_the_link_names_its_chart_to_who_does_not_see_it() -> None:
    import pages.overview as overview

    whole = shell.compose(overview.PAGE, overview.skeleton, overview.render, factory.view(language="en"))
    labels = {getattr(c, "aria-label", "") for c in walk(whole) if getattr(c, "className", "") == "coc-csv"}
    assert len(labels) == len(overview.CHARTS)
    assert all(label.startswith("The rows behind") and label.endswith("as CSV") for label in labels)
