"""A CESQL expression: parsed and compiled once, evaluated for each event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.cesql.closures import Attributes, Closure
from knative_local.filters.cesql.compiler import compiled
from knative_local.filters.cesql.parser import parse
from knative_local.filters.cesql.syntax import Attribute, Comparison, Constant, Exists, In, Logic, Node, walk
from knative_local.filters.cesql.values import Failure, Type, Value, string_of

_ALWAYS_THERE = frozenset({"id", "source", "specversion", "type"})


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation gives: always a value, and the failures on the way to it."""

    value: Value
    failures: tuple[Failure, ...] = ()


class Expression:
    """`type` is that of the value; `attributes` are the names that it reads; `run` is what evaluates it.

    `needs`: by attribute, the values of which it has to have one; of others the value is false, without a failure.
    `loose` says that AND, OR and XOR stand beside each other without brackets.
    """

    def __init__(self, text: str) -> None:
        """Raises InvalidExpression."""
        root = parse(text)
        nodes = [node for node, _ in walk(root)]
        self.text = text
        self.type: Type = root.type
        self.attributes = frozenset(node.name for node in nodes if isinstance(node, Attribute | Exists))
        self.needs = _needs(root)
        self.loose = any(isinstance(node, Logic) and node.loose for node in nodes)
        self.run: Closure[Value] = compiled(root, root.type)
        self._bare = isinstance(root, Attribute)

    def evaluate(self, attributes: Attributes) -> Result:
        """The value for an event with these attributes, and the failures."""
        failures: list[Failure] = []
        value = self.run(attributes, failures)
        if failures and self._bare:
            # Section 3.2: where the type cannot be told, as of an attribute that is not there, Boolean is assumed.
            value = False
        return Result(value, tuple(failures))


def _needs(root: Node) -> Mapping[str, frozenset[str]]:
    """What AND asks first of attributes that are always there: where that is not so, no more is asked."""
    needs: dict[str, frozenset[str]] = {}
    for operand in root.operands if isinstance(root, Logic) and root.operator == "AND" else (root,):
        match operand:
            case Comparison("=", Attribute(name), Constant(str() as text)) if name in _ALWAYS_THERE:
                values = frozenset({text})
            case In(Attribute(name), elements) if name in _ALWAYS_THERE:
                constants = [each.value for each in elements if isinstance(each, Constant)]
                if len(constants) < len(elements):
                    break
                values = frozenset(map(string_of, constants))
            case _:
                break
        needs[name] = needs.get(name, values) & values
    return needs
