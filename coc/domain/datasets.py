"""The canonical datasets: every connector fills these frames, every KPI reads them.

One `Column` row says all that the rest of the product needs to know of a column: its type, whether a row without it is
quarantined, the closed set of values it may hold. The pandera schemas, the store's tables and the drift rule are made
from this table, so a new column is one line here and one migration.

Times are UTC, tz-aware (``datetime64[us, UTC]``). A row's key is (``source``, ``source_id``), but for units (``code``)
and samples, which have no id of their own (``KEYS``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Dataset(StrEnum):
    UNITS = "units"
    LETTERS = "letters"
    DISPOSITIONS = "dispositions"
    SITES = "sites"
    ACCESS_POINTS = "access_points"
    AP_SAMPLES = "ap_samples"
    SERVICES = "services"
    SERVICE_SAMPLES = "service_samples"
    LINKS = "links"
    LINK_SAMPLES = "link_samples"


class Kind(StrEnum):
    """What a column holds; `dtype` of the pandas column in `DTYPES`."""

    TEXT = "text"
    TIME = "time"  # UTC instant
    DATE = "date"  # a civil date, no zone (stored as ISO text)
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"


DTYPES: Final[dict[Kind, str]] = {
    Kind.TEXT: "str",
    Kind.TIME: "datetime64[us, UTC]",
    Kind.DATE: "str",
    Kind.INT: "Int64",
    Kind.FLOAT: "float64",
    Kind.BOOL: "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    values: tuple[str, ...] | None = None  # a closed set; None: open
    future: bool = False  # may lie more than an hour ahead of now
    minimum: float | None = None
    maximum: float | None = None
    content: bool = False  # letter content: stored only where the connector's `keep` names it
    unit_ref: bool = False  # holds a unit code, which must be a known one


UNIT_KINDS: Final = (
    "secretariat",
    "inspectorate",
    "agency",
    "department",
    "district",
    "subdistrict",
    "hospital",
    "office",
    "other",
)
LETTER_KINDS: Final = ("incoming", "outgoing", "memo")
CATEGORIES: Final = ("general", "finance", "personnel", "legal", "unknown")
URGENCIES: Final = ("amat_segera", "segera", "penting", "biasa", "unknown")
SECURITIES: Final = ("biasa", "terbatas", "rahasia", "sangat_rahasia")
SENDER_KINDS: Final = ("institution", "unit", "citizen", "company")
MEDIA: Final = ("electronic", "paper")
CHANNELS: Final = ("text", "scanned_signature", "voice", "e_signature", "unknown")
DEVICES: Final = ("phone", "laptop", "desktop", "unknown")
SITE_STATUSES: Final = ("planned", "installing", "active", "retired")


def _time(name: str, *, required: bool = False, future: bool = False) -> Column:
    return Column(name, Kind.TIME, required=required, future=future)


COLUMNS: Final[dict[Dataset, tuple[Column, ...]]] = {
    Dataset.UNITS: (
        Column("code", required=True),
        Column("name", required=True),
        Column("kind", required=True, values=UNIT_KINDS),
        Column("parent"),
        Column("calendar"),
        Column("valid_from", Kind.DATE, future=True),
        Column("valid_to", Kind.DATE, future=True),
        _time("updated_at"),
    ),
    Dataset.LETTERS: (
        Column("source_id", required=True),
        Column("kind", required=True, values=LETTER_KINDS),
        Column("type", required=True),
        Column("category", required=True, values=CATEGORIES),
        Column("urgency", required=True, values=URGENCIES),
        Column("security", values=SECURITIES),
        Column("number", content=True),
        Column("subject", content=True),
        Column("sender_kind", values=SENDER_KINDS),
        Column("sender", content=True),
        Column("unit", required=True, unit_ref=True),
        Column("medium", required=True, values=MEDIA),
        Column("pages", Kind.INT, minimum=0),
        Column("copies", Kind.INT, minimum=0),
        _time("received_at"),
        _time("registered_at", required=True),
        _time("completed_at"),
        _time("updated_at"),
        Column("deleted", Kind.BOOL),
    ),
    Dataset.DISPOSITIONS: (
        Column("source_id", required=True),
        Column("letter_id", required=True),
        Column("parent_id"),
        Column("from_office", required=True),
        Column("to_unit", required=True, unit_ref=True),
        Column("to_office"),
        Column("channel", required=True, values=CHANNELS),
        Column("device", values=DEVICES),
        # The code the text maps to (`coc.domain.instructions`), never the text itself.
        Column("instruction", required=True),
        Column("instruction_text", content=True),
        _time("issued_at", required=True),
        _time("due_at", future=True),
        _time("read_at"),
        _time("started_at"),
        _time("completed_at"),
        _time("cancelled_at"),
        _time("updated_at"),
        Column("deleted", Kind.BOOL),
    ),
    Dataset.SITES: (
        Column("source_id", required=True),
        Column("name", required=True),
        Column("site_kind"),
        Column("area"),
        Column("unit", unit_ref=True),
        Column("status", required=True, values=SITE_STATUSES),
        _time("target_at", future=True),
        _time("installed_at", future=True),
        Column("capacity", Kind.INT, minimum=0),
        Column("funding"),
    ),
    Dataset.ACCESS_POINTS: (
        Column("source_id", required=True),
        Column("site"),
        Column("name", required=True),
        Column("lat", Kind.FLOAT, minimum=-90, maximum=90),
        Column("lon", Kind.FLOAT, minimum=-180, maximum=180),
    ),
    Dataset.AP_SAMPLES: (
        Column("ap", required=True),
        _time("at", required=True),
        Column("up", Kind.BOOL, required=True),
        Column("clients", Kind.INT, minimum=0),
        Column("rx_bps", Kind.FLOAT, minimum=0),
        Column("tx_bps", Kind.FLOAT, minimum=0),
        Column("latency_ms", Kind.FLOAT, minimum=0),
        Column("loss", Kind.FLOAT, minimum=0, maximum=1),
    ),
    Dataset.SERVICES: (
        Column("source_id", required=True),
        Column("name", required=True),
        Column("url"),
        Column("owner_unit", unit_ref=True),
        _time("certificate_until", future=True),  # when its TLS certificate ends; null: none, or not known
    ),
    Dataset.SERVICE_SAMPLES: (
        Column("service", required=True),
        Column("vantage"),  # a site or link; null: the COC's own room
        _time("at", required=True),
        Column("up", Kind.BOOL, required=True),
        Column("status", Kind.INT),
        Column("latency_ms", Kind.FLOAT, minimum=0),
        Column("reason"),
    ),
    Dataset.LINKS: (
        Column("source_id", required=True),
        Column("name", required=True),
        Column("site"),
        Column("unit", unit_ref=True),
        Column("provider"),
    ),
    Dataset.LINK_SAMPLES: (
        Column("link", required=True),
        _time("at", required=True),
        Column("up", Kind.BOOL, required=True),
        Column("latency_ms", Kind.FLOAT, minimum=0),
        Column("loss", Kind.FLOAT, minimum=0, maximum=1),
    ),
}

# The columns that make a row's key, `source` aside.
KEYS: Final[dict[Dataset, tuple[str, ...]]] = {
    Dataset.UNITS: ("code",),
    Dataset.LETTERS: ("source_id",),
    Dataset.DISPOSITIONS: ("source_id",),
    Dataset.SITES: ("source_id",),
    Dataset.ACCESS_POINTS: ("source_id",),
    Dataset.AP_SAMPLES: ("ap", "at"),
    Dataset.SERVICES: ("source_id",),
    Dataset.SERVICE_SAMPLES: ("service", "vantage", "at"),
    Dataset.LINKS: ("source_id",),
    Dataset.LINK_SAMPLES: ("link", "at"),
}

# What a connector `provides`: "dataset.column"; with this after it, a time of which the day alone is recorded.
TO_THE_DAY: Final = "@date"

SAMPLES: Final = (Dataset.AP_SAMPLES, Dataset.SERVICE_SAMPLES, Dataset.LINK_SAMPLES)
# What a sample is of: the entity's column, and the dataset that lists the entities.
SAMPLED: Final[dict[Dataset, tuple[str, Dataset]]] = {
    Dataset.AP_SAMPLES: ("ap", Dataset.ACCESS_POINTS),
    Dataset.SERVICE_SAMPLES: ("service", Dataset.SERVICES),
    Dataset.LINK_SAMPLES: ("link", Dataset.LINKS),
}

# Between an entity and the vantage it is seen from, where one text names both.
_SEEN_FROM: Final = "\x1f"


def seen_from(entity: str, vantage: str) -> str:
    """One name of both; `vantage` "": the COC's own room."""
    return f"{entity}{_SEEN_FROM}{vantage}"


def parted(name: str) -> tuple[str, str]:
    """The inverse; a name without a vantage is seen from the COC's own room."""
    entity, _, vantage = name.partition(_SEEN_FROM)
    return entity, vantage


# Datasets whose newest record's own time tells whether a source is frozen.
MOVING: Final = (Dataset.LETTERS, Dataset.DISPOSITIONS, *SAMPLES)


def column_names(dataset: Dataset) -> list[str]:
    return [c.name for c in COLUMNS[dataset]]
