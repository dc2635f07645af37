"""One alert an event of the network: a site that is down whole is one, and what remains of it is still the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from coc.alerts.findings import Finding
from coc.alerts.machine import JOINED, State
from coc.alerts.network import Network, of_network
from coc.settings.alerts import Rule

T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
SITES = {"a1": "S1", "a2": "S1", "a3": "S1", "b1": "S2"}


def network(*events: tuple[Any, ...], resting: frozenset[str] = frozenset(), **states: str) -> Network:
    """Events as (kind, entity, cause, members, silent)."""
    rows = [
        {
            "event": f"{kind}:{entity}", "kind": kind, "entity": entity, "cause": cause, "name": entity, "site": "S1",
            "area": "Telanaipura", "start": pd.Timestamp(T0), "silent": silent,
        }
        for kind, entity, cause, _, silent in events
    ]  # fmt: skip
    columns = ["event", "kind", "entity", "cause", "name", "site", "area", "start", "silent"]
    down = {ap for event in events for ap in event[3]}
    points = pd.DataFrame(
        [
            {
                "ap": ap, "state": states.get(ap, "down" if ap in down else "up"), "name": ap, "site": site,
                "site_name": site, "area": "Telanaipura",
            }
            for ap, site in SITES.items()
        ]
    ).set_index("ap")  # fmt: skip
    services = pd.DataFrame({"state": [states.get("ppdb", "up")], "name": ["PPDB"]}, index=["ppdb"])
    members = {f"{kind}:{entity}": tuple(aps) for kind, entity, _, aps, _ in events}
    return Network(pd.DataFrame(rows, columns=columns), members, points, services, resting)


def judged(seen: Network, *held: State, **rule: Any) -> list[Finding]:
    asked = Rule.model_validate({"ap_state": "down"} | rule)
    return list(of_network({"wifi": asked}, seen, held))


def firing(scope: str, *members: str) -> State:
    return State("wifi", scope, "ap", scope, "firing", T0, fired=T0 + timedelta(minutes=5), members=members)


def test_a_site_that_is_down_whole_is_one_alert_with_all_its_points() -> None:
    [found] = judged(network(("site", "S1", "upstream", ["a1", "a2", "a3"], False)))
    assert (found.scope, found.verdict, found.value, found.since) == ("site:S1", "bad", 3, T0)
    assert found.members == ("a1", "a2", "a3")


def test_what_remains_of_an_outage_is_still_that_outage() -> None:
    remains = network(("ap", "a2", "fault", ["a2"], False), ("ap", "a3", "fault", ["a3"], False))
    [found] = judged(remains, firing("site:S1", "a1", "a2", "a3"))
    assert (found.scope, found.verdict, found.value) == ("site:S1", "bad", 2)


def test_an_alert_of_one_point_goes_into_that_of_its_site() -> None:
    found = judged(network(("site", "S1", "upstream", ["a1", "a2", "a3"], False)), firing("ap:a1", "a1"))
    assert [(f.scope, f.verdict, f.detail) for f in found] == [
        ("site:S1", "bad", "upstream"),
        ("ap:a1", "well", JOINED),
    ]


def test_what_is_up_again_is_well_and_what_is_not_heard_of_is_unknown() -> None:
    assert judged(network(), firing("ap:a1", "a1"))[0].verdict == "well"
    assert judged(network(a1="no_data"), firing("ap:a1", "a1"))[0].verdict == "unknown"


def test_maintenance_and_a_silent_source_fire_nothing() -> None:
    assert judged(network(("site", "S1", "maintenance", ["a1", "a2"], False))) == []
    assert judged(network(("source", "prometheus", "source", [], True))) == []
    assert judged(network(("ap", "a1", "fault", ["a1"], True))) == []  # not heard of is not down
    resting = network(("ap", "a1", "fault", ["a1"], False), resting=frozenset({"a1"}))
    assert [(f.verdict, f.detail) for f in judged(resting, firing("ap:a1", "a1"))] == [("well", "maintenance")]


def test_a_rule_for_points_that_are_not_heard_of_tells_of_those_alone() -> None:
    seen = network(("ap", "a1", "fault", ["a1"], True), ("ap", "b1", "fault", ["b1"], False), a1="no_data")
    assert [f.scope for f in judged(seen, ap_state="no_data")] == ["ap:a1"]


def test_events_are_grouped_as_the_rule_asks() -> None:
    seen = network(("ap", "a1", "fault", ["a1"], False), ("ap", "a2", "fault", ["a2"], False))
    assert [f.scope for f in judged(seen)] == ["ap:a1", "ap:a2"]
    for by, scope in (("site", "site:S1"), ("area", "area:Telanaipura"), ("rule", "*")):
        [found] = judged(seen, group_by=by)
        assert (found.scope, found.value) == (scope, 2)


def test_an_application_is_its_own_alert_and_one_without_data_keeps_its_state() -> None:
    def of_services(seen: Network, *held: State) -> list[tuple[str, str]]:
        rule = Rule.model_validate({"service_state": "down"})
        return [(f.scope, f.verdict) for f in of_network({"wifi": rule}, seen, held)]

    down = State("wifi", "ppdb", "service", "PPDB", "firing", T0, fired=T0)
    assert of_services(network(ppdb="down")) == [("ppdb", "bad")]
    assert of_services(network()) == []
    assert of_services(network(), down) == [("ppdb", "well")]
    assert of_services(network(ppdb="no_data"), down) == [("ppdb", "unknown")]
