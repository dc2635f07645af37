"""Feed v1 once more, from its page alone: rows in a list, pages by position, nothing of the product in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.connectors.hostile import Handler, Request

TOKEN = "kunci-rahasia-9f2"
NOW = "2026-03-02T10:00:00+07:00"


def letter(number: int, **given: Any) -> dict[str, Any]:
    minute = f"{number // 60 % 24:02}:{number % 60:02}"
    return {
        "id": f"L{number:05}", "kind": "incoming", "type": "undangan", "category": "general", "urgency": "biasa",
        "unit": "DISDIK", "medium": "electronic", "registered_at": f"2026-03-01T{minute}:00+07:00",
        "updated_at": f"2026-03-01T{minute}:00+07:00", "number": f"005/{number}", "subject": "rahasia sekali",
        "sender": "Bapak Anu", "warna": "biru", **given,
    }  # fmt: skip


def disposition(number: int, **given: Any) -> dict[str, Any]:
    at = f"2026-03-01T08:{number % 60:02}:00+07:00"
    return {
        "id": f"D{number:05}", "letter_id": f"L{number:05}", "from_office": "sekda", "to_unit": "DISDIK",
        "channel": "text", "instruction": "TINDAK_LANJUTI", "issued_at": at, "updated_at": at, **given,
    }  # fmt: skip


def unit(code: str, **given: Any) -> dict[str, Any]:
    return {"code": code, "name": code.title(), "kind": "department", "updated_at": "2026-01-01T00:00:00Z", **given}


@dataclass
class Feed:
    """`page`: rows a page at most. `tokens`: whether one is asked for."""

    units: list[Any] = field(default_factory=list)
    letters: list[Any] = field(default_factory=list)
    dispositions: list[Any] = field(default_factory=list)
    page: int = 500
    version: str = "coc/1"
    now: str = NOW
    with_ids: bool = True
    datasets: tuple[str, ...] = ("units", "letters", "dispositions")

    def __call__(self, handler: Handler, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            self.problem(handler, 401, "Unauthorized")
            return
        path = request.path.removeprefix("/coc/v1/")
        if path == "info":
            handler.json(
                {
                    "feed": self.version,
                    "system": "Lain 1",
                    "now": self.now,
                    "datasets": list(self.datasets),
                    "retention_days": 30,
                }
            )
        elif path in self.datasets:
            handler.json(self.rows(getattr(self, path), request.query))
        elif path.endswith("/ids") and self.with_ids and path != "units/ids":
            rows = getattr(self, path.removesuffix("/ids"))
            handler.json({"ids": [r["id"] for r in rows if isinstance(r, dict)], "now": self.now})
        else:
            self.problem(handler, 404, "Not Found")

    def rows(self, rows: list[Any], query: dict[str, str]) -> dict[str, Any]:
        since = query.get("updated_since")
        if since:
            from_ = datetime.fromisoformat(since)
            rows = [r for r in rows if datetime.fromisoformat(r["updated_at"]) >= from_]
        first = int(query.get("cursor", "0"))
        last = first + min(self.page, int(query.get("limit", 500)), 2000)
        return {"items": rows[first:last], "next": str(last) if last < len(rows) else None, "now": self.now}

    @staticmethod
    def problem(handler: Handler, status: int, title: str) -> None:
        handler.say(status, f'{{"title": "{title}"}}'.encode(), "application/problem+json")
