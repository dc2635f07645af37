"""config.yaml at the door: what a city engineer reads when it is wrong, and what the rest gets when it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from coc.settings.load import load
from coc.settings.models import Settings
from tests.settings.blocks import BLOCKS, Write, opened, said


def test_a_file_with_only_connectors_is_whole(write: Write) -> None:
    settings = opened(write("connectors: {a: {type: feed, url: 'http://127.0.0.1:1'}}\n")).settings
    assert settings.city.name == "Kota Jambi"
    assert settings.connectors["a"].every_seconds == 60
    assert settings.connectors["a"].realm == "live"
    assert str(settings.limits.urgency.biasa) == "5 working_d"


def test_every_mistake_is_told_at_once_with_its_line_and_mend(write: Write) -> None:
    file = write(
        """\
city: {time_zone: Asia/Jakata, langages: [id]}
limits:
  urgency:
    segera: 24 jam
    segra: 24 h
  ap: {failures: 0}
targets: {disposition.ontime_rate: {target: 0.9}}
calendar: {default: sixday}
connectors:
  a: {type: feeed, url: 'http://x'}
  b: {type: feed, url: 'http://x', every_secnds: 5, reconcile_cron: 61 2 * * *, keep: [numbr]}
  C d: {type: feed}
  e:
"""
    )
    lines = said(file)
    assert lines == [
        "config.yaml:1: city.time_zone: unknown time zone `Asia/Jakata`; expected one such as Asia/Jakarta;"
        " did you mean `Asia/Jakarta`?",
        "config.yaml:1: city.langages: unknown key; did you mean `languages`?",
        "config.yaml:4: limits.urgency.segera: expected a limit such as `24 h`, `8 working_h` or `5 working_d`;"
        " found `24 jam`",
        "config.yaml:5: limits.urgency.segra: unknown key; did you mean `segera`?",
        "config.yaml:6: limits.ap.failures: expected at least 1; found 0",
        "config.yaml:7: targets.disposition.ontime_rate: unknown KPI id; did you mean `disposition.on_time_rate`?",
        "config.yaml:8: calendar.default: unknown calendar `sixday`; known: five_day, six_day; did you mean `six_day`?",
        "config.yaml:10: connectors.a.type: unknown type of connector; expected one of feed, folder, probe;"
        " found `feeed`; did you mean `feed`?",
        "config.yaml:11: connectors.b.reconcile_cron: expected a cron line such as `30 2 * * *` (02:30 every day);"
        " found `61 2 * * *` (Error validating expression '61': the last value (61) is higher than the maximum"
        " value (59))",
        "config.yaml:11: connectors.b.keep[0]: expected one of number, subject, sender, instruction_text;"
        " found `numbr`; did you mean `number`?",
        "config.yaml:11: connectors.b.every_secnds: unknown key; did you mean `every_seconds`?",
        "config.yaml:12: connectors.C d: a connector's name holds a-z, 0-9, _ and - only; `c_d` would do",
        "config.yaml:12: connectors.C d.url: is missing; this key is required",
        "config.yaml:13: connectors.e: expected a block of keys such as `type:` and `url:`",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("city: {code: 15.71}", "city.code: expected text; put it in quotes; found 15.71"),
        ("retention: {samples_days: many}", "retention.samples_days: expected a whole number; found `many`"),
        ("letter_types: surat", "letter_types: expected a list such as [a, b]; found `surat`"),
        ("limits: 5", "limits: expected a block of keys; found 5"),
        ("connectors: [a]", "connectors: expected a block of connectors, each a name and its own block"),
        ("city: {languages: []}", "city.languages: expected at least one of id, en; found an empty list"),
        ("city: {languages: [id, fr]}", "city.languages[1]: expected one of id, en; found `fr`"),
        (
            "limits: {paper_exempt: [finanse]}",
            "limits.paper_exempt[0]: expected one of general, finance, personnel, legal, unknown; found `finanse`;"
            " did you mean `finance`?",
        ),
        (
            "limits: {urgency: {biasa: 5.5 working_d}}",
            "limits.urgency.biasa: working_d counts whole days, such as `5 working_d`; found `5.5 working_d`",
        ),
        (
            "calendar: {holidays: {country: XX}}",
            "calendar.holidays.country: no holidays are known for `XX`; expected a country code such as ID",
        ),
        (
            "store: {demo_url: 'sqlite:///var/coc.db'}",
            "store.demo_url: is the same database as store.url; each needs its own",
        ),
        ("server: {public_url: coc.go.id}", "server.public_url: expected a URL such as https://coc.example.go.id"),
        (
            "server: {public_url: 'https://coc.go.id/papan'}",
            "server.public_url: expected a URL such as https://coc.example.go.id; the pages stand at its root,"
            " without a path, a question mark or a #",
        ),
        (
            "server: {public_url: 'https://a:b@coc.go.id'}",
            "server.public_url: expected a URL such as https://coc.example.go.id; it is no secret, so it holds no user"
            " and password",
        ),
        (
            "server: {public_url: 'https://coc.go.id:port'}",
            "server.public_url: expected a URL such as https://coc.example.go.id",
        ),
        (
            "server: {trusted_proxies: [0.0.0.0/0]}",
            "server.trusted_proxies[0]: `0.0.0.0/0` is everybody, and whom everybody speaks for is nobody; name the"
            " proxy's own address",
        ),
        (
            "server: {trusted_proxies: [proxy]}",
            "server.trusted_proxies[0]: expected an address or network such as 10.0.0.5 or 10.0.0.0/24; found `proxy`",
        ),
        (
            "oidc: {issuer: 'http://sso.example', client_id: coc, groups: {a: {role: guest}}}",
            "oidc.issuer: expected an https address, as the provider itself names it",
        ),
        (
            "oidc: {issuer: 'https://[', client_id: coc, groups: {a: {role: guest}}}",
            "oidc.issuer: expected an https address, as the provider itself names it",
        ),
        (
            "oidc: {issuer: 'https://sso.example', groups: {a: {role: guest}}}",
            "oidc: expected client_id, as the provider knows this program",
        ),
        (
            "oidc: {issuer: 'https://sso.example', client_id: coc}",
            "oidc: expected groups: without one nobody who signs in there has a role here",
        ),
        (
            "oidc: {issuer: 'https://sso.example', client_id: coc, groups: {a: {role: guest}}, scopes: [profile]}",
            "oidc.scopes: expected openid among them: without it the provider says nobody's name",
        ),
        (
            "oidc: {issuer: 'https://sso.example', client_id: coc, groups: {a: {role: head}}}",
            "oidc.groups.a: expected units for a head, and for a head alone",
        ),
        (
            "access: {api_tokens: {c: {sha256: abc, role: operator}}}",
            "access.api_tokens.c.sha256: expected the 64 hexadecimal digits that `coc token create` shows;"
            " what was found is kept back, it may be a secret",
        ),
        (
            "connectors: {a: {type: feed, url: 'http://x', auth: {bearer: abcd1234, header: {name: X, value: y}}}}",
            "connectors.a.auth: expected at most one of bearer, basic, header, login; found bearer and header",
        ),
        (
            "connectors: {a: {type: feed, url: 'http://x', provides: [complted_at]}}",
            "connectors.a.provides[0]: unknown column `complted_at`; expected a canonical one such as completed_at;"
            " did you mean `completed_at`?",
        ),
        (
            "connectors: {a: {type: folder, kinds: {sitess: x}}}",
            "connectors.a.kinds.sitess: unknown key; expected one of sites, units; did you mean `sites`?",
        ),
        (
            "connectors: {a: {type: folder, path: x, kinds: {sites: x}}}",
            "connectors.a: expected `kinds` or `path`, not both",
        ),
        (
            "connectors: {a: {type: probe, services: {}}}",
            "connectors.a.services: expected at least 1; found an empty block",
        ),
        (
            "connectors: {a: {type: probe, services: {p: {name: P, url: u, expect: {status: ok}}}}}",
            "connectors.a.services.p.expect.status: expected a whole number; found `ok` or expected a list such as"
            " [a, b]; found `ok`",
        ),
    ],
)
def test_a_mistake_names_key_expectation_and_find(write: Write, text: str, expected: str) -> None:
    assert said(write(text + "\n")) == [f"config.yaml:1: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.yaml: is empty; it needs at least a `connectors:` block"),
        ("# only words\n", "config.yaml: is empty; it needs at least a `connectors:` block"),
        ("- a\n- b\n", "config.yaml: expected a mapping of blocks such as `connectors:`; found something else"),
        ("a: b: c\n", "config.yaml:1: is not valid YAML: a `:` where none may stand; check the indentation, and quote"
         " text that holds `: `"),
        ("city:\n\tname: x\n", "config.yaml:2: is not valid YAML: a tab indents this line; indent with spaces"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_config_says_so_in_a_line(write: Write, text: str, expected: str) -> None:
    assert said(write(text)) == [expected]


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    lines = said(tmp_path / "none.yaml")
    assert lines == ["none.yaml: there is no such file; name one with --config, or start from the shipped config.yaml"]


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00city")
    assert said(tmp_path / "config.yaml") == ["config.yaml: is not UTF-8 text"]


def test_every_key_given_twice_is_told(write: Write) -> None:
    lines = said(write("city: {name: A}\nlimits: {}\ncity: {name: B}\nconnectors: {}\nlimits: {}\n"))
    assert lines == [
        "config.yaml:3: city: is given twice (first in line 1); keep one",
        "config.yaml:5: limits: is given twice (first in line 2); keep one",
    ]


def test_a_block_whose_lines_are_all_commented_out_means_its_defaults(write: Write) -> None:
    settings = opened(write("targets:\nlimits:\n  ap:\n  # failures: 3\nconnectors:\n  # a: {}\n")).settings
    assert settings == Settings.model_validate(settings.model_dump())
    assert settings.limits.ap.failures == 3
    assert settings.connectors == {}


def test_anchors_and_merge_keys_are_understood(write: Write) -> None:
    settings = opened(
        write("connectors:\n  a: &a {type: feed, url: 'http://x', every_seconds: 7}\n  b: {<<: *a, url: 'http://y'}\n")
    ).settings
    assert settings.connectors["b"].every_seconds == 7
    assert settings.connectors["b"].url == "http://y"


def test_keys_and_dates_stay_what_the_source_says(write: Write) -> None:
    settings = opened(
        write("connectors:\n  a: {type: folder, datasets: {letters: {kind: {1: incoming, 02: memo, yes: x}}}}\n")
    ).settings
    assert set(settings.connectors["a"].datasets["letters"]["kind"]) == {"1", "02", "yes"}


# --- realms and paths ---------------------------------------------------------------------------------------------


def test_a_simulated_connector_counts_as_demo(write: Write) -> None:
    settings = opened(
        write(
            "connectors:\n  a: {type: feed, url: simulator}\n  b: {type: feed, url: 'http://x'}\n"
            "  c: {type: probe, services: {p: {name: P, url: simulator}}}\n"
        )
    ).settings
    assert {name: block.realm for name, block in settings.connectors.items()} == {"a": "demo", "b": "live", "c": "demo"}
    assert list(settings.of_realm("live")) == ["b"]


def test_a_simulated_connector_may_not_claim_to_be_live(write: Write) -> None:
    why = (
        "`url: simulator` in the live realm would store invented letters as real ones; "
        "say `realm: demo`, or leave `realm` out"
    )
    file = write(
        "connectors:\n  a: {type: feed, url: simulator, realm: live}\n"
        "  c: {type: probe, realm: live, services: {p: {name: P, url: simulator}}}\n"
    )
    assert said(file) == [
        f"config.yaml:2: connectors.a.url: {why}",
        f"config.yaml:3: connectors.c.services.p.url: {why}",
    ]


def test_relative_paths_start_at_the_folder_of_the_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(
        "store: {control_url: 'sqlite:////abs/control.db?timeout=3', demo_url: 'postgresql+psycopg://h/d'}\n"
        "connectors:\n  a: {type: folder, path: data/titik.csv, verify: ca.pem}\n"
        "  b: {type: folder, path: /srv/x.csv}\n"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = opened(file).settings
    assert settings.store.url == f"sqlite:///{tmp_path}/var/coc.db"
    assert settings.store.control_url == "sqlite:////abs/control.db?timeout=3"
    assert settings.store.demo_url == "postgresql+psycopg://h/d"
    assert settings.connectors["a"].path == f"{tmp_path}/data/titik.csv"
    assert settings.connectors["a"].verify == f"{tmp_path}/ca.pem"
    assert settings.connectors["b"].path == "/srv/x.csv"


def test_without_a_name_the_config_of_the_working_folder_is_read(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("city: {name: Sini}\n")
    monkeypatch.chdir(tmp_path)
    assert load(None, BLOCKS, {}).city.name == "Sini"


def test_a_kpi_that_a_file_adds_may_have_a_target(write: Write) -> None:
    file = write("targets: {parks.visitors: {target: 5}, wifi.up: {target: 100, units: {DISDIK: {target: 1}}}}\n")
    assert said(file) == ["config.yaml:1: targets.parks.visitors: unknown KPI id; docs/config.md lists them"]
    assert opened(file, kpi_ids=["parks.visitors"]).settings.targets["parks.visitors"].target == 5


def test_the_whole_block_of_the_contract_is_accepted(write: Write) -> None:
    """The keys of DESIGN, as they stand there."""
    settings = opened(
        write(
            """\
