"""The programme of free WiFi: sites by stage against target, their use, the months behind and ahead, waiting schools.

Its points' samples tell the use alone: a source of samples that is silent makes no stage older.
"""

from coc.boards.subject import Subject
from coc.domain.datasets import Dataset
from coc.metrics import burnup, programme

SUBJECT = Subject(
    "programme",
    (),
    frozenset({Dataset.SITES, Dataset.ACCESS_POINTS}),
    {
        "burnup": burnup.burnup,
        "outlook": burnup.outlook,
        "by_kind": programme.by_kind,
        "by_area": programme.by_area,
        "funding": programme.funding,
        "schools": programme.waiting_schools,
        "use": programme.site_use,
        "totals": programme.totals,
    },
)
