"""A realm's store and the control store: SQLite by default, PostgreSQL by URL. The only home of SQL."""

from coc.store.boards import BoardRow, BoardsHead
from coc.store.control import AuditChoice, AuditLine, AuditRow, Control, Token
from coc.store.engine import StoreError, Tx
from coc.store.feeds import FeedRecord, Good, Position, Run
from coc.store.item_kpis import KPIS, OF_A_WHOLE, Aged, Question, Span
from coc.store.kept import KeptRow
from coc.store.lease import BOARDS, PULLS, Candidate, Leader, Lease, LostLeaseError
from coc.store.letter_items import Found
from coc.store.letter_rows import Wanted
from coc.store.letter_sight import Sight
from coc.store.quarantine import Choice, Quarantined, Rejected
from coc.store.schema import SchemaError, SchemaState
from coc.store.store import Store, open_store

__all__ = [
    "BOARDS",
    "KPIS",
    "OF_A_WHOLE",
    "PULLS",
    "Aged",
    "AuditChoice",
    "AuditLine",
    "AuditRow",
    "BoardRow",
    "BoardsHead",
    "Candidate",
    "Choice",
    "Control",
    "FeedRecord",
    "Found",
    "Good",
    "KeptRow",
    "Leader",
    "Lease",
    "LostLeaseError",
    "Position",
    "Quarantined",
    "Question",
    "Rejected",
    "Run",
    "SchemaError",
    "SchemaState",
    "Sight",
    "Span",
    "Store",
    "StoreError",
    "Token",
    "Tx",
    "Wanted",
    "open_store",
]
