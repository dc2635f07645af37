"""The board loop: after commits of any process, and never stopped by a failure."""

from __future__ import annotations

import logging
import time

import pytest

from tests.live.serving import served, snapshot, wait_until


def test_the_commit_of_another_process_is_noticed() -> None:
    with served() as own:
        own.builder.next = snapshot(2)
        own.store.changed = True
        wait_until(lambda: own.services.snapshot.epoch == 2, 2)


def test_commits_that_come_close_together_share_a_refresh() -> None:
    with served() as own:
        before, start = own.builder.refreshed, time.monotonic()
        while time.monotonic() - start < 1.0:
            own.loop.commit()
            time.sleep(0.005)
        assert own.builder.refreshed - before <= 5


def test_boards_that_fail_leave_the_last_ones_and_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with served() as own, caplog.at_level(logging.INFO, "coc.boards"):
        own.builder.error = ValueError("broken")
        for _ in range(3):
            seen = own.builder.refreshed
            own.loop.commit()
            wait_until(lambda seen=seen: own.builder.refreshed > seen)
        assert own.ask("/api/v1/kpis").json["epoch"] == 1
        own.builder.error = None
        own.tell(snapshot(2))
        assert own.ask("/api/v1/kpis").json["epoch"] == 2
        said = [r.getMessage() for r in caplog.records]
        assert sum("cannot be brought up to date" in s for s in said) == 1
        assert sum("up to date again" in s for s in said) == 1


def test_a_first_refresh_that_fails_does_not_keep_the_server_from_answering() -> None:
    with served(first=None) as own:
        own.builder.error = ValueError("broken")
        assert own.ask("/readyz").status == 200
        assert own.ask("/").status == 200


def test_a_revoked_token_ends_within_seconds() -> None:
    from dataclasses import dataclass

    from tests.live.serving import digest

    @dataclass
    class Stored:
        name: str = "x"
        sha256: str = digest("stored")
        role: str = "operator"
        units: tuple[str, ...] = ()
        expires: None = None
        revoked: object | None = None
        owner: None = None

    with served() as own:
        headers = {"Authorization": "Bearer stored"}
        own.control.held = [Stored()]
        wait_until(lambda: own.ask("/api/v1/kpis", headers=headers).status == 200)
        own.control.held = [Stored(revoked=object())]
        wait_until(lambda: own.ask("/api/v1/kpis", headers=headers).status == 401)
