"""From the text of a CESQL expression to its tree, by lark's LALR parser; neither recurs, however long the text is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from knative_local.filters.cesql import functions
from knative_local.filters.cesql.syntax import (
    Arithmetic,
    ArithmeticOperator,
    Attribute,
    Call,
    Comparison,
    ComparisonOperator,
    Constant,
    Exists,
    In,
    Like,
    Logic,
    LogicOperator,
    Negative,
    Node,
    Not,
    walk,
)
from knative_local.filters.cesql.values import LEAST, MOST, ErrorType, InvalidExpression, integer_of, shown

DEEPEST = 100
"""Nodes one below the other at most; what joins many by the same logic operator is one node."""

# Precedence as in section 3.6. Keywords are reserved. `4-1` is a difference: the parser's state (by which lark's
# contextual lexer reads) tells its sign from that of a literal.
_GRAMMAR = r"""
start: logic
?logic: comparison (LOGIC comparison)*
?comparison: sum (COMPARE sum)*
?sum: product ((PLUS | MINUS) product)*
?product: suffixed (TIMES suffixed)*
?suffixed: prefixed
    | suffixed LIKE STRING                               -> like
    | suffixed NOT LIKE STRING                           -> like
    | suffixed IN "(" logic ("," logic)* ")"             -> in_
    | suffixed NOT IN "(" logic ("," logic)* ")"         -> in_
?prefixed: atom
    | NOT prefixed                                       -> not_
    | MINUS prefixed                                     -> negative
    | EXISTS NAME                                        -> exists
?atom: INTEGER                                           -> integer
    | STRING                                             -> string
    | BOOLEAN                                            -> boolean
    | NAME                                               -> attribute
    | FUNCTION "(" (logic ("," logic)*)? ")"             -> call
    | "(" logic ")"

LOGIC.3: /(?ai:AND|OR|XOR)(?![a-zA-Z0-9])/
NOT.3: /(?ai:NOT)(?![a-zA-Z0-9])/
LIKE.3: /(?ai:LIKE)(?![a-zA-Z0-9])/
IN.3: /(?ai:IN)(?![a-zA-Z0-9])/
EXISTS.3: /(?ai:EXISTS)(?![a-zA-Z0-9])/
BOOLEAN.3: /(?ai:TRUE|FALSE)(?![a-zA-Z0-9])/
INTEGER.2: /[+-]?[0-9]+(?![a-zA-Z0-9])/
FUNCTION.2: /(?!(?ai:AND|OR|XOR|NOT|LIKE|IN|EXISTS|TRUE|FALSE)(?![a-zA-Z_]))[a-zA-Z][a-zA-Z_]*(?=[ \t\r\n]*\()/
NAME: /(?!(?ai:AND|OR|XOR|NOT|LIKE|IN|EXISTS|TRUE|FALSE)(?![a-zA-Z0-9]))[a-zA-Z0-9]+/
STRING: /'(\\.|[^'\\])*'|"(\\.|[^"\\])*"/s
COMPARE: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
TIMES: "*" | "/" | "%"
PLUS: "+"
MINUS: "-"
%ignore /[ \t\r\n]+/
"""


def parse(text: str) -> Node:
    """The tree of an expression. Raises InvalidExpression."""
    try:
        root = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    if any(depth > DEEPEST for _, depth in walk(root)):
        raise InvalidExpression(ErrorType.PARSE, f"nested deeper than {DEEPEST}; make several filters of it", 1, 1)
    return root


class _Parser(Protocol):
    """What lark's parser gives with a transformer in it."""

    def parse(self, text: str) -> Node: ...


@cache
def _parser() -> _Parser:
    return cast("_Parser", Lark(_GRAMMAR, parser="lalr", transformer=_Builder()))


_Items = list[Node | Token]


