"""The store's own errors."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class RefusedError(StoreError):
    """The server is there and will not have us, or the address cannot be right: waiting mends nothing."""
