"""A crawler that asks for everything a role might ask for, forged callbacks included, and reads every byte."""

from __future__ import annotations

import http.client
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from coc.access.table import RULES, Rule, Speaks
from coc.live.paging import shipped
from coc.store import KPIS
from tests.access.canaries import CLASSES, OWN, UNITS, Canary, found_in
from tests.attacks.raw import PASSWORD

QUERIES = (
    {},
    {"lang": "en", "theme": "light"},
    {"unit": OWN},
    {"scope": "DINKES"},
    {"lens": "leader"},
    {"q": "canary"},
)
FORMATS = ("csv", "xlsx", "json")
ITEMS_KPIS = (*KPIS, "adoption.rate", "adoption.breadth")
# What stands for a `*` of a path: rows, units and words by which somebody may guess.
GUESSES = (
    *(str(Canary("letter", security, unit)) for security in CLASSES for unit in (OWN, "DINKES")),
    *(str(Canary("disposition", security, OWN)) for security in CLASSES),
    *(code for code, _ in UNITS),
    "1",
    "..",
    "disposition.backlog",
)


@dataclass(frozen=True, slots=True)
class Got:
    """An answer, unpacked. `text`: headers and body, whatever the body is packed in."""

    path: str
    query: str
    status: int
    headers: dict[str, str]
    text: str
    guessed: set[Canary]

    @property
    def canaries(self) -> set[Canary]:
        """What is in the answer and was not in the question: a row that is guessed by its id tells more than that."""
        return found_in(self.text) - self.guessed


@dataclass
class Crawler:
    """One role, by its cookie or its token; `headers` carry it."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, query: dict[str, str] | None = None, body: Any = None, **headers: str) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        asked = urlencode(query or {})
        sent = self.headers | headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(
                "GET" if body is None else "POST",
                path + (f"?{asked}" if asked else ""),
                None if body is None else json.dumps(body),
                sent,
            )
            answer = connection.getresponse()
            if path == "/api/v1/stream" and answer.status == 200:
                raw = b"".join(answer.readline() for _ in range(3))
            else:
                raw = answer.read()
        finally:
            connection.close()
        heads = {k.lower(): v for k, v in answer.getheaders()}
        guessed = found_in(f"{path} {asked} {json.dumps(body)}")
        return Got(path, asked, answer.status, heads, f"{heads}\n{_unpacked(raw)}", guessed)

    def everything(self) -> Iterator[Got]:
        """Every path of the table, every page and its frames, each callback that Dash knows of, honest and forged."""
        for rule in RULES:
            for path in paths_of(rule):
                for query in QUERIES if "GET" in rule.methods else ():
                    yield self.ask(path, query)
        for name in shipped():
            for scope in ("", OWN, "DINKES", str(Canary("letter", "biasa", OWN))):
                yield self.ask("/live/frame", {"page": name, "scope": scope})
            for chart in shipped()[name].charts:
                for query in ({}, {"unit": OWN, "window": "90d"}, {"unit": "DINKES"}):
                    yield self.ask(f"/export/chart/{name}/{chart}.csv", query)
        yield from self.callbacks()
        yield from self.items()

    def shown(self, path: str, **query: str) -> Got:
        """A page as Dash's router lays it out: what its layout shows of the viewer's own is in no other answer."""
        search = f"?{urlencode(query)}" if query else ""
        (router,) = _router()
        body = call(router, None)
        for part in body["inputs"]:
            part["value"] = path if part["property"] == "pathname" else search
        return replace(self.ask("/_dash-update-component", body=body), path=path, query=search)

    def items(self) -> Iterator[Got]:
        """The items behind every figure, narrowed and not, and every letter's tree that somebody may guess."""
        for kpi in ITEMS_KPIS:
            for query in ({}, {"unit": "DINKES", "office": "walikota"}):
                yield self.shown("/telusur", kpi=kpi, **query)
        for guess in (*GUESSES, *(str(Canary("letter", s, p)) for s in CLASSES for p in ("crossing", "deleted"))):
            yield self.shown(f"/telusur/sipadek/{guess}")

    def callbacks(self) -> Iterator[Got]:
        known = self.ask("/_dash-dependencies")
        yield known
        listed = json.loads(known.text.partition("\n")[2]) if known.status == 200 else _router()
        for entry in listed:
            for value in (
                1,
                None,
                "canary",
                OWN,
                str(Canary("letter", "biasa", OWN)),
                {"filter": "*"},
                [OWN, "DINKES"],
            ):
                yield self.ask("/_dash-update-component", body=call(entry, value))
        for page in shipped().values():
            for way in (page.spec.path, page.spec.path + "/x"):
                yield self.ask("/_dash-update-component", body=call(_router()[0], way))


def call(entry: dict[str, Any], value: Any) -> dict[str, Any]:
    """A callback's request with one value for all inputs. A pathname and a search go where Dash reads them."""
    output = entry["output"]
    parts = [p for p in output.strip(".").split("...") if p]
    outputs = [dict(zip(("id", "property"), p.split("@")[0].rsplit(".", 1), strict=True)) for p in parts]
    inputs = [{**i, "value": value} for i in entry["inputs"]]
    return {
        "output": output,
        "outputs": outputs if output.startswith("..") else outputs[0],
        "inputs": inputs,
        "state": [{**s, "value": value} for s in entry["state"]],
        "changedPropIds": [f"{i['id']}.{i['property']}" for i in inputs],
    }


def paths_of(rule: Rule) -> list[str]:
    """What a pattern of the table is asked as: guesses for its stars, and the pages that exist."""
    if rule.path == "/**":
        return (
            [page.spec.path for page in shipped().values()]
            + [f"/{g}" for g in GUESSES[:3]]
            + ["/surat/1", "/opd/DINKES"]
        )
    if "*" not in rule.path:
        return [rule.path]
    if rule.path.startswith(("/assets", "/_dash-component")):
        return [re.sub(r"\*+", "coc.css", rule.path)]
    guesses = GUESSES if rule.speaks is Speaks.API else GUESSES[:4]
    return [re.sub(r"\*+", quote(guess), rule.path) for guess in guesses]


def _router() -> list[dict[str, Any]]:
    asked = [{"id": "_pages_location", "property": p} for p in ("pathname", "search")]
    return [{"output": ".._pages_content.children..._pages_store.data..", "inputs": asked, "state": []}]


def _unpacked(raw: bytes) -> str:
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())
    return raw.decode("utf-8", "replace")


def signed_in(port: int, name: str) -> str:
    """Through the form, as a person: the session's cookie."""
    first = Crawler(port).ask("/masuk")
    held = first.headers["set-cookie"].split(";")[0]
    found = re.search(r'name="csrf" value="([^"]+)"', first.text)
    assert found
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    fields = urlencode({"csrf": found[1], "username": name, "password": PASSWORD})
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": held}
    connection.request("POST", "/masuk", fields, kind)
    answer = connection.getresponse()
    cookies = [v.split(";")[0] for k, v in answer.getheaders() if k.lower() == "set-cookie"]
    connection.close()
    return next(c for c in cookies if c.startswith("coc_live="))
