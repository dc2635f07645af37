"""config.yaml as plain data that remembers where each key came from, with overrides applied and secrets expanded.

The YAML is composed to nodes (ruamel, YAML 1.2) and built here, so that every duplicate key is found at once and each
key keeps its line. Dates stay text (pydantic reads them), and so do keys: `1` in a value map is what the source says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from coc.settings.errors import KeyPath, Problem

PREFIX = "COC__"
_TAG = "tag:yaml.org,2002:"
_REFERENCE = re.compile(r"\$(\$)?\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Document:
    """`places`: where each key stands. `secrets`: what was expanded, by path. `broken`: paths already complained of."""

    name: str
    folder: Path
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    secrets: dict[KeyPath, set[str]] = field(default_factory=dict)
    broken: set[KeyPath] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> str:
        """The place of the key, or of the nearest key above it that exists."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.name)

    def complain(self, path: KeyPath, said: str) -> None:
        if not self.is_broken(path):
            self.problems.append(Problem(self.place(path), path, said))

    def is_broken(self, path: KeyPath) -> bool:
        return any(path[:n] in self.broken for n in range(1, len(path) + 1))

    def fail(self, path: KeyPath, said: str) -> None:
        """Complain once; nothing more is said of what lies at or under `path`."""
        self.complain(path, said)
        self.broken.add(path)

    def at(self, path: KeyPath) -> Any:
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def read(path: Path) -> Document:
    """The file as a document; what cannot be read or parsed is a problem of it, not an exception."""
    document = Document(name=str(path), folder=path.resolve().parent)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        document.complain((), "there is no such file; name one with --config, or start from the shipped config.yaml")
        return document
    except UnicodeDecodeError:
        document.complain((), "is not UTF-8 text")
        return document
    except OSError as error:
        document.complain((), f"cannot be read: {error.strerror or type(error).__name__}")
        return document
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        document.problems.append(Problem(place, (), f"is not valid YAML: {_words(error)}"))
        return document
    except YAMLError as error:
        document.complain((), f"is not valid YAML: {type(error).__name__}")
        return document
    if node is None:
        document.complain((), "is empty; it needs at least a `connectors:` block")
    elif not isinstance(node, MappingNode):
        document.complain((), "expected a mapping of blocks such as `connectors:`; found something else")
    else:
        document.data = _Builder(document).build(node, ())
    return document


def _words(error: MarkedYAMLError) -> str:
    said = " ".join(str(error.problem or error.context or "unreadable").split())
    if "\\t" in said or "'\t'" in said:
        return "a tab indents this line; indent with spaces"
    if "mapping values are not allowed" in said:
        return "a `:` where none may stand; check the indentation, and quote text that holds `: `"
    if "expected ',' or" in said or "block end" in said:
        return f"{said}; check the indentation and that every bracket and quote is closed"
    return said


