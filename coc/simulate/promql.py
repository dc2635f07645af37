"""The little PromQL a dashboard needs: selectors, `timestamp()`, `time()`, arithmetic with numbers, comparisons.

Everything else is refused the way Prometheus refuses what it cannot parse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


class ParseError(ValueError):
    """The text after `invalid parameter "query": `."""


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: str  # = != =~ !~
    value: str

    def fits(self, labels: dict[str, str]) -> bool:
        held = labels.get(self.label, "")
        equal = held == self.value if "~" not in self.operator else re.fullmatch(self.value, held) is not None
        return equal != self.operator.startswith("!")


@dataclass(frozen=True)
class Selector:
    matchers: tuple[Matcher, ...]
    range_seconds: float | None = None


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Call:
    function: str  # timestamp or time
    argument: Expression | None


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    as_bool: bool = False


Expression = Selector | Number | Call | Binary

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w:]))
      | (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w:]))
      | (?P<name>[a-zA-Z_:][\w:]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<operator>=~|!~|==|!=|>=|<=|[-+*/%^<>=(){}\[\],])""",
    re.VERBOSE,
)
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")


def seconds_of(text: str) -> float:
    """`90`, `1.5`, `60s`, `1h30m`; raises ValueError for anything else."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if parts and "".join(a + b for a, b in parts) == text:
        return float(sum(int(a) * _SECONDS[b] for a, b in parts))
    return float(text)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    def __init__(self, query: str) -> None:
        self.end = len(query)
        self.tokens = list(self._split(query))
        self.place = 0

    @staticmethod
    def _split(query: str) -> list[_Token]:
        tokens, at = [], 0
        while at < len(query):
            match = _TOKEN.match(query, at)
            if not match:
                what = "unterminated quoted string" if query[at] in "\"'" else f"unexpected character: {query[at]!r}"
                raise ParseError(f"1:{at + 1}: parse error: {what}")
            if match.lastgroup != "space":
                tokens.append(_Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        return tokens

    def peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def next(self) -> _Token | None:
        token = self.peek()
        self.place += 1
        return token

    def accept(self, *texts: str) -> str | None:
        token = self.peek()
        if token and token.kind in ("operator", "name") and token.text in texts:
            self.place += 1
            return token.text
        return None

    def expect(self, text: str, where: str) -> None:
        token = self.next()
        if token is None or token.text != text:
            raise self.unexpected(token, where)

    def unexpected(self, token: _Token | None, where: str = "") -> ParseError:
        place = f" {where}" if where else ""
        if token is None:
            return ParseError(f"1:{self.end + 1}: parse error: unexpected end of input{place}")
        kind = {"name": "identifier", "string": "string", "number": "number"}.get(token.kind, "")
        shown = f'{kind} "{token.text}"' if kind else f'"{token.text}"'
        return ParseError(f"1:{token.at + 1}: parse error: unexpected {shown}{place}")

    def comparison(self) -> Expression:
        left = self.sum()
        while operator := self.accept(*_COMPARISONS):
            as_bool = bool(self.accept("bool"))
            left = Binary(operator, left, self.sum(), as_bool)
        return left

    def sum(self) -> Expression:
        left = self.product()
        while operator := self.accept("+", "-"):
            left = Binary(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.atom()
        while operator := self.accept("*", "/"):
            left = Binary(operator, left, self.atom())
        return left

    def atom(self) -> Expression:
        token = self.next()
        if token is None:
            raise self.unexpected(None)
        if token.kind == "number":
            return Number(float(token.text))
        if token.text == "-":
            return Binary("*", Number(-1.0), self.atom())
        if token.text == "(":
            inner = self.comparison()
            self.expect(")", "in parentheses")
            return inner
        if token.text == "{":
            self.place -= 1
            return self.selector(None)
        if token.kind != "name":
            raise self.unexpected(token)
        if (following := self.peek()) and following.text == "(":
            return self.call(token)
        return self.selector(token)

    def call(self, name: _Token) -> Expression:
        if name.text not in ("timestamp", "time"):
            raise ParseError(f'1:{name.at + 1}: parse error: unknown function with name "{name.text}"')
        self.expect("(", "in function call")
        argument = None if name.text == "time" else self.comparison()
        self.expect(")", "in function call")
        return Call(name.text, argument)

    def selector(self, name: _Token | None) -> Selector:
        matchers = [Matcher("__name__", "=", name.text)] if name else []
        if self.accept("{"):
            while not self.accept("}"):
                matchers.append(self.matcher())
                if not self.accept(","):
                    self.expect("}", "inside braces")
                    break
        if self.accept("["):
            token = self.next()
            if token is None or token.kind != "duration":
                raise self.unexpected(token, "in matrix selector, expected duration")
            self.expect("]", "in matrix selector")
            return Selector(tuple(matchers), seconds_of(token.text))
        return Selector(tuple(matchers))

    def matcher(self) -> Matcher:
        label = self.next()
        if label is None or label.kind != "name":
            raise self.unexpected(label, "inside braces")
        operator = self.accept("=", "!=", "=~", "!~")
        if not operator:
            raise self.unexpected(self.peek(), "inside braces")
        value = self.next()
        if value is None or value.kind != "string":
            raise self.unexpected(value, "inside braces")
        plain = re.sub(r"\\(.)", r"\1", value.text[1:-1])
        if "~" in operator:
            try:
                re.compile(plain)
            except re.error as error:
                raise ParseError(f"1:{value.at + 1}: parse error: error parsing regexp: {error}") from error
        return Matcher(label.text, operator, plain)


def parse(query: str) -> Expression:
    """The expression's tree; raises ParseError."""
    if not query.strip():
        raise ParseError("unknown position: parse error: no expression found in input")
    parser = _Parser(query)
    found = parser.comparison()
    if parser.peek():
        raise parser.unexpected(parser.peek())
    return found
