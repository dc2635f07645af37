"""Who may see what: the only way pages and API read boards."""

from coc.access.audit import Audit
from coc.access.gatekeeper import DEMO_LENS, LENS_COOKIE, Gatekeeper
from coc.access.items import Items
from coc.access.points import PointReader
from coc.access.reader import Figure, Reader
from coc.access.rows import Rows
from coc.access.series import SeriesReader
from coc.access.services import ServiceReader
from coc.access.sessions import Sessions
from coc.access.sign_in import SignIn
from coc.access.table import Right
from coc.access.tokens import Tokens
from coc.access.viewer import LENSES, Lens, Refusal, Viewer, lens_named

__all__ = [
    "DEMO_LENS",
    "LENSES",
    "LENS_COOKIE",
    "Audit",
    "Figure",
    "Gatekeeper",
    "Items",
    "Lens",
    "PointReader",
    "Reader",
    "Refusal",
    "Right",
    "Rows",
    "SeriesReader",
    "ServiceReader",
    "Sessions",
    "SignIn",
    "Tokens",
    "Viewer",
    "lens_named",
]