@dataclass(slots=True)
class _Builder:
    document: Document
    open_nodes: list[Node] = field(default_factory=list)

    def build(self, node: Node, path: KeyPath) -> Any:
        if any(node is other for other in self.open_nodes):
            self.document.fail(path, "an alias that holds itself")
            return None
        self.open_nodes.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return self._sequence(node, path)
            return self._scalar(node, path)
        finally:
            self.open_nodes.pop()

    def _place(self, node: Node) -> str:
        return f"{self.document.name}:{node.start_mark.line + 1}"

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.document.problems.append(Problem(self._place(key_node), path, "a key must be a word"))
                continue
            key = str(key_node.value)
            below = (*path, key)
            if key == "<<" and not key_node.style:
                merged.update(self._merged(value_node, path))
                continue
            line = key_node.start_mark.line + 1
            if key in lines:
                said = f"is given twice (first in line {lines[key]}); keep one"
                self.document.problems.append(Problem(self._place(key_node), below, said))
                continue
            lines[key] = line
            self.document.places[below] = self._place(key_node)
            found[key] = self.build(value_node, below)
        return {**merged, **found}

    def _merged(self, node: Node, path: KeyPath) -> dict[str, Any]:
        """`<<: *anchor`, or a list of them: the earlier one wins, keys of the block itself win over both."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Any] = {}
        for source in sources:
            value = self.build(source, path)
            if isinstance(value, dict):
                found = {**value, **found}
            else:
                self.document.problems.append(Problem(self._place(node), path, "`<<` wants an alias of a block"))
        return found

    def _sequence(self, node: SequenceNode, path: KeyPath) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            below = (*path, index)
            self.document.places[below] = self._place(item)
            items.append(self.build(item, below))
        return items

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        tag, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if str(node.tag).startswith("!") and tag != "!":
            self.document.fail(path, f"tags such as `{tag}` are not understood here")
            return None
        return scalar(tag, text)


def scalar(tag: str, text: str) -> Any:
    """A YAML 1.2 scalar as Python has it; dates stay text."""
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag == "int":
        plain = text.replace("_", "")
        return int(plain, 0) if re.match(r"[-+]?0[xob]", plain, re.IGNORECASE) else int(plain)
    if tag == "float":
        plain = text.replace("_", "").lower()
        return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    return text


def override(document: Document, env: Mapping[str, str]) -> None:
    """`COC__STORE__URL=...` sets `store.url`. Segments are case-insensitive and `_` also finds a key with `-`."""
    for variable in sorted(env):
        if not variable.upper().startswith(PREFIX):
            continue
        segments = variable[len(PREFIX) :].split("__")
        if not all(segments):
            document.problems.append(Problem(variable, (), "expected a path such as COC__STORE__URL"))
            continue
        _set(document, variable, segments, _value_of(env[variable]))


def _set(document: Document, variable: str, segments: list[str], value: Any) -> None:
    block: dict[str, Any] = document.data
    path: KeyPath = ()
    for segment in segments[:-1]:
        key = _key_in(block, segment)
        path = (*path, key)
        below = block.get(key)
        if isinstance(below, list):
            said = f"`{path[-1]}` is a list: set it whole, such as {PREFIX}...='[a, b]'"
            document.problems.append(Problem(variable, path, said))
            return
        if not isinstance(below, dict):
            below = {}
            block[key] = below
            document.places[path] = variable
        block = below
    key = _key_in(block, segments[-1])
    path = (*path, key)
    for old in [p for p in document.places if p[: len(path)] == path]:
        del document.places[old]
    document.places[path] = variable
    block[key] = value


def _key_in(block: dict[str, Any], segment: str) -> str:
    wanted = segment.lower().replace("-", "_")
    return next((k for k in block if k.lower().replace("-", "_") == wanted), segment.lower())


def _value_of(text: str) -> Any:
    """A YAML scalar, or a list or block in flow style; what YAML does not understand is text."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError:
        return text
    if node is None:
        return None
    if isinstance(node, ScalarNode):
        return scalar(str(node.tag).removeprefix(_TAG), str(node.value)) if not str(node.tag).startswith("!") else text
    if getattr(node, "flow_style", False):
        return _Builder(Document(name="", folder=Path())).build(node, ())
    return text


def expand(document: Document, env: Mapping[str, str]) -> None:
    """Replaces `${NAME}` and `${file:/path}` in every text value (`$${` stays `${`), noting which values are secret."""
    document.data = _expanded(document, document.data, (), env)


def _expanded(document: Document, value: Any, path: KeyPath, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _expanded(document, v, (*path, k), env) for k, v in value.items()}
    if isinstance(value, list):
        return [_expanded(document, v, (*path, i), env) for i, v in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return "${" + match[2] + "}"
        found = _looked_up(document, match[2].strip(), path, env)
        if found:
            document.secrets.setdefault(path, set()).add(found)
        return found or ""

    return _REFERENCE.sub(one, value)


def _looked_up(document: Document, reference: str, path: KeyPath, env: Mapping[str, str]) -> str | None:
    if reference.startswith("file:"):
        return _secret_file(document, reference.removeprefix("file:").strip(), path)
    if not _NAME.fullmatch(reference):
        said = f"`${{{reference}}}` is neither `${{NAME}}` nor `${{file:/path}}`; write `$${{` for a plain `${{`"
        document.fail(path, said)
        return None
    found = env.get(reference)
    if not found:
        how = "is empty" if found == "" else "is not set"
        document.fail(path, f"the environment variable {reference} {how}; set it, or give `${{file:/path}}`")
    return found


def _secret_file(document: Document, name: str, path: KeyPath) -> str | None:
    file = document.folder / Path(name).expanduser()
    try:
        found = file.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        document.fail(path, f"the secret file {file} is not UTF-8 text")
        return None
    except OSError as error:
        document.fail(path, f"the secret file {file} cannot be read: {error.strerror or type(error).__name__}")
        return None
    if not found:
        document.fail(path, f"the secret file {file} is empty")
    return found or None


def references(value: Any) -> Iterator[str]:
    """The environment variables that a raw value names."""
    if isinstance(value, dict):
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)
    elif isinstance(value, str):
        yield from (m[2].strip() for m in _REFERENCE.finditer(value) if not m[1] and _NAME.fullmatch(m[2].strip()))
