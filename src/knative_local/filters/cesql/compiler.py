"""From the tree of a CESQL expression to closures: which one evaluates each node, with the casts between them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar, cast

from knative_local.filters.cesql import closures, functions
from knative_local.filters.cesql.closures import Closure
from knative_local.filters.cesql.like import test_of
from knative_local.filters.cesql.syntax import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    In,
    Like,
    Logic,
    Negative,
    Node,
    Not,
)
from knative_local.filters.cesql.values import Failures, Type, Value, string_of

_V = TypeVar("_V", bound=Value)

_COMPARE: dict[str, closures.Compare] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RECKON: dict[str, closures.Reckon] = {
    "+": closures.add,
    "-": closures.subtract,
    "*": closures.multiply,
    "/": closures.divide,
    "%": closures.remainder,
}
_JOIN: dict[str, Callable[[tuple[Closure[bool], ...]], Closure[bool]]] = {
    "AND": closures.conjunction,
    "OR": closures.disjunction,
    "XOR": closures.exclusive,
}


def compiled(node: Node, to: Type) -> Closure[Value]:
    """A closure that evaluates `node` and casts its value `to` a type."""
    return {Type.STRING: _string, Type.INTEGER: _integer, Type.BOOLEAN: _boolean}[to](node)


def _string(node: Node) -> Closure[str]:
    node = _needed(node, Type.STRING)
    match node:
        case Constant(value):
            return closures.constant(string_of(value))
        case Attribute(name):
            return closures.text_attribute(name)
        case Call() if node.type is Type.STRING:
            return _call(node, "")
        case _:
            return closures.as_string(compiled(node, node.type))


def _integer(node: Node) -> Closure[int]:
    node = _needed(node, Type.INTEGER)
    match node:
        case Constant(value) if not isinstance(value, str):
            return closures.constant(int(value))
        case Attribute(name):
            return closures.integer_attribute(name)
        case Negative(operand):
            return closures.negative(_integer(operand))
        case Arithmetic(sign, left, right):
            return closures.arithmetic(_RECKON[sign], _integer(left), _integer(right))
        case Call() if node.type is Type.INTEGER:
            return _call(node, 0)
        case _ if node.type is Type.STRING:
            return closures.string_as_integer(_string(node))
        case _:
            return closures.boolean_as_integer(_boolean(node))


def _boolean(node: Node) -> Closure[bool]:
    node = _needed(node, Type.BOOLEAN)
    match node:
        case Constant(value) if not isinstance(value, str):
            return closures.constant(bool(value))
        case Exists(name):
            return lambda attributes, _: name in attributes
        case Not(operand):
            return closures.negation(_boolean(operand))
        case Logic(word, operands):
            return _JOIN[word](tuple(_boolean(each) for each in operands))
        case Comparison():
            return _comparison(node)
        case Like(operand, pattern):
            return closures.like(_string(operand), test_of(pattern))
        case In():
            return _in(node)
        case Call() if node.type is Type.BOOLEAN:
            return _call(node, False)
        case _ if node.type is Type.STRING:
            return closures.string_as_boolean(_string(node))
        case _:
            return closures.integer_as_boolean(_integer(node))


def _needed(node: Node, to: Type) -> Node:
    """Without the functions that cast it to the type that it is cast to anyhow."""
    while isinstance(node, Call) and node.function.call is functions.same and node.type is to:
        node = node.arguments[0]
    return node


def _comparison(node: Comparison) -> Closure[bool]:
    """`=` and `!=` compare as the type of what stands on the right (section 3.7), the others are of Integers."""
    compare = _COMPARE[node.operator]
    to = node.right.type if node.operator in ("=", "!=") else Type.INTEGER
    match _needed(node.left, to), node.right:
        case Attribute(name), Constant(str() as text) if to is Type.STRING:
            return (closures.text_is if node.operator == "=" else closures.text_is_not)(name, text)
        case Attribute(name), Constant(int() as number) if to is Type.INTEGER:
            return closures.number_compares(name, compare, number)
        case _:
            return closures.comparison(compare, compiled(node.left, to), compiled(node.right, to))


def _in(node: In) -> Closure[bool]:
    """The elements are cast to the type of what is sought."""
    sought = compiled(node.operand, node.operand.type)
    elements = tuple(compiled(each, node.operand.type) for each in node.elements)
    if all(isinstance(each, Constant) for each in node.elements):
        failures: Failures = []
        values = frozenset(each({}, failures) for each in elements)
        if not failures:
            return closures.among(sought, values)
    return closures.found_in(sought, elements)


def _call(node: Call, zero: _V) -> Closure[_V]:
    function = node.function
    types = chain(function.parameters, repeat(function.rest or Type.STRING))
    arguments = tuple(compiled(each, to) for each, to in zip(node.arguments, types, strict=False))
    return closures.call(cast("Callable[..., _V]", function.call), zero, arguments)
