"""What a look at the city says of one rule and one scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# bad: beyond the threshold. well: past where it is over. between: neither. unknown: nothing is known now.
Verdict = Literal["bad", "well", "between", "unknown"]
Kind = Literal["kpi", "feed", "ap", "service"]
Key = tuple[str, str]  # (rule, scope)

CITY = ""
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Finding:
    """`scope`: "" the city; a unit's code; a feed's or an application's name; `ap:X` `site:X` `link:X` `area:X` or `*`.

    `name`: as people call it. `value`, `limit`: the figure and its threshold, or how many points it is about and None.
    `since`: when it began by the data itself, None: unknown. `detail`: a code, such as a feed's state. `members`: the
    points that it is about. `tellable`: whether the value may leave the house.
    """

    rule: str
    scope: str
    kind: Kind
    name: str
    verdict: Verdict
    value: float | None = None
    limit: float | None = None
    since: datetime | None = None
    detail: str = ""
    members: tuple[str, ...] = ()
    tellable: bool = True

    @property
    def key(self) -> Key:
        return self.rule, self.scope
