"""Boards: one a subject, computed whole, hashed; a changed board takes the new epoch."""

from coc.boards.at_hand import computed
from coc.boards.board import CITY, KPI_COLUMNS, Board
from coc.boards.builder import Builder, Snapshot, built_elsewhere
from coc.boards.city import ALL, POPULATIONS, PUBLIC
from coc.boards.keeper import Keeper, KeepingThread

__all__ = [
    "ALL",
    "CITY",
    "KPI_COLUMNS",
    "POPULATIONS",
    "PUBLIC",
    "Board",
    "Builder",
    "Keeper",
    "KeepingThread",
    "Snapshot",
    "built_elsewhere",
    "computed",
]
