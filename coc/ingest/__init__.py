"""From connectors to the store: pull, clean, validate, quarantine, compare, derive, commit, on a schedule."""

from coc.ingest.derivation import rederive
from coc.ingest.feeds import Feed, feed_states
from coc.ingest.pull import pull_connector
from coc.ingest.report import PullReport, sentence

__all__ = ["Feed", "PullReport", "feed_states", "pull_connector", "rederive", "sentence"]
