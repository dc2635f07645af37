"""The store's own error."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""
