"""The ids that `targets:` may name: those of the API contract. A KPI that a file adds is passed to the loader."""

from __future__ import annotations

from typing import Final

KPI_IDS: Final = (
    "correspondence.registered_today",
    "correspondence.completed_today",
    "correspondence.registered_per_working_day",
    "correspondence.undispositioned",
    "correspondence.paperless_rate",
    "correspondence.paperless_rate_all",
    "correspondence.sheets_saved",
    "disposition.backlog",
    "disposition.overdue",
    "disposition.due_soon",
    "disposition.followup_hours_p50",
    "disposition.followup_hours_p85",
    "disposition.followup_hours_p95",
    "disposition.on_time_rate",
    "disposition.net_flow",
    "disposition.days_to_clear",
    "disposition.outside_hours_share",
    "leaders.first_disposition_hours_p50",
    "adoption.rate",
    "adoption.breadth",
    "wifi.up",
    "wifi.degraded",
    "wifi.down",
    "wifi.no_data",
    "wifi.availability_24h",
    "wifi.availability_30d",
    "wifi.clients",
    "wifi.installed",
    "wifi.target",
    "wifi.schools_served",
    "apps.up",
    "apps.down",
    "apps.availability_24h",
    "apps.latency_ms_p95",
)
