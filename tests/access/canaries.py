"""A live city whose every text is a canary, and the one table that says who may find which."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

NOW: Final = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
OWN: Final = "DISDIK"  # the head's unit; SDN-01 is below it
UNITS: Final = ((OWN, None), ("SDN-01", OWN), ("DINKES", None), ("KOMINFO", None))
CLASSES: Final = ("biasa", "terbatas", "rahasia", "sangat_rahasia")
# canary-FIELD-CLASS-PLACE; PLACE is a unit, or what became of the row.
CANARY: Final = re.compile(r"canary-([a-z]+)-([a-z_]+)-([A-Za-z0-9_]+)")
ROLES: Final = ("guest", "screen", "head", "leader", "operator", "admin")


@dataclass(frozen=True, slots=True)
class Canary:
    field: str
    security: str
    place: str

    def __str__(self) -> str:
        return f"canary-{self.field}-{self.security}-{_bare(self.place)}"


def found_in(text: str) -> set[Canary]:
    return {Canary(*match.groups()) for match in CANARY.finditer(text)}


# --- DOMAIN, Privacy: which canaries each role may meet, in the files of letters and dispositions and nowhere else ---

LETTER_FIELDS: Final = frozenset({"letter", "number", "subject", "sender"})  # `letter`: its id
DISPOSITION_FIELDS: Final = frozenset({"letter", "disposition", "instruction"})
CLEARED: Final = {"operator": 1, "head": 2, "leader": 3}  # how many of CLASSES, from the first
SEEN: Final = {
    "operator": frozenset({"letter", "disposition", "number"}),
    "head": LETTER_FIELDS | DISPOSITION_FIELDS,
    "leader": LETTER_FIELDS | DISPOSITION_FIELDS,
}
OF_HEAD: Final = {"DISDIK", "SDN01", "crossing"}  # `crossing`: another unit's letter that a disposition brought here
ROWS: Final = {"letters": LETTER_FIELDS, "dispositions": DISPOSITION_FIELDS}
STORED: Final = {"DISDIK", "SDN01", "DINKES", "KOMINFO", "crossing"}


def allowed(role: str, path: str) -> set[Canary]:
    """What the role must find in an answer of this path, no more and no less; `/telusur` is a list of letters.

    `/telusur#dispositions`: a list of dispositions; `/telusur/<source>/<letter>`: what of one letter is in its tree.
    """
    if role not in SEEN:
        return set()
    listed = re.fullmatch(r"/export/(letters|dispositions)\.\w+", path)
    if listed is not None:
        return _rows_of(role, listed[1], ROWS[listed[1]])
    if path == "/telusur":
        return _rows_of(role, "letters", LETTER_FIELDS)
    if path == "/telusur#dispositions":
        return _rows_of(role, "dispositions", LETTER_FIELDS)
    tree = re.fullmatch(r"/telusur/sipadek/(canary-letter-.*)", path)
    if tree is None:
        return set()
    (letter,) = found_in(tree[1]) or {Canary("", "", "")}
    here = _rows_of(role, "letters", LETTER_FIELDS) | _rows_of(role, "dispositions", frozenset({"instruction"}))
    return {c for c in here if (c.security, c.place) == (letter.security, letter.place) and c.field != "letter"}


def _rows_of(role: str, dataset: str, fields: frozenset[str]) -> set[Canary]:
    fields = SEEN[role] & fields
    places = OF_HEAD if role == "head" else STORED
    if dataset == "dispositions":
        places = places - {"KOMINFO"}  # its letters have none
    found = {Canary(*c) for c in itertools.product(fields, CLASSES[: CLEARED[role]], places)}
    # A letter of the head's unit whose source names no class is as biasa (docs/privacy.md).
    return found | {Canary(field, "unsaid", "unsaid") for field in fields if dataset == "letters"}


def _bare(place: str) -> str:
    return place.replace("-", "")


# --- the source ---


def rows(dataset: str) -> list[dict[str, Any]]:
    """As feed v1 sends them: every class in every unit, rows that are refused, and rows that are deleted."""
    return {"units": _units, "letters": _letters, "dispositions": _dispositions}[dataset]()


def _units() -> list[dict[str, Any]]:
    more = {"kind": "department", "calendar": None, "valid_from": None, "valid_to": None, "updated_at": _at(300)}
    return [{"code": code, "name": f"Unit {code}", "parent": parent, **more} for code, parent in UNITS]


def _letters() -> list[dict[str, Any]]:
    made = [_letter(security, unit, unit) for security in CLASSES for unit, _ in UNITS]
    made += [_letter(security, "KOMINFO", "crossing") for security in CLASSES]
    made += [_letter(security, OWN, "deleted") | {"deleted": True} for security in CLASSES]
    made += [_letter(security, OWN, "refused") | {"kind": "canary-kind-x-refused"} for security in CLASSES]
    made.append(_letter("unsaid", OWN, "unsaid") | {"security": None})
    made.append(_letter("wrong", OWN, "wrong") | {"security": "canary-security-x-refused"})
    return made


def _letter(security: str, unit: str, place: str) -> dict[str, Any]:
    def canary(field: str) -> str:
        return str(Canary(field, security, place))

    return {
        "id": canary("letter"),
        "kind": "incoming",
        "type": "surat_dinas",
        "category": "general",
        "urgency": "segera",
        "security": security,
        "number": canary("number"),
        "subject": canary("subject"),
        "sender_kind": "citizen",
        "sender": canary("sender"),
        "unit": unit,
        "medium": "electronic",
        "registered_at": _at(20),
        "updated_at": _at(10),
        "deleted": False,
    }


def _dispositions() -> list[dict[str, Any]]:
    made = [_disposition(security, unit, unit) for security in CLASSES for unit, _ in UNITS if unit != "KOMINFO"]
    made += [_disposition(security, OWN, "crossing") for security in CLASSES]
    made += [_disposition(security, OWN, "deleted") | {"deleted": True} for security in CLASSES]
    made += [_disposition(security, OWN, "refused") | {"channel": "canary-channel-x-refused"} for security in CLASSES]
    return made


def _disposition(security: str, unit: str, place: str) -> dict[str, Any]:
    return {
        "id": str(Canary("disposition", security, place)),
        "letter_id": str(Canary("letter", security, place)),
        "parent_id": None,
        "from_office": "walikota",
        "to_unit": unit,
        "channel": "text",
        "device": "phone",
        "instruction": f"laksanakan {Canary('instruction', security, place)}",
        "issued_at": _at(15),
        "updated_at": _at(10),
        "deleted": False,
    }


def _at(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()
