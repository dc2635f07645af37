"""Why a row is refused, in words: what was wrong, and how to mend it (`/sumber` translates by the same codes).

`{field}` is the canonical column, `{source}` the connector. The codes are stable: they are stored, and part of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AGAIN: Final = "then `coc quarantine retry --source {source}`"
_MAPPING: Final = f"correct `fields` or `values` of {{source}} in config.yaml, {_AGAIN}"
_SOURCE: Final = "correct the row in the source; it comes in good with the next pull"

# code -> (what was wrong, how to mend it)
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "missing_required": (
        "`{field}` is empty, and no figure can be computed without it",
        f"fill it in the source; or, where it stands in another column, {_MAPPING}",
    ),
    "bad_type": (
        "`{field}` cannot be read as what it must be: a time with its offset, a whole number, a plain text",
        f"{_SOURCE}; or {_MAPPING}",
    ),
    "unknown_value": (
        "`{field}` holds a value that is none of those it may hold",
        "map it to one of ours with `values: {{{field}: {{<theirs>: <ours>}}}}` of {source} in config.yaml, "
        + _AGAIN
        + "; a kind without `values` owes our own words (docs/feed-v1.md)",
    ),
    "out_of_range": ("`{field}` is a number outside its range", _SOURCE),
    "in_future": (
        "`{field}` lies more than an hour ahead of the clock",
        "check the clock of the source (NTP) and the zone in `time: {{zone: ...}}`; it is tried again by itself when "
        "its time has come",
    ),
    "completed_before_issued": ("it was completed before it was issued", _SOURCE),
    "unknown_unit": (
        "`{field}` names a unit that is in no list of units",
        "add the unit where {source} takes its units from, or map the code with `values`; rows are tried again by "
        "themselves when new units come",
    ),
    "unknown_calendar": (
        "`{field}` names a calendar that config.yaml does not have",
        f"add it to `calendar.profiles` in config.yaml, {_AGAIN}",
    ),
    "bad_time": (
        "`{field}` is not written as `time.format` says",
        "correct `time: {{format: ...}}` of {source} in config.yaml, " + _AGAIN,
    ),
    "no_zone": (
        "`{field}` is a time without an offset, so nobody knows which hour it means",
        "set `time: {{zone: Asia/Jakarta}}` of {source} in config.yaml, " + _AGAIN,
    ),
    "not_unique": (
        "two rows go by the same `{field}`, so nobody knows which is meant",
        "give them different names in the source, or another `key` to {source} in config.yaml",
    ),
    "not_an_object": ("the source sent something that is no row at all", "tell whoever keeps the source's API"),
    "unreadable": (
        "the row of the file has another shape than its header",
        "correct that row of the file (a separator within a text needs quotes); it comes in good with the next pull",
    ),
}


def in_words(reason: str, field: str, source: str) -> tuple[str, str]:
    """What was wrong with a row, and how to mend it. A code nobody knows is shown as it is."""
    what, mend = REASONS.get(reason, (f"{reason}: `{{field}}`", _SOURCE))
    named = {"field": field or "the row", "source": source}
    return what.format(**named), mend.format(**named)
