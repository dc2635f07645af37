"""From connectors to the store: pull, clean, validate, quarantine, compare, derive, commit, on a schedule."""

from coc.ingest.derivation import rederive, settle
from coc.ingest.feeds import Feed, feed_states
from coc.ingest.leading import LedScheduler
from coc.ingest.pull import pull_connector
from coc.ingest.report import PullReport, sentence
from coc.ingest.retry import Retried, retry
from coc.ingest.scheduler import Scheduler

__all__ = [
    "Feed",
    "LedScheduler",
    "PullReport",
    "Retried",
    "Scheduler",
    "feed_states",
    "pull_connector",
    "rederive",
    "retry",
    "sentence",
    "settle",
]
