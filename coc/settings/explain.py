"""From pydantic's errors to sentences: what was expected, what was found (never a secret), the nearest key."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from coc.settings.document import Document
from coc.settings.errors import KeyPath, nearest

_SECRET_KEY = re.compile(r"pass|secret|token|bearer|key|body|sha256|credential", re.IGNORECASE)
_MAX_FOUND = 60

# pydantic's error type -> what was expected; `{}` takes the error's context.
_EXPECTED: Mapping[str, str] = {
    "string_type": "expected text; put it in quotes",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "greater_than_equal": "expected at least {ge}",
    "greater_than": "expected more than {gt}",
    "less_than_equal": "expected at most {le}",
    "less_than": "expected less than {lt}",
    "list_type": "expected a list such as [a, b]",
    "tuple_type": "expected a list such as [a, b]",
    "set_type": "expected a list such as [a, b]",
    "frozen_set_type": "expected a list such as [a, b]",
    "dict_type": "expected a block of keys",
    "mapping_type": "expected a block of keys",
    "model_type": "expected a block of keys",
    "model_attributes_type": "expected a block of keys",
    "date_type": "expected a date such as 2027-01-31",
    "date_parsing": "expected a date such as 2027-01-31",
    "date_from_datetime_parsing": "expected a date such as 2027-01-31",
    "date_from_datetime_inexact": "expected a date such as 2027-01-31, without a time of day",
    "datetime_parsing": "expected a time such as 2026-03-02T10:00:00+07:00",
    "time_parsing": "expected a time of day such as 07:30",
    "string_too_short": "expected at least {min_length} characters",
    "string_too_long": "expected at most {max_length} characters",
    "too_short": "expected at least {min_length}",
    "too_long": "expected at most {max_length}",
    "url_parsing": "expected a URL such as https://eoffice.example.go.id",
    "url_scheme": "expected a URL that begins with {expected_schemes}",
}
_PATTERNS = {r"^[0-9a-fA-F]{64}$": "expected the 64 hexadecimal digits that `coc token create` shows"}


def explain(document: Document, prefix: KeyPath, model: type[BaseModel], error: ValidationError) -> None:
    """Adds one problem a key to the document; what several branches of a union say of one key is joined."""
    said: dict[KeyPath, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False):
        path, local = _path_of(document, prefix, item["loc"], item["type"])
        sentence = _sentence(document, path, local, model, typing.cast("Mapping[str, Any]", item))
        sentences = said.setdefault(path, [])
        if sentence not in sentences:
            sentences.append(sentence)
    for path, sentences in said.items():
        document.complain(path, " or ".join(sentences))


def _path_of(document: Document, prefix: KeyPath, loc: Sequence[str | int], kind: str) -> tuple[KeyPath, KeyPath]:
    """A pydantic loc without the marks of unions and validators: only what stands in the file (or is missing there)."""
    value = document.at(prefix)
    local: list[str | int] = []
    for n, part in enumerate(loc):
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
            local.append(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
            local.append(part)
        elif kind == "missing" and n == len(loc) - 1:
            local.append(str(part))
    return (*prefix, *local), tuple(local)


def _sentence(
    document: Document, path: KeyPath, local: KeyPath, model: type[BaseModel], item: Mapping[str, Any]
) -> str:
    kind, context = str(item["type"]), item.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(model, local)
    if kind == "missing":
        return "is missing; this key is required"
    found = _found(document, path)
    if kind in {"literal_error", "enum"}:
        words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        if item["loc"][-1] == "[key]":
            return f"unknown key; expected one of {', '.join(words)}{nearest(local[-1], words)}"
        value = document.at(path)
        shown = nearest(value, words) if isinstance(value, str) and not _is_secret(document, path) else ""
        return f"expected one of {', '.join(words)}{found}{shown}"
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern", ""))
        return _PATTERNS.get(pattern, f"expected text of the form {pattern}") + found
    if kind in {"value_error", "assertion_error"}:
        said = str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        # A check of a whole block says itself what is wrong in it.
        return said if isinstance(document.at(path), dict | list) else said + found
    template = _EXPECTED.get(kind)
    if template is None:
        return f"{str(item['msg'])[:1].lower()}{str(item['msg'])[1:]}{found}"
    return template.format_map(_Context(context)) + found


class _Context(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _unknown_key(model: type[BaseModel], local: KeyPath) -> str:
    owner = model_at(model, local[:-1])
    if owner is None:
        return "is no key that is known here"
    known = [f.alias or name for name, f in owner.model_fields.items()]
    close = nearest(local[-1], known)
    return f"unknown key{close}" if close else f"unknown key; known here: {', '.join(known)}"


def model_at(model: type[BaseModel], local: KeyPath) -> type[BaseModel] | None:
    """The model whose fields are the keys of the block at `local`."""
    kind: Any = model
    for part in local:
        kind = _below(kind, part)
        if kind is None:
            return None
    found = _models(kind)
    return found[0] if found else None


def _below(kind: Any, part: str | int) -> Any:
    for model in _models(kind):
        field = model.model_fields.get(str(part))
        if field is not None:
            return field.annotation
    for branch in branches(kind):
        arguments = typing.get_args(branch)
        if typing.get_origin(branch) in {dict, Mapping} and arguments:
            return arguments[1]
        if typing.get_origin(branch) in {list, tuple, set, frozenset} and arguments and isinstance(part, int):
            return arguments[0]
    return None


def branches(kind: Any) -> list[Any]:
    """A type without `Annotated`, and a union as its branches."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return [b for a in typing.get_args(kind) for b in branches(a)]
    return [kind]


def _models(kind: Any) -> list[type[BaseModel]]:
    return [b for b in branches(kind) if isinstance(b, type) and issubclass(b, BaseModel)]


def _is_secret(document: Document, path: KeyPath) -> bool:
    words = [part for part in path if isinstance(part, str)]
    named = "auth" in words or bool(words and _SECRET_KEY.search(words[-1]))
    return named or any(s[: len(path)] == path for s in document.secrets)


def _found(document: Document, path: KeyPath) -> str:
    value = document.at(path)
    if isinstance(value, dict):
        return "; found a block of keys" if value else "; found an empty block"
    if isinstance(value, list):
        return "; found a list" if value else "; found an empty list"
    if value is None:
        return "; found nothing"
    if _is_secret(document, path):
        return "; what was found is kept back, it may be a secret"
    if isinstance(value, bool):
        return f"; found {str(value).lower()}"
    if not isinstance(value, str):
        return f"; found {value}"
    shown = re.sub(r"//[^/@\s]*@", "//...@", value)
    return f"; found `{shown if len(shown) <= _MAX_FOUND else shown[: _MAX_FOUND - 3] + '...'}`"
