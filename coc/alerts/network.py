"""From the network to findings: one alert an event, not one a point. Pure.

`events`: the outages that go on (`coc.metrics.outages`): event, kind, cause, entity, name, site, area, start, silent.
`points`: by ap (index) state, name, site, area; `services`: by service (index) state, name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import pandas as pd

from coc.alerts.findings import EVERYTHING, Finding
from coc.alerts.machine import JOINED, State
from coc.settings.alerts import Rule

MAINTENANCE: Final = "maintenance"
_SOURCE: Final = "source"  # a source that is silent says nothing of its points: its own rule tells that
_POINTS: Final = ("ap", "site", "link")
_NO_DATA: Final = "no_data"


@dataclass(frozen=True, slots=True)
class Network:
    """The present state of what is watched. `members`: by event, its access points.

    `resting`: the points that are in a maintenance window now.
    """

    events: pd.DataFrame
    members: Mapping[str, tuple[str, ...]]
    points: pd.DataFrame
    services: pd.DataFrame
    resting: frozenset[str] = field(default_factory=frozenset)


@dataclass(slots=True)
class _Group:
    scope: str
    name: str
    since: datetime | None
    detail: str
    members: set[str]


def of_network(rules: Mapping[str, Rule], network: Network, held: Iterable[State]) -> Iterator[Finding]:
    """What is bad now, and of what was bad and is held, whether it is well by now."""
    states = list(held)
    for name, rule in rules.items():
        mine = [state for state in states if state.rule == name and state.phase != "over"]
        if rule.ap_state is not None:
            yield from _of_points(name, rule, network, mine)
        elif rule.service_state is not None:
            yield from _of_services(name, rule, network, mine)


def _of_points(name: str, rule: Rule, network: Network, held: list[State]) -> Iterator[Finding]:
    groups: dict[str, _Group] = {}
    told = [state for state in held if state.live and rule.group_by == "event"]
    for group in _bad_points(rule, network):
        # What remains of an outage that was told is still that outage.
        whole = next((s for s in told if group.members <= set(s.members)), None)
        if whole is not None:
            group = replace(group, scope=whole.scope, name=whole.name, since=whole.since)
        known = groups.get(group.scope)
        if known is None:
            groups[group.scope] = group
        else:
            known.members |= group.members
            known.since = min((at for at in (known.since, group.since) if at is not None), default=None)
    for group in groups.values():
        was = next((s.members for s in held if s.scope == group.scope), ())
        members = tuple(sorted(group.members | set(was)))
        count = float(len(group.members))
        yield Finding(name, group.scope, "ap", group.name, "bad", count, None, group.since, group.detail, members)
    bad = {ap for group in groups.values() for ap in group.members}
    for state in held:
        if state.scope not in groups:
            yield _quiet(name, rule, state, network, bad)


def _bad_points(rule: Rule, network: Network) -> Iterator[_Group]:
    if rule.ap_state == "degraded":
        slow = network.points[network.points["state"] == "degraded"]
        for ap, row in zip(slow.index, slow.to_dict("records"), strict=True):
            if ap not in network.resting:
                yield _grouped(rule, f"ap:{ap}", {**row, "entity": ap, "start": None, "cause": ""}, {str(ap)})
        return
    events = network.events
    mine = events["kind"].isin(_POINTS) & ~events["cause"].isin([MAINTENANCE, _SOURCE])
    mine &= events["silent"] == (rule.ap_state == _NO_DATA)
    for row in events[mine].to_dict("records"):
        members = set(network.members.get(str(row["event"]), ())) - network.resting
        if members:
            yield _grouped(rule, f"{row['kind']}:{row['entity']}", row, members)


def _grouped(rule: Rule, scope: str, row: Mapping[Any, Any], members: set[str]) -> _Group:
    since = None if row["start"] is None or pd.isna(row["start"]) else pd.Timestamp(row["start"]).to_pydatetime()
    name, detail = str(row["name"]), str(row["cause"])
    if rule.group_by == "rule":
        return _Group(EVERYTHING, "", since, detail, members)
    if rule.group_by in ("site", "area"):
        found = row[rule.group_by]
        if found is not None and not pd.isna(found):
            shown = str(row.get("site_name") or found) if rule.group_by == "site" else str(found)
            return _Group(f"{rule.group_by}:{found}", shown, since, detail, members)
    return _Group(scope, name, since, detail, members)


def _quiet(name: str, rule: Rule, state: State, network: Network, bad: set[str]) -> Finding:
    """What was bad and is in no event now: well, unless nothing is known of it, or it went into something larger."""
    members = set(state.members)
    finding = Finding(name, state.scope, state.kind, state.name, "well", 0.0, members=state.members)
    if members & network.resting:
        return replace(finding, detail=MAINTENANCE)
    if members & bad:
        return replace(finding, detail=JOINED)
    known = network.points["state"].reindex(state.members)
    silent = (known == _NO_DATA).any() and rule.ap_state != _NO_DATA
    return replace(finding, verdict="unknown", value=None) if silent else finding


def _of_services(name: str, rule: Rule, network: Network, held: list[State]) -> Iterator[Finding]:
    events = network.events[network.events["kind"] == "service"]
    began = dict(zip(events["entity"], events["start"], strict=True))
    resting = set(events["entity"][events["cause"] == MAINTENANCE])
    before = {state.scope for state in held}
    for service, row in zip(network.services.index, network.services.to_dict("records"), strict=True):
        if rule.service not in (EVERYTHING, service):
            continue
        state, since = str(row["state"]), began.get(service)
        bad = state == rule.service_state
        if not bad and str(service) not in before:
            continue
        finding = Finding(name, str(service), "service", str(row["name"]), "bad" if bad else "well", detail=state)
        if service in resting:
            finding = replace(finding, verdict="well", detail=MAINTENANCE)
        elif bad:
            at = None if since is None or pd.isna(since) else pd.Timestamp(since).to_pydatetime()
            finding = replace(finding, since=at)
        elif state == _NO_DATA:
            finding = replace(finding, verdict="unknown")
        yield finding
