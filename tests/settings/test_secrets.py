"""Secrets and overrides: they come from outside the file, and no message ever holds one."""

from __future__ import annotations

from pathlib import Path

from tests.settings.blocks import Write, opened, said

# --- secrets ------------------------------------------------------------------------------------------------------


def test_secrets_come_from_the_environment_and_from_files(write: Write, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    file = write(
        "connectors:\n"
        "  a: {type: feed, url: 'https://${HOST}/v1', auth: {bearer: '${file:token}'}}\n"
        "  b: {type: feed, url: 'http://x?a=$${b}', auth: {basic: {user: u, password: '${PW}'}}}\n"
    )
    settings = opened(file, {"HOST": "eoffice.go.id", "PW": "s3cret!"}).settings
    assert settings.connectors["a"].url == "https://eoffice.go.id/v1"
    assert settings.connectors["a"].auth.bearer.get_secret_value() == "from-a-file"
    assert settings.connectors["b"].auth.basic.password.get_secret_value() == "s3cret!"
    assert settings.connectors["b"].url == "http://x?a=${b}"
    assert "s3cret!" not in repr(settings)
    assert "from-a-file" not in repr(settings)


def test_a_missing_secret_names_key_and_line_and_nothing_follows_from_it(write: Write) -> None:
    file = write(
        "connectors:\n  a:\n    type: feed\n    url: http://x\n    every_seconds: ${EVERY}\n"
        "    auth: {bearer: '${TOKEN}'}\n  b: {type: feed, url: '${file:/nowhere/x}', timeout_seconds: '${a b}'}\n"
    )
    assert said(file, {"TOKEN": ""}) == [
        "config.yaml:5: connectors.a.every_seconds: the environment variable EVERY is not set; set it, or give"
        " `${file:/path}`",
        "config.yaml:6: connectors.a.auth.bearer: the environment variable TOKEN is empty; set it, or give"
        " `${file:/path}`",
        "config.yaml:7: connectors.b.url: the secret file /nowhere/x cannot be read: No such file or directory",
        "config.yaml:7: connectors.b.timeout_seconds: `${a b}` is neither `${NAME}` nor `${file:/path}`; write `$${`"
        " for a plain `${`",
    ]


def test_no_message_holds_a_secret(write: Write) -> None:
    file = write(
        "connectors:\n"
        "  a: {type: feed, url: 'http://x', every_seconds: '${S}', max_mb: -1, auth: {beerer: plainsecret}}\n"
        "  b: {type: feed, url: 'http://x', auth: plainsecret, verify: [plainsecret]}\n"
        "  c: {type: feed, url: 'http://x', auth: {header: {name: X, value: {a: plainsecret}}}}\n"
        "store: {url: 'mysql://u:plainsecret@h/db'}\n"
    )
    text = "\n".join(said(file, {"S": "topsecret"}))
    assert "topsecret" not in text
    assert "plainsecret" not in text
    assert "connectors.a.every_seconds: expected a number" in text


def test_a_process_of_one_realm_needs_no_secret_of_the_other(write: Write) -> None:
    file = write(
        "store: {url: 'postgresql+psycopg://u:${DB}@h/coc'}\n"
        "connectors:\n"
        "  real: {type: feed, url: 'http://x', auth: {bearer: '${TOKEN}'}}\n"
        "  sim: {type: feed, url: simulator}\n"
    )
    demo = opened(file, {}, realm="demo")
    assert list(demo.settings.connectors) == ["sim"]
    assert "postgresql" not in demo.settings.store.url
    assert demo.variables["live"] == {"TOKEN", "DB"}
    assert demo.variables["demo"] == frozenset()


# --- overrides ----------------------------------------------------------------------------------------------------


def test_the_environment_overrides_any_key_in_any_case(write: Write) -> None:
    file = write("city: {name: Jambi}\nconnectors: {wifi-utara: {type: feed, url: 'http://x'}}\n")
    settings = opened(
        file,
        {
            "COC__STORE__URL": "sqlite:////tmp/other.db",
            "coc__city__NAME": "Kota Lain",
            "COC__CONNECTORS__WIFI_UTARA__EVERY_SECONDS": "5",
            "COC__CONNECTORS__WIFI_UTARA__ENABLED": "false",
            "COC__CITY__LANGUAGES": "[en]",
            "COC_CLOCK": "2026-03-02T10:00:00+07:00",
        },
    ).settings
    assert settings.store.url == "sqlite:////tmp/other.db"
    assert settings.city.name == "Kota Lain"
    assert settings.city.languages == ("en",)
    assert settings.connectors["wifi-utara"].every_seconds == 5
    assert settings.connectors["wifi-utara"].enabled is False


def test_a_wrong_override_names_its_variable(write: Write) -> None:
    file = write("connectors: {}\nserver: {trusted_proxies: [10.0.0.1]}\n")
    lines = said(
        file,
        {
            "COC__STORE__URLL": "x",
            "COC__LIMITS__AP__FAILURES": "no",
            "COC__SERVER__TRUSTED_PROXIES__0": "10.0.0.2",
            "COC__": "1",
        },
    )
    assert sorted(lines) == [
        "COC__: expected a path such as COC__STORE__URL",
        "COC__LIMITS__AP__FAILURES: limits.ap.failures: expected a whole number; found `no`",
        "COC__SERVER__TRUSTED_PROXIES__0: server.trusted_proxies: `trusted_proxies` is a list: set it whole,"
        " such as COC__...='[a, b]'",
        "COC__STORE__URLL: store.urll: unknown key; did you mean `url`?",
    ]
