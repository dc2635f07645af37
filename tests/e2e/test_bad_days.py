"""Every row of CONNECTORS' table of failures: what the source does, what the pull makes of it, what the card says.

Each goes through a real HTTP server, the connector, a store, the feeds board and the rendered page, in both languages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coc.domain.datasets import Dataset
from coc.store import open_store
from data_connectors import client
from data_connectors.base import Batch, FetchError
from tests.connectors import feed as v1
from tests.connectors import hostile
from tests.connectors.hostile import Handler, Request
from tests.connectors.promserver import Prometheus as Metrics
from tests.e2e.bad_days import NOW, Answer, Source, files, prometheus, sipadek
from tests.ui.tree import attribute, with_attribute

TOKEN = v1.TOKEN
OTHER = "http://localhost:9/masuk"
T = NOW.timestamp()
COLUMNS = "source_id,kind,type,category,urgency,unit,medium,registered_at"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    store = open_store(f"sqlite:///{tmp_path}/coc.db")
    yield Source(store)
    store.close()


def good(**given: Any) -> v1.Feed:
    return v1.Feed(units=[v1.unit("DISDIK")], letters=[v1.letter(i) for i in range(3)], **given)


def csv(*rows: str, head: str = COLUMNS) -> Answer:
    return hostile.status(200, "\n".join([head, *rows]).encode(), "text/csv")


def metrics(*points: str, at: float = T - 10, since: float = 600, up: Any = 1, health: int = 1) -> Metrics:
    """Access points measured each minute until `at`, and their exporter's own up."""
    found = Metrics(T)
    for point in points:
        for back in range(int(since // 60), -1, -1):
            found.add("probe_success", at - back * 60, up, job="ap", ap=point)
    for back in range(20, -1, -1):
        found.add("up", T - back * 30, health, job="ap")
    return found


def without(field_: str, path: str, feed: v1.Feed) -> Answer:
    """The feed, but one key is missing from the answers at `path`."""

    def answer(handler: Handler, request: Request) -> None:
        if request.path.endswith(path):
            handler.json({k: v for k, v in {"items": [], "next": None, "now": feed.now}.items() if k != field_})
        else:
            feed(handler, request)

    return answer


def looping(handler: Handler, request: Request) -> None:
    feed = good(page=1)
    if request.path.endswith("/letters"):
        handler.json({"items": feed.letters[:1], "next": "1", "now": feed.now})
    else:
        feed(handler, request)


def quoting(handler: Handler, _: Request) -> None:
    """What a source says of itself, with the key that we sent: HTTP 200 and `error`, as Zabbix and Prometheus do."""
    handler.json({"status": "error", "errorType": "execution", "error": f"pool exhausted for {TOKEN}"})


@dataclass(frozen=True)
class Day:
    """`code`: of the run. `state`: of the feed after two such runs. `words`: on the card, Indonesian and English."""

    answer: Answer
    code: str | None
    state: str
    words: tuple[tuple[str, ...], tuple[str, ...]]
    make: Callable[..., dict[str, Any]] = sipadek
    given: dict[str, Any] = field(default_factory=dict)
    tone: str = "bad"


FAILING_DAYS: dict[str, Day] = {
    "the name is not known": Day(
        hostile.truncated, "unreachable", "failing",
        (("Sumber tidak dapat dihubungi.", "Gagal sejak 10.01 WIB."),
         ("The source cannot be reached.", "Failing since 10:01 WIB.")),
        given={"elsewhere": "http://tidak-ada.invalid", "deadline_seconds": 1},
    ),
    "refused": Day(
        hostile.truncated, "unreachable", "failing",
        (("Sumber tidak dapat dihubungi.", "Gagal sejak 10.01 WIB."),
         ("The source cannot be reached.", "Failing since 10:01 WIB.")),
        given={"elsewhere": f"http://127.0.0.1:{hostile.closed_port()}"},
    ),
    "drip feed": Day(
        hostile.drip_body, "too_slow", "failing",
        (("Sumber terlalu lambat", "`deadline_seconds`"), ("The source is too slow", "`deadline_seconds`")),
        given={"deadline_seconds": 0.5},
    ),
    "TLS invalid": Day(
        good(), "certificate", "failing",
        (("Sertifikat TLS sumber tidak sah.", "`verify`"), ("TLS certificate is not valid", "`verify`")),
        given={"tls": True},
    ),
    "401": Day(
        hostile.status(401), "credentials", "failing",
        (("Sumber menolak kredensial.", "HTTP 401"), ("The source refused the credentials.", "HTTP 401")),
    ),
    "403": Day(
        hostile.status(403), "credentials", "failing",
        (("Sumber menolak kredensial.", "HTTP 403"), ("The source refused the credentials.", "HTTP 403")),
    ),
    "200 with an error": Day(
        quoting, "source_error", "failing",
        (("Sumber menjawab dengan galat miliknya sendiri.", "pool exhausted for ***"),
         ("The source answered with an error of its own.", "pool exhausted for ***")),
        prometheus,
    ),
    "HTML login page with 200": Day(
        hostile.login_page, "login_page", "failing",
        (("Yang datang halaman masuk, bukan data.",), ("A login page came instead of data.",)),
    ),
    "login page instead of a file": Day(
        hostile.login_page, "login_page", "failing",
        (("Yang datang halaman masuk, bukan data.",), ("A login page came instead of data.",)),
        files,
    ),
    "redirect to another host": Day(
        hostile.status(302, location=OTHER), "redirected", "failing",
        (("Sumber mengalihkan ke alamat lain", "localhost:9"),
         ("The source redirected to another host", "localhost:9")),
    ),
    "429 with Retry-After": Day(
        hostile.status(429, retry_after="600"), "rate_limited", "late",
        (("Sumber meminta jeda.", "600 detik"), ("The source asks to wait.", "600 s")), tone="warn",
    ),
    "503 with Retry-After": Day(
        hostile.status(503, retry_after="600"), "rate_limited", "late",
        (("Sumber meminta jeda.",), ("The source asks to wait.",)), tone="warn",
    ),
    "404": Day(
        hostile.status(404), "not_found", "failing",
        (("awalan jalur atau versi API salah",), ("wrong base URL or version",)),
    ),
    "truncated JSON": Day(
        hostile.truncated, "broken", "failing",
        (("Jawaban sumber rusak atau terpotong.", "Data baik terakhir tetap dipakai."),
         ("answer is broken or cut off", "The last good data stays in use.")),
    ),
    "over the byte limit": Day(
        hostile.huge, "too_large", "failing",
        (("Jawaban sumber melebihi batas ukuran.", "1 MB"), ("larger than the limit", "1 MB")),
    ),
    "page repeats": Day(
        looping, "paging_loop", "failing",
        (("Halaman yang sama terkirim berulang kali.",), ("The same page came again and again.",)),
    ),
    "record path gone": Day(
        without("items", "/letters", good()), "schema_drift", "failing",
        (("Bentuk data sumber berubah.", "/letters tanpa `items`"),
         ("shape of the source's data has changed", "/letters has no `items`")),
    ),
    "a file's column gone": Day(
        csv("1,incoming", head="nomor,kind"), "schema_drift", "failing",
        (("Bentuk data sumber berubah.", "`source_id`"), ("shape of the source's data has changed", "`source_id`")),
        files,
    ),
    "empty success": Day(
        metrics(), "source_empty", "failing",
        (("Sumber menjawab, tetapi tanpa data.",), ("The source answers but has no data.",)),
        prometheus,
    ),
    "exporter dead": Day(
        metrics(health=0), "exporter_down", "failing",
        (("Pengekspor di balik sumber mati", "bukan padam"), ("exporter behind the source is down", "it is not down")),
        prometheus,
    ),
}  # fmt: skip
LANGUAGES = ("id", "en")


# The others go the same way, each under its own code and words: once a night is enough.
QUICK = {"refused", "401", "200 with an error", "HTML login page with 200", "429 with Retry-After", "truncated JSON",
         "record path gone", "exporter dead"}  # fmt: skip
DAYS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in FAILING_DAYS]


@pytest.mark.parametrize("name", DAYS)
def test_a_failing_day_has_its_code_its_state_and_its_words(source: Source, name: str) -> None:
    day = FAILING_DAYS[name]
    answer = {sipadek: good(), prometheus: metrics("ap-1"), files: csv("1,incoming,a,general,biasa,DISDIK,paper,")}
    assert source.pull_from(answer[day.make], day.make).error is None
    for _ in range(2):
        report = source.later(1).pull_from(day.answer, day.make, **day.given)
        assert (report.error_code, report.stored) == (day.code, 0)
    row = source.later(1.5).row()
    assert (row["state"], row["error_code"]) == (day.state, day.code)
    for language, words in zip(LANGUAGES, day.words, strict=True):
        said = source.said(language)
        assert [w for w in words if w.replace("`", "") not in said.replace("`", "")] == [], said
        assert TOKEN not in said
        (box,) = with_attribute(source.card(language), "data-error").items()
        assert (box[0], attribute(box[1], "data-tone")) == (day.code, day.tone)
    told = source.said("en", "operator")
    assert "localhost:9" not in told
    assert "127.0.0.1" not in told
    assert source.said("id", "public") in ("", "Rinciannya hanya untuk operator.")
    assert source.store.commit_number() == 1 + (day.make is sipadek) - (day.make is files)  # the last good data stays


# Days on which the rest flows


def test_unknown_values_and_bad_numbers_go_to_quarantine_and_are_counted_by_their_reason(source: Source) -> None:
    feed = good()
    feed.letters += [v1.letter(10, urgency="kilat"), v1.letter(11, urgency="kilat"), v1.letter(12, pages="NaN")]
    source.pull_from(feed)
    row = source.row()
    assert (row["state"], row["error_code"], row["quarantine_open"]) == ("fresh", None, 3)
    assert source.said("id") == (
        "3 baris menunggu di karantina2nilai belum dikenal: urgency1isi tidak terbaca: pages"
        "Lihat satu per satu: coc quarantine list --source sipadek"
    )
    assert source.said("en", "operator") == (
        "3 rows wait in quarantine2unknown value: urgency1cannot be read: pages"
        "See them one by one: coc quarantine list --source sipadek"
    )
    for lens in ("head", "leader", "room", "public"):
        assert source.said("id", lens) == ""
        assert "kilat" not in str(source.board(lens).frames)


def test_a_field_that_is_gone_is_drift_by_its_name(source: Source) -> None:
    full = good()
    full.letters = [v1.letter(i, completed_at="2026-03-01T12:00:00+07:00") for i in range(30)]
    assert source.pull_from(full).stored == 31
    bare = good()
    bare.letters = [v1.letter(i, updated_at="2026-03-02T08:00:00+07:00") for i in range(30)]
    report = source.later(1).pull_from(bare, full=True)
    assert (report.error_code, report.detail) == ("schema_drift", "letters.completed_at")
    for language in LANGUAGES:
        assert "letters.completed_at" in source.said(language)


def test_a_required_field_that_is_gone_sends_its_rows_to_quarantine(source: Source) -> None:
    bare = good()
    for row in bare.letters:
        del row["medium"]
    bare.units = []
    source.pull_from(bare)
    assert "Kolom letters.medium hilang dari semua baris" in source.said("id")
    assert "The column letters.medium is gone from every row" in source.said("en")
    assert "3required column empty: medium" in source.said("en")


class Announcing:
    """A source that announces how many rows there are; of the kinds that exist today none does."""

    kind, datasets = "sipadek", {Dataset.LETTERS}

    def pull(self, _window: Any) -> Iterator[Batch]:
        raise FetchError("incomplete", "480 of 500", permanent=True)
        yield


def test_fewer_rows_than_announced_is_late_and_no_failure(source: Source) -> None:
    source.pull_from(good())
    before = source.store.positions("sipadek")
    for _ in range(3):
        assert source.later(2).pull(Announcing()).error_code == "incomplete"
    assert source.store.positions("sipadek") == before
    assert source.row()["state"] == "late"
    assert "Baris yang datang kurang dari yang diumumkan." in source.said("id")
    assert "480 dari 500" in source.said("id")
    assert "480 of 500" in source.said("en")


def test_a_measurement_whose_own_time_stands_still_is_frozen_since_then(source: Source) -> None:
    source.name = "wifi"
    source.pull_from(metrics("ap-1", at=T), prometheus)
    for _ in range(4):
        again = source.later(4).pull_from(frozen, prometheus)
        assert (again.stored, again.error) == (0, None)
    assert source.row()["state"] == "frozen"
    assert "Tidak ada catatan baru sejak 10.00 WIB." in source.said("id")
    assert "No new record since 10:00 WIB." in source.said("en")
    assert source.kpi("wifi.down") == 0


def frozen(handler: Handler, request: Request) -> None:
    """An exporter that goes on telling the measurement of 10:00, under its own time."""
    measured_at(handler, request, T)


def hours_ahead(handler: Handler, request: Request) -> None:
    measured_at(handler, request, T + 7 * 3600)


def measured_at(handler: Handler, request: Request, at: float) -> None:
    """One access point, up, measured then; no ranges are answered."""
    query, now = request.query.get("query", ""), float(request.query.get("time", T))
    if "[" in query or "range" in request.path:
        handler.json({"status": "error", "errorType": "bad_data", "error": "not here"}, 400)
        return
    value = str(at) if query.startswith("timestamp") else "1"
    found = [{"metric": {"ap": "ap-1", "job": "ap"}, "value": [now, value]}]
    handler.json({"status": "success", "data": {"resultType": "vector", "result": found}})


def test_a_clock_ahead_is_told_with_the_sources_name(source: Source) -> None:
    source.pull_from(good(now=(NOW + timedelta(hours=7)).isoformat()))
    assert source.said("id") == "Jam sipadek mendahului jam COC: +7 jam. Samakan jam servernya lewat NTP."
    assert source.said("en") == "The clock of sipadek is ahead of the COC's: +7 h. Set its server's clock by NTP."
    assert source.row()["as_of"] <= NOW


def test_measurements_ahead_are_capped_and_told(source: Source) -> None:
    source.name = "wifi"
    source.pull_from(hours_ahead, prometheus)
    assert "Jam wifi mendahului jam COC: +7 jam." in source.said("id")
    assert source.store.known_samples("wifi", {Dataset.AP_SAMPLES})["ap-1"] <= NOW


def test_a_naive_time_takes_its_zone_from_config_or_waits_for_one(source: Source) -> None:
    source.name = "register"
    table = csv("1,incoming,a,general,biasa,DISDIK,paper,2026-03-01 08:00")
    source.pull_from(table, files)
    assert "1 baris menunggu di karantina1waktu tanpa zona: registered_at" in source.said("id")
    assert "1time without a zone: registered_at" in source.said("en")
    source.pull_from(table, files, datasets={"letters": {"time": {"zone": "Asia/Jakarta"}}})
    assert source.said("id") == ""
    letters = source.store.letters(NOW - timedelta(days=9))
    assert letters["registered_at"].iloc[0].isoformat() == "2026-03-01T01:00:00+00:00"


def test_a_dead_exporter_takes_no_access_point_down(source: Source) -> None:
    source.name = "wifi"
    source.pull_from(metrics("ap-1", "ap-2", at=T), prometheus)
    assert source.kpi("wifi.up") == 2
    for _ in range(3):
        source.later(3).pull_from(metrics(health=0), prometheus)
    assert source.row()["state"] == "failing"
    assert (source.kpi("wifi.down"), source.kpi("wifi.no_data")) == (0, 2)


def test_an_access_point_with_a_new_address_is_one_and_nothing_is_said(source: Source) -> None:
    source.name = "wifi"
    moved = Metrics(T)
    for back in range(10, -1, -1):
        address = "10.0.0.7" if back > 4 else "10.0.0.8"
        moved.add("probe_success", T - back * 60, 1, job="ap", ap="ap-1", instance=address)
    source.pull_from(moved, prometheus)
    assert list(source.store.known_samples("wifi", {Dataset.AP_SAMPLES})) == ["ap-1"]
    assert (source.kpi("wifi.up"), source.said("id")) == (1, "")


def test_our_own_crash_amid_a_page_leaves_nothing_to_see(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    from coc.ingest import load

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    feed = good()
    with monkeypatch.context() as crash:
        crash.setattr(load, "save_position", die)
        with pytest.raises(Killed):
            source.pull_from(feed)
    assert source.store.commit_number() == 0
    assert source.pull_from(feed).stored == 4
    assert (source.row()["state"], source.said("id"), source.said("en")) == ("fresh", "", "")


def test_withheld_deletions_stand_on_the_card_until_a_person_decides(source: Source) -> None:
    source.pull_from(good(), full=True)
    empty = good()
    empty.letters = []
    source.later(1).pull_from(empty, full=True)
    source.later(1).pull_from(empty)
    assert source.row()["state"] == "fresh"
    assert "coc pull sipadek --full --allow-deletions" in source.said("id")
    assert "3 dari 3 surat" in source.said("id")
    assert "3 of 3 letters" in source.said("en")


def test_an_application_that_is_away_is_a_down_sample_and_no_failing_source(source: Source) -> None:
    source.name = "aplikasi"
    service = {"url": f"http://127.0.0.1:{hostile.closed_port()}/", "name": "PPDB"}
    source.block = {"type": "http_probe", "services": {"ppdb": service}, "timeout_seconds": 0.4}
    for _ in range(3):
        assert source.later(1).pull().error is None
    assert (source.row()["state"], source.said("id"), source.kpi("apps.down")) == ("fresh", "", 1)
    assert not math.isnan(source.kpi("apps.up"))
