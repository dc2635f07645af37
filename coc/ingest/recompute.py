"""States and rollups made anew from the samples: after a changed limit or polling interval, or of an older store."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np
import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT
from coc.ingest import closed
from coc.ingest.basis import Basis, sampled_by
from coc.ingest.states import Moves
from coc.metrics.buckets import FIVE_MINUTES, chosen, joined, less
from coc.metrics.heads import no_heads
from coc.settings.models import Realm, Settings
from coc.store import Store, Tx, ledger
from coc.store.state_tables import state_stale

log = logging.getLogger(__name__)

_SLICE: Final = 20  # entities a transaction: a month of each is half a million samples


def settle_states(store: Store, settings: Settings, realm: Realm) -> int:
    """Compute anew what was computed from other limits, polling intervals or maintenance, or never; how many.

    Each slice is a commit of its own, so a stop in between loses nothing. Until its turn comes an entity keeps what
    was known of it, and its new samples wait with it.
    """
    basis = Basis.of(settings, realm)
    with store.commit(ledger.RECOMPUTED) as tx:
        basis.note(tx, sampled_by(tx))
        closed.note(tx, basis.maintenance, whole=True)
    done, total = 0, _waiting(store)
    while done < total or _waiting(store):
        with store.commit(ledger.RECOMPUTED) as tx:
            done += _compute_some(tx, basis)
        log.info("states: %d of %d computed anew", done, max(total, done))
    return done


def _waiting(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(state_stale)).scalar_one())


def _compute_some(tx: Tx, basis: Basis) -> int:
    """The next slice of one dataset; how many entities."""
    c = state_stale.c
    rows = tx.connection.execute(sa.select(c.dataset, c.entity).order_by(c.dataset, c.entity).limit(_SLICE)).all()
    if not rows:
        return 0
    dataset = Dataset(rows[0].dataset)
    entities = [r.entity for r in rows if r.dataset == dataset.value]
    _compute(tx, basis, dataset, entities)
    tx.connection.execute(sa.delete(state_stale).where(c.dataset == dataset.value, c.entity.in_(entities)))
    tx.touched = True
    return len(entities)


def _compute(tx: Tx, basis: Basis, dataset: Dataset, entities: list[str]) -> None:
    """From the oldest sample that is not forgotten, on what was known before it."""
    keys = ledger.sampled_keys(tx.connection, dataset, entities)
    if not keys:
        return
    n, floor = len(keys), ledger.floor(tx.connection)
    ever = np.full(n, np.iinfo("int64").max - FIVE_MINUTES)
    rows = ledger.read_samples(tx.connection, dataset, keys, np.full(n, floor), ever, basis.holds)
    opens = np.full(n, NAT)
    opens[rows.entity[rows.first]] = rows.taken[rows.first]
    seeds = no_heads(n)
    if floor != NAT:  # the mark of the first sample's own hour says what came before the floor
        seeds = ledger.heads_before(tx.connection, dataset, keys, opens, floor)
    moves = Moves(basis.limits, closed.renewed(tx, basis.maintenance, dataset, keys), n)
    moves.append(seeds, rows)
    sums = joined(moves.sums)
    held = ledger.read_rollups(tx.connection, dataset, FIVE_MINUTES, keys, floor, int(ever[0]))
    moves.sums = [less(chosen(sums, sums.at >= floor), held)]
    ledger.forget(tx, dataset, keys, floor)
    moves.save(tx, dataset, keys)
