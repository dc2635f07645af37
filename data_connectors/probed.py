"""What a probe saw, as canonical frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from data_connectors.client import shown
from data_connectors.keeping import objects
from data_connectors.probing import Link, Seen, Service, Tried


def service_rows(services: Mapping[str, Service], certificates: Mapping[str, datetime]) -> pd.DataFrame:
    """`certificates`: when the certificate that a service showed ends."""
    return pd.DataFrame(
        {
            "source_id": objects(list(services)),
            "name": objects([s.name or key for key, s in services.items()]),
            "url": objects([shown(s.url) for s in services.values()]),
            "owner_unit": objects([s.owner_unit for s in services.values()]),
            "certificate_until": objects([certificates.get(key) for key in services]),
        }
    )


def link_rows(links: Mapping[str, Link]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": objects(list(links)),
            "name": objects([link.name or key for key, link in links.items()]),
            "site": objects([link.site for link in links.values()]),
            "unit": objects([link.unit for link in links.values()]),
            "provider": objects([link.provider for link in links.values()]),
        }
    )


def service_samples(seen: Sequence[Seen], vantage: str | None, at: pd.Timestamp) -> pd.DataFrame:
    seen = sorted(seen, key=lambda one: one.service)
    return pd.DataFrame(
        {
            "service": pd.Series([s.service for s in seen], dtype="str"),
            "vantage": objects([vantage] * len(seen)),
            "at": pd.Series([at.tz_convert("UTC")] * len(seen), dtype="datetime64[us, UTC]"),
            "up": pd.Series([s.up for s in seen], dtype=bool),
            "status": pd.Series([s.status for s in seen], dtype="Int64"),
            "latency_ms": pd.Series([s.latency_ms for s in seen], dtype="float64"),
            "reason": objects([s.reason for s in seen]),
        }
    )


def link_samples(tried: Sequence[Tried], at: pd.Timestamp) -> pd.DataFrame:
    tried = sorted(tried, key=lambda one: one.link)
    return pd.DataFrame(
        {
            "link": pd.Series([t.link for t in tried], dtype="str"),
            "at": pd.Series([at.tz_convert("UTC")] * len(tried), dtype="datetime64[us, UTC]"),
            "up": pd.Series([t.up for t in tried], dtype=bool),
            "latency_ms": pd.Series([t.latency_ms for t in tried], dtype="float64"),
            "loss": pd.Series([t.loss for t in tried], dtype="float64"),
        }
    )
