"""A Zabbix over real HTTP that answers as it was recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.hostile import Handler, Request
from tests.connectors.recorded import Recorded

RECORDED = Recorded("zabbix")
TOKEN = "kunci-zabbix-71c9"
PASSWORD = "sandi-zabbix-4d2a"
SESSION = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


@dataclass
class Server:
    """A Zabbix: its lists are the recorded ones, its history what `values` says (itemid -> [(clock, value)])."""

    version: str = "6.0.14"
    hosts: list[dict[str, Any]] = field(default_factory=lambda: RECORDED.json("host_get.json")["result"])
    items: list[dict[str, Any]] = field(default_factory=lambda: RECORDED.json("item_get.json")["result"])
    web: list[dict[str, Any]] = field(default_factory=lambda: RECORDED.json("item_get_web.json")["result"])
    values: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    instead: dict[str, list[str]] = field(default_factory=dict)  # method -> recorded answers that come first
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def item(self, host: str, key: str) -> dict[str, Any]:
        hostid = next(h["hostid"] for h in self.hosts if h["host"] == host)
        return next(i for i in self.items if i["hostid"] == hostid and i["key_"] == key)

    def __call__(self, handler: Handler, request: Request) -> None:
        body = json.loads(request.body)
        method, params = body["method"], body["params"]
        self.asked.append((method, params))
        if self.instead.get(method):
            RECORDED.say(handler, self.instead[method].pop(0))
            return
        with_header = request.headers.get("authorization", "")
        open_to_all = method in ("apiinfo.version", "user.login")
        newer = tuple(int(n) for n in self.version.split(".")[:2]) >= (6, 4)
        token = with_header.removeprefix("Bearer ") if newer else body.get("auth")
        if open_to_all and (with_header or "auth" in body):
            handler.json(
                {"jsonrpc": "2.0", "error": {"code": -32602, "message": "must be called without auth"}, "id": 1}
            )
        elif not open_to_all and token not in (TOKEN, SESSION):
            RECORDED.say(handler, "error_not_authorised.json")
        else:
            handler.json({"jsonrpc": "2.0", "result": self._result(method, params), "id": 1})

    def _result(self, method: str, params: Any) -> Any:
        if method == "history.get":
            return self._history(params)
        if method == "item.get" and params.get("webitems"):
            found: Any = self.web
        elif method == "item.get":
            found = [
                i for i in self.items if i["hostid"] in params["hostids"] and i["key_"] in params["filter"]["key_"]
            ]
        else:
            names = params["filter"]["name"] if method == "hostgroup.get" else ()
            groups = [g for g in RECORDED.json("hostgroup_get.json")["result"] if g["name"] in names]
            found = {
                "apiinfo.version": self.version, "user.login": SESSION, "user.logout": True, "host.get": self.hosts,
                "hostgroup.get": groups,
            }[method]  # fmt: skip
        return str(len(found)) if isinstance(params, dict) and params.get("countOutput") else found

    def _history(self, params: Any) -> list[dict[str, str]]:
        kinds = {i["itemid"]: i["value_type"] for i in self.items}
        rows = [
            {"itemid": item, "clock": str(clock), "value": value}
            for item in params["itemids"]
            for clock, value in self.values.get(item, [])
            if kinds[item] == str(params["history"]) and params["time_from"] <= clock <= params["time_till"]
        ]
        return sorted(rows, key=lambda r: int(r["clock"]))[: params["limit"]]