class _Builder(Transformer[Token, Node]):
    """Makes the nodes while the text is parsed, each from those below it; a method for each rule of the grammar."""

    def start(self, items: list[Node]) -> Node:
        return items[0]

    def logic(self, items: _Items) -> Node:
        """Grouped from the right, as the specification's own grammar and so both brokers do: `a AND (b OR c)`."""
        operands = cast("list[Node]", items[::2])
        operators: list[LogicOperator] = [_LOGIC[str(each).upper()] for each in items[1::2]]
        group: deque[Node] = deque([operands.pop()])
        loose = False
        while operators:
            operator = operators.pop()
            group.appendleft(operands.pop())
            if not operators or operators[-1] != operator:
                group = deque[Node]([Logic(operator, tuple(group), loose)])
                loose = True
        return group[0]

    def comparison(self, items: _Items) -> Node:
        return _from_left(items, lambda operator, left, right: Comparison(_COMPARISONS[operator], left, right))

    def sum(self, items: _Items) -> Node:
        return _from_left(items, _arithmetic)

    def product(self, items: _Items) -> Node:
        return _from_left(items, _arithmetic)

    def like(self, items: _Items) -> Node:
        operand, *negation, _, pattern = items
        found = Like(cast("Node", operand), _unquoted(cast("Token", pattern)))
        return Not(found) if negation else found

    def in_(self, items: _Items) -> Node:
        operand, *others = items
        elements = [each for each in others if not isinstance(each, Token)]
        found = In(cast("Node", operand), tuple(elements))
        return Not(found) if len(others) - len(elements) > 1 else found

    def not_(self, items: _Items) -> Node:
        return Not(cast("Node", items[1]))

    def negative(self, items: _Items) -> Node:
        return Negative(cast("Node", items[1]))

    def exists(self, items: list[Token]) -> Node:
        return Exists(items[1].lower())

    def integer(self, items: list[Token]) -> Node:
        value = integer_of(items[0])
        if value is None:
            raise _wrong(items[0], f"{items[0]} is no Integer; that is from {LEAST} to {MOST}")
        return Constant(value)

    def string(self, items: list[Token]) -> Node:
        return Constant(_unquoted(items[0]))

    def boolean(self, items: list[Token]) -> Node:
        return Constant(items[0].lower() == "true")

    def attribute(self, items: list[Token]) -> Node:
        return Attribute(items[0].lower())

    def call(self, items: _Items) -> Node:
        name, *arguments = items
        name, arguments = cast("Token", name), cast("list[Node]", arguments)
        function = functions.find(name, len(arguments))
        if function is None:
            known = ", ".join(functions.names())
            text = f"there is no function {name} of {len(arguments)} arguments; there are {known}"
            raise _wrong(name, text, ErrorType.MISSING_FUNCTION)
        return Call(function, tuple(arguments))


_LOGIC: dict[str, LogicOperator] = {"AND": "AND", "OR": "OR", "XOR": "XOR"}
_COMPARISONS: dict[str, ComparisonOperator] = {
    "=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip

_WANTED = {frozenset({"STRING"}): "a text in quotes", frozenset({"NAME"}): "the name of an attribute"}


def _arithmetic(operator: str, left: Node, right: Node) -> Node:
    return Arithmetic(cast("ArithmeticOperator", operator), left, right)


def _from_left(items: _Items, join: Callable[[str, Node, Node], Node]) -> Node:
    node = cast("Node", items[0])
    for operator, right in zip(items[1::2], items[2::2], strict=True):
        node = join(str(operator), node, cast("Node", right))
    return node


def _unquoted(token: Token) -> str:
    """A literal's text: a backslash takes the meaning from the quote that is around it, and stays before all else."""
    quote = token[0]
    return token[1:-1].replace(f"\\{quote}", quote)


def _wrong(token: Token, text: str, type: ErrorType = ErrorType.PARSE) -> InvalidExpression:
    return InvalidExpression(type, text, token.line or 1, token.column or 1)


def _explained(error: UnexpectedInput, text: str) -> InvalidExpression:
    """lark's error in words; its `accepts` and `allowed` are terminals that could stand there."""
    token: Token | None = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        *before, last = text.split("\n")
        return InvalidExpression(ErrorType.PARSE, "ends too early", len(before) + 1, len(last) + 1)
    rest = text[error.pos_in_stream or 0 :]
    possible: set[str] = set()
    if isinstance(error, UnexpectedToken):
        rest, possible = str(token), error.accepts or set()
    elif isinstance(error, UnexpectedCharacters):
        possible = error.allowed or set()
    if rest[:1] in ("'", '"') and "STRING" in possible:
        what = f"the text {shown(rest)} does not end"
    else:
        wanted = "a value" if "INTEGER" in possible else _WANTED.get(frozenset(possible), "an operator, or the end,")
        what = f"{shown(rest)} stands where {wanted} is expected"
    return InvalidExpression(ErrorType.PARSE, what, error.line, error.column)
