"""A board's payload: frames to compressed bytes and back, with their dtypes, without pickle."""

from __future__ import annotations

import zlib
from datetime import date
from typing import Any

import numpy as np
import orjson
import pandas as pd

from coc.domain.instants import NAT

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_MANY = 2_000  # rows
_REPEATED = 4  # times that a text stands in a column on average, from which on it is written once


def _column(series: pd.Series[Any]) -> dict[str, Any]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        micros = series.to_numpy(dtype="datetime64[us]").astype("int64").tolist()  # of UTC
        return {"k": "time", "v": [None if m == NAT else m for m in micros] if NAT in micros else micros}
    if series.dtype.kind in "bi" and isinstance(series.dtype, np.dtype):  # no null among them
        return {"k": "bool" if series.dtype.kind == "b" else "int", "v": series.to_numpy().tolist()}
    if pd.api.types.is_bool_dtype(series.dtype):
        return {"k": "bool", "v": _whole(series)}
    if pd.api.types.is_integer_dtype(series.dtype):
        return {"k": "int", "v": _whole(series)}
    if pd.api.types.is_float_dtype(series.dtype):
        # orjson writes NaN as null.
        return {"k": "float", "v": series.to_numpy(dtype="float64", na_value=np.nan).tolist()}
    if isinstance(series.dtype, pd.StringDtype):
        return _texts(series.to_numpy(dtype=object))
    values = [_plain(v) for v in series]
    if values and all(isinstance(v, date) for v in values):
        return {"k": "date", "v": [v.isoformat() for v in values]}
    return {"k": "any", "v": values}


def _texts(held: Any) -> dict[str, Any]:
    """Texts that come again and again are written once; as pandas' own `factorize`, which takes long over few."""
    if len(held) > _MANY:
        places, found = pd.factorize(held)
        words, missing = found.tolist(), bool((places < 0).any())
    else:
        known: dict[Any, int] = {}
        places = [known.setdefault(text, len(known)) for text in held.tolist()]
        words = list(known)
        missing = not all(isinstance(word, str) for word in words)
    if len(words) * _REPEATED <= len(held) and not missing:
        return {"k": "words", "w": words, "v": places}
    return {"k": "any", "v": [text if isinstance(text, str) else None for text in held.tolist()]}


def _whole(series: pd.Series[Any]) -> list[Any]:
    """As Python values with None where missing; numpy's own dtypes have nothing missing."""
    numpy_s = isinstance(series.dtype, np.dtype)
    return (series if numpy_s else series.astype(object).where(series.notna(), None)).tolist()


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return list(value)
    return None if value is None or pd.isna(value) else value


def _cell(cell: dict[str, Any]) -> pd.Series[Any]:
    if cell["k"] == "words":
        return pd.Series(pd.array(cell["w"], dtype="str").take(np.array(cell["v"], dtype=np.intp)))
    return _series(cell["k"], cell["v"])


def _series(kind: str, values: list[Any]) -> pd.Series[Any]:
    if kind == "time":
        micros = np.array([np.iinfo("int64").min if v is None else v for v in values], dtype="int64")
        return pd.Series(pd.DatetimeIndex(micros.astype("datetime64[us]"), tz="UTC"))
    if kind == "date":
        return pd.Series([date.fromisoformat(v) for v in values], dtype="object")
    if kind == "int" and None not in values:
        whole = np.array(values, dtype="int64")
        return pd.Series(pd.arrays.IntegerArray(whole, np.zeros(len(whole), dtype=bool)))
    dtypes = {"bool": "boolean", "int": "Int64", "float": "float64"}
    if kind in dtypes:
        return pd.Series(values, dtype=dtypes[kind])
    # Of nothing one cannot say that it is text: it comes back as it went, or its digest would be another.
    return pd.Series(values, dtype="str" if values and all(isinstance(v, str) for v in values) else "object")


def dump_frames(frames: dict[str, pd.DataFrame]) -> bytes:
    """Frames as one JSON document: {name: {column: {k: kind, v: values}}}, in a stable order."""
    document = {name: {str(c): _column(frame[c]) for c in frame.columns} for name, frame in sorted(frames.items())}
    return orjson.dumps(document, option=_OPTIONS, default=str)


def pack(raw: bytes) -> bytes:
    return zlib.compress(raw, 1)


def load_frames(payload: bytes) -> dict[str, pd.DataFrame]:
    """The inverse of `pack(dump_frames(...))`."""
    document = orjson.loads(zlib.decompress(payload))
    return {
        name: pd.DataFrame({column: _cell(cell) for column, cell in columns.items()})
        for name, columns in document.items()
    }
