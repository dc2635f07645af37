"""Every board as it would be built now, kept nowhere: for who asks once and serves nobody."""

from __future__ import annotations

import pandas as pd

from coc.boards import feeds_board
from coc.boards.board import Board
from coc.boards.builder import BoardKey, Snapshot
from coc.boards.city import ALL, Context, cities_of, provided_by
from coc.boards.live_frames import LiveFrames
from coc.boards.subject import compute_awaited, compute_subject
from coc.boards.subjects import SUBJECTS
from coc.clock import Clock
from coc.ingest.basis import Basis
from coc.settings.models import Realm, Settings
from coc.store import Store


def computed(store: Store, settings: Settings, realm: Realm, clock: Clock) -> Snapshot:
    """The boards of the whole population, of epoch 0, without chart frames."""
    now, context = pd.Timestamp(clock.now()), Context.of(store, settings, realm)
    live = LiveFrames(store, Basis.of(settings, realm))
    live.refresh(now, context.calendars)
    feeds = feeds_board.build(store, settings, realm, clock, context.calendars, {})
    city = cities_of(live.frames, live.pasts, context, now, provided_by(settings, realm), known=live.known)[ALL]
    boards: dict[BoardKey, Board] = {}
    at = now.to_pydatetime()
    for subject in SUBJECTS:
        make = compute_awaited if subject.moving & feeds.awaited else compute_subject
        kpis, _frames = make(subject, city)
        boards[subject.name, ALL] = Board(subject.name, ALL, 0, "", at, None, kpis)
    return Snapshot(0, boards, {}, store.commit_number(), at, feeds.as_of)