city: {code: "15.71", name: Kota Jambi, time_zone: Asia/Jakarta, languages: [id, en]}
store: {url: "sqlite:///var/coc.db", demo_url: "sqlite:///var/demo.db", control_url: "sqlite:///var/control.db"}
server: {public_url: null, trusted_proxies: []}
retention: {letters_years: 10, samples_days: 35, rollups_years: 5, quarantine_days: 30, audit_years: 2}
letter_types: [surat_dinas, nota_dinas, undangan, surat_edaran, surat_tugas, keputusan,
  pengumuman, laporan, telaahan_staf]
limits:
  urgency: {amat_segera: 24 h, segera: 48 h, penting: 72 h, biasa: 5 working_d}
  paper_exempt: [finance, personnel, legal]
  first_disposition_working_hours: 8
  adoption_letters_per_week: 3
  default_pages: 2
  default_copies: 3
  rupiah_per_sheet: 500
  ap: {failures: 3, successes: 2, degraded: {latency_ms: 500, loss: 0.2}, min_down_seconds: 300}
  low_use_clients_per_day: 5
  certificate_days: 14
targets: {disposition.on_time_rate: {target: 0.9, warn: 0.8, units: {DISDIK: {target: 0.85}}}}
calendar:
  default: five_day
  profiles:
    six_day:
      hours: {mon-thu: [07:30-12:00, 13:00-15:30], fri: [07:30-11:30], sat: [07:30-13:00]}
      ramadan: {mon-thu: [07:30-12:00, 12:30-13:30], fri: [07:00-11:30], sat: [07:30-13:30]}
  holidays: {country: ID, extra: [2026-03-20], remove: []}
access: {api_tokens: {checker: {sha256: "%s", role: operator, units: [], expires: 2027-01-01}}}
screens: {}
alerts: {}
demo: {enabled: false, port: 8051}
"""
            % ("a" * 64)
        )
    ).settings
    assert settings.model_dump(exclude={"calendar", "targets", "access", "store"}) == Settings().model_dump(
        exclude={"calendar", "targets", "access", "store"}
    )
    assert len(settings.calendar.profiles["six_day"].hours) == 6
    assert str(settings.access.api_tokens["checker"].expires) == "2027-01-01"


def test_settings_cannot_be_changed_after_the_door(write: Write) -> None:
    settings = opened(write("connectors: {}\n")).settings
    assert isinstance(settings, BaseModel)
    with pytest.raises(ValueError, match="frozen"):
        settings.city = None  # type: ignore[misc,assignment]
