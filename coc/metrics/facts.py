"""The rows KPIs count, prepared once per city as numpy columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, Bools, Floats, Micros, micros_of, to_days, to_micros
from coc.metrics.city import City, Part, WindowName

T = TypeVar("T")
Rows = TypeVar("Rows", "Letters", "Dispositions")
Positions = npt.NDArray[np.intp]

Days = npt.NDArray[np.int16]

CITY = ""
LATER, EARLIER = 1_000, -1_000  # city days that are none of the boards'
NEVER = int(np.iinfo("int64").max)
LEADERS = ("walikota", "wakil_walikota", "sekda")


def once(city: City, key: str, make: Callable[[], T]) -> T:
    """What `make` gives, computed once per city."""
    if key not in city.memo:
        city.memo[key] = make()
    found: T = city.memo[key]
    return found


def scopes(city: City) -> pd.Series[Any]:
    """The city (""), then every unit of the list, once."""
    return once(city, "scopes", lambda: pd.Series([CITY, *pd.unique(city.units["code"])], dtype="str"))


def positions(city: City, units: pd.Series[Any]) -> Positions:
    """Where unit codes stand in `scopes`; 0 for a unit that is not on the list (it counts for the city alone)."""
    index = once(city, "unit_index", lambda: pd.Index(scopes(city).iloc[1:]))
    return places(index, units) + 1


def places(index: pd.Index[Any], texts: pd.Series[Any]) -> Positions:
    """Where each text stands in the index, -1 for one that is not in it."""
    if not isinstance(texts.dtype, pd.CategoricalDtype):
        return np.asarray(index.get_indexer(pd.Index(texts)), dtype=np.intp)
    # Of the few words, not of each row; -1, for null, takes the last.
    of_words = index.get_indexer(pd.Index(texts.cat.categories, dtype="str"))
    return np.append(of_words, -1).astype(np.intp)[texts.cat.codes.to_numpy()]


def flag(frame: pd.DataFrame, column: str) -> Bools:
    """A boolean column; null and a column that is not there mean False."""
    if column not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[column].astype("boolean").fillna(False).to_numpy(dtype=bool)


def numbers(column: pd.Series[Any], missing: float) -> Floats:
    return column.to_numpy(dtype="float64", na_value=missing)


def letter_types(city: City) -> list[str]:
    """The configured letter types, each once."""
    return list(dict.fromkeys(city.letter_types))


def now_of(city: City) -> int:
    return micros_of(city.now)


def today_of(city: City) -> date:
    """The city's date."""
    return once(city, "today", lambda: city.calendars.today(city.now))


def window_start(city: City, window: WindowName) -> int:
    """The city midnight N-1 days before today's."""
    return midnight_before(city, int(window[:-1]) - 1)


def midnight_before(city: City, days: int) -> int:
    def find() -> int:
        return micros_of(city.calendars.midnight(today_of(city) - timedelta(days=days)))

    return once(city, f"midnight-{days}", find)


def within(at: Micros, first: int, last: int) -> Bools:
    """Closed at both ends; a missing time is in no window."""
    return (at >= first) & (at <= last)


def before(at: Micros, first: int, end: int) -> Bools:
    """Of complete days: at or after their first midnight, before the one that ends them."""
    return (at >= first) & (at < end)


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters that are not deleted. `unit`: position in scopes. Times: microseconds, `NAT` where missing."""

    unit: Positions
    registered: Micros
    completed: Micros
    incoming: Bools
    electronic: Bools
    exempt: Bools
    type: Positions  # place in `letter_types`, -1 for one that is not listed
    sheets: Floats  # pages x copies, the limits' defaults where the source gives none


@dataclass(frozen=True, slots=True)
class Dispositions:
    """Dispositions that are not deleted nor of a deleted letter; one whose letter has not arrived is among them."""

    unit: Positions
    issued: Micros
    due: Micros
    completed: Micros
    cancelled: Micros
    follow_up: Bools  # the instruction needs it
    hours: Floats  # working hours of follow-up, NaN while open
    outside: Bools  # issued outside working time (default calendar)
    leader: Bools  # from an office of `LEADERS`

    @property
    def nf(self) -> Bools:
        """Needs follow-up and is not cancelled."""
        found: Bools = self.follow_up & (self.cancelled == NAT)
        return found


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of few distinct texts: `words`, sorted, and of each row its place among them, -1 where it is null.

    A word may be no row's.
    """

    words: tuple[str, ...]
    places: Positions

    def where(self, word: str) -> Bools:
        """The rows that have this word."""
        found: Bools = self.places == (self.words.index(word) if word in self.words else -2)
        return found

    def among(self, words: Collection[str]) -> Bools:
        """The rows that have one of these words."""
        return np.array([*(word in words for word in self.words), False])[self.places]  # -1, for null, is the last


def letter_column(city: City, column: str) -> Coded:
    """A column of texts of the rows of `letters`."""
    return _coded(city, "letters", column)


def disposition_column(city: City, column: str) -> Coded:
    """A column of texts of the rows of `dispositions`."""
    return _coded(city, "dispositions", column)


def _coded(city: City, of: str, column: str) -> Coded:
    def prepare() -> Coded:
        if city.known_later is not None:
            whole = _coded(city.known_later, of, column)
            return Coded(whole.words, whole.places[city.memo[f"{of}.there"]])
        if city.part is not None:
            whole = _coded(city.part.whole, of, column)
            return Coded(whole.words, whole.places[(_kept_letters if of == "letters" else kept_dispositions)(city)])
        texts = (city.letters if of == "letters" else city.dispositions)[column]
        live = (live_letters if of == "letters" else live_dispositions)(city)
        if isinstance(texts.dtype, pd.CategoricalDtype):
            words = pd.Index(sorted(texts.cat.categories), dtype="str")
            return Coded(tuple(words), places(words, texts)[live])
        found, words = pd.factorize(texts[live], sort=True)
        return Coded(tuple(map(str, words)), np.asarray(found, dtype=np.intp))

    return once(city, f"{of}.{column}", prepare)


