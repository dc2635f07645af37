"""A realm's store and the control store: SQLite by default, PostgreSQL by URL. The only home of SQL."""

from coc.store.boards import BoardRow
from coc.store.control import AuditRow, Control, Token
from coc.store.engine import StoreError, Tx
from coc.store.feeds import FeedRecord, Good, Position, Run
from coc.store.quarantine import Choice, Quarantined, Rejected
from coc.store.schema import SchemaError, SchemaState
from coc.store.store import Store, open_store

__all__ = [
    "AuditRow",
    "BoardRow",
    "Choice",
    "Control",
    "FeedRecord",
    "Good",
    "Position",
    "Quarantined",
    "Rejected",
    "Run",
    "SchemaError",
    "SchemaState",
    "Store",
    "StoreError",
    "Token",
    "Tx",
    "open_store",
]
