"""A real Zabbix: its server and sender, its frontend under PHP's web server, on a database of the tests' PostgreSQL."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from tests.real.programs import Program, answers

_SHIPPED: Final = Path("/usr/share/zabbix-server-pgsql")
_FRONTEND: Final = Path("/usr/share/zabbix")
_TABLES: Final = ("schema.sql.gz", "images.sql.gz", "data.sql.gz")
_SERVER: Final = """
ListenIP=127.0.0.1
ListenPort={port}
LogType=console
PidFile={folder}/zabbix_server.pid
SocketDir={folder}
DBHost={host}
DBName={database}
DBUser={user}
AllowRoot=1
AllowUnsupportedDBVersions=1
CacheUpdateFrequency=1
StartPollers=1
StartPingers=1
StartDiscoverers=0
StartHTTPPollers=1
StartTrappers=2
StartPollersUnreachable=1
StartReportWriters=0
FpingLocation=/usr/bin/fping
"""
_PAGE: Final = """<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '{host}';
$DB['PORT'] = '0';
$DB['DATABASE'] = '{database}';
$DB['USER'] = '{user}';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = 'public';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER_NAME = '';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""
_PHP: Final = ("post_max_size=16M", "max_execution_time=300", "max_input_time=300", "date.timezone=UTC")
_WHERE: Final = "/etc/zabbix/zabbix.conf.php"
PASSWORD: Final = "Uji-Baca-2026"


@dataclass
class Zabbix:
    """`call` is its API as the administrator; `send` feeds trapper items as a probe would."""

    folder: Path
    database: sa.URL
    web: int
    trap: int
    server: Program = field(init=False)
    frontend: Program = field(init=False)
    session: str | None = None

    def __post_init__(self) -> None:
        words = {
            "folder": self.folder, "port": self.trap, "host": self.database.query["host"],
            "database": self.database.database, "user": self.database.username,
        }  # fmt: skip
        config, pages = self.folder / "zabbix_server.conf", self.folder / "frontend"
        config.write_text(_SERVER.format(**words))
        shutil.copytree(_FRONTEND, pages)
        _leads_to(pages / "include/classes/core/CConfigFile.php", self.folder / "zabbix.conf.php")
        (self.folder / "zabbix.conf.php").write_text(_PAGE.format(**words))
        self.server = Program(["/usr/sbin/zabbix_server", "-f", "-c", str(config)], self.folder / "zabbix_server.log")
        php = [word for setting in _PHP for word in ("-d", setting)]
        self.frontend = Program(
            ["php", *php, "-S", f"127.0.0.1:{self.web}", "-t", str(pages)],
            self.folder / "frontend.log",
            {"PHP_CLI_SERVER_WORKERS": "2"},
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web}"

    def fill(self) -> None:
        """Its tables, as its package brings them."""
        engine = sa.create_engine(self.database, poolclass=sa.NullPool)
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            for name in _TABLES:
                driver.pgconn.exec_(gzip.decompress((_SHIPPED / name).read_bytes()))  # scripts, each a transaction

    def start(self) -> None:
        self.server.start(lambda: self.sent("nobody", {"x": 0}) is not None)
        self.frontend.start(answers(f"{self.url}/index.php"))
        self.session = self.call("user.login", {"username": "Admin", "password": "zabbix"})

    def call(self, method: str, params: Any) -> Any:
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        if self.session and method != "user.login":
            body["auth"] = self.session
        request = urllib.request.Request(
            f"{self.url}/api_jsonrpc.php",
            json.dumps(body).encode(),
            {"content-type": "application/json-rpc"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
        assert "result" in told, told
        return told["result"]

    def sent(self, host: str, values: dict[str, float]) -> str | None:
        """What its sender says of them; None where nobody takes them."""
        lines = "".join(f'"{host}" {key} {value}\n' for key, value in values.items())
        done = subprocess.run(
            ["zabbix_sender", "-z", "127.0.0.1", "-p", str(self.trap), "-i", "-"],
            input=lines, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        return done.stdout if "processed" in done.stdout else None

    def group(self, name: str) -> str:
        return str(self.call("hostgroup.create", {"name": name})["groupids"][0])

    def host(self, name: str, group: str, items: dict[str, tuple[int, str]], **more: Any) -> str:
        """`items`: key -> value type and unit, of trapper items."""
        made = {"host": name, "groups": [{"groupid": group}], **more}
        host = str(self.call("host.create", made)["hostids"][0])
        for key, (kind, units) in items.items():
            self.call(
                "item.create",
                {"hostid": host, "name": key, "key_": key, "type": 2, "value_type": kind, "units": units},
            )
        return host

    def reader(self, groups: list[str]) -> str:
        """A user who may read these groups and no more; gives an API token of its."""
        rights = [{"id": group, "permission": 2} for group in groups]
        circle = self.call("usergroup.create", {"name": "COC", "rights": rights})["usrgrpids"][0]
        who = {"username": "coc", "passwd": PASSWORD, "roleid": "1", "usrgrps": [{"usrgrpid": circle}]}
        user = self.call("user.create", who)["userids"][0]
        token = self.call("token.create", {"name": "COC", "userid": user})["tokenids"][0]
        return str(self.call("token.generate", [token])[0]["token"])

    def scenario(self, name: str, host: str, url: str) -> None:
        step = {"name": "depan", "url": url, "status_codes": "200", "no": 1, "timeout": "2s"}
        self.call("httptest.create", {"name": name, "hostid": host, "delay": "1s", "steps": [step]})

    def stop(self) -> None:
        self.frontend.kill()
        self.server.stop()


def _leads_to(code: Path, config: Path) -> None:
    """Debian's frontend looks for its configuration in /etc, which is not ours to write."""
    text = code.read_text()
    assert _WHERE in text
    code.write_text(text.replace(_WHERE, str(config)))