def letter_days(city: City, column: Literal["registered", "completed"]) -> Days:
    """The city day of each letter's time: 0 today, below it the past, `LATER` after now or where there is no time."""

    def find() -> Days:
        if city.part is not None:
            return letter_days(city.part.whole, column)[_kept_letters(city)]
        return day_numbers(city, getattr(letters(city), column))

    return once(city, f"letters.{column}-days", find)


def disposition_days(city: City, column: Literal["issued", "due", "completed", "cancelled"]) -> Days:
    """As `letter_days`, of dispositions."""

    def find() -> Days:
        if city.part is not None:
            return disposition_days(city.part.whole, column)[kept_dispositions(city)]
        return day_numbers(city, getattr(dispositions(city), column))

    return once(city, f"dispositions.{column}-days", find)


def day_numbers(city: City, at: Micros) -> Days:
    """City days from today, no further back than `EARLIER`. Small numbers: compared, and looked up, in no time."""
    found = np.maximum(city.calendars.days_of(at) - int(to_days(today_of(city))), EARLIER)
    found[(at == NAT) | (at > now_of(city))] = LATER
    return found.astype("int16")


def letters(city: City) -> Letters:
    def prepare() -> Letters:
        if city.part is not None:
            return _rows_of(letters(city.part.whole), _kept_letters(city))
        rows, live = city.letters, live_letters(city)
        kinds, media, categories = (letter_column(city, c) for c in ("kind", "medium", "category"))
        return Letters(
            unit=positions(city, rows["unit"])[live],
            registered=to_micros(rows["registered_at"])[live],
            completed=to_micros(rows["completed_at"])[live],
            incoming=kinds.where("incoming"),
            electronic=media.where("electronic"),
            exempt=categories.among(city.limits.paper_exempt),
            type=places(pd.Index(letter_types(city), dtype="str"), rows["type"])[live],
            sheets=(
                numbers(rows["pages"], city.limits.default_pages) * numbers(rows["copies"], city.limits.default_copies)
            )[live],
        )

    return once(city, "letters", prepare)


def dispositions(city: City) -> Dispositions:
    def prepare() -> Dispositions:
        if city.part is not None:
            return _rows_of(dispositions(city.part.whole), kept_dispositions(city))
        rows, live = city.dispositions, live_dispositions(city)
        offices = disposition_column(city, "from_office")
        return Dispositions(
            unit=positions(city, rows["to_unit"])[live],
            issued=to_micros(rows["issued_at"])[live],
            due=to_micros(rows["due"])[live],
            completed=to_micros(rows["completed_at"])[live],
            cancelled=to_micros(rows["cancelled_at"])[live],
            follow_up=flag(rows, "needs_follow_up")[live],
            hours=numbers(rows["followup_hours"], np.nan)[live],
            outside=flag(rows, "outside_hours")[live],
            leader=offices.among(LEADERS),
        )

    return once(city, "dispositions", prepare)


def live_letters(city: City) -> Bools:
    """Which rows of the frame `letters` counts, in the same order."""
    return once(city, "live_letters", lambda: ~flag(city.letters, "deleted"))


def live_dispositions(city: City) -> Bools:
    """Which rows of the frame `dispositions` counts, in the same order."""
    given = city.dispositions
    return once(city, "live_dispositions", lambda: ~(flag(given, "deleted") | flag(given, "letter_deleted")))


def _kept_letters(city: City) -> Bools:
    """Of the rows of the whole's `letters`, those of the part."""
    part = _part(city)
    return once(city, "kept_letters", lambda: part.letters[live_letters(part.whole)])


def kept_dispositions(city: City) -> Bools:
    """Of the rows of the whole's `dispositions`, those of the part."""
    part = _part(city)
    return once(city, "kept_dispositions", lambda: part.dispositions[live_dispositions(part.whole)])


def _part(city: City) -> Part:
    assert city.part is not None
    return city.part


def _rows_of(whole: Rows, kept: Bools) -> Rows:
    return type(whole)(**{f.name: getattr(whole, f.name)[kept] for f in fields(whole)})


def letter_of(city: City) -> Positions:
    """For each disposition the row of its letter in `letters`, -1 where it has not arrived. Ids are of one source."""

    def find() -> Positions:
        if city.part is not None:
            return _places_among(_kept_letters(city))[letter_of(city.part.whole)[kept_dispositions(city)]]
        mail, given = live_letters(city), live_dispositions(city)
        if city.letter_places is not None:
            return _places_among(mail)[city.letter_places[given]]
        of, to = city.letters[mail], city.dispositions[given]
        keys, wanted = of["source_id"], to["letter_id"]
        if len({*pd.unique(of["source"]), *pd.unique(to["source"])}) > 1:
            keys, wanted = (f["source"] + "\x1f" + ids for f, ids in ((of, keys), (to, wanted)))
        return places(pd.Index(keys), wanted)

    return once(city, "letter_of", find)


def _places_among(kept: Bools) -> Positions:
    """Of each row its place among those that are kept, -1 for another; and one more for -1 itself."""
    return np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)


def first_disposition(city: City) -> Micros:
    """For each letter of `letters` when its first disposition that is not cancelled was issued; `NEVER` for none."""

    def find() -> Micros:
        given, of = dispositions(city), letter_of(city)
        found = np.full(len(letters(city).unit), NEVER)
        counts = (of >= 0) & (given.cancelled == NAT)
        np.minimum.at(found, of[counts], given.issued[counts])
        return found

    return once(city, "first_disposition", find)
