"""The tree of a CESQL expression; every node knows its static type and the nodes right below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from knative_local.filters.cesql.functions import Function
from knative_local.filters.cesql.values import Type, Value, type_of

LogicOperator = Literal["AND", "OR", "XOR"]
ComparisonOperator = Literal["=", "!=", "<", "<=", ">", ">="]
ArithmeticOperator = Literal["+", "-", "*", "/", "%"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Value
    below: ClassVar[tuple[Node, ...]] = ()

    @property
    def type(self) -> Type:
        """The literal's."""
        return type_of(self.value)


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an attribute of the event."""

    name: str
    type: ClassVar[Type] = Type.STRING
    below: ClassVar[tuple[Node, ...]] = ()


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has an attribute."""

    name: str
    type: ClassVar[Type] = Type.BOOLEAN
    below: ClassVar[tuple[Node, ...]] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The other Boolean."""

    operand: Node
    type: ClassVar[Type] = Type.BOOLEAN

    @property
    def below(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Negative:
    """The Integer of the other sign."""

    operand: Node
    type: ClassVar[Type] = Type.INTEGER

    @property
    def below(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Logic:
    """Operands joined by one logic operator; `loose` when the last is itself joined by another, without brackets."""

    operator: LogicOperator
    operands: tuple[Node, ...]
    loose: bool = False
    type: ClassVar[Type] = Type.BOOLEAN

    @property
    def below(self) -> tuple[Node, ...]:
        """The operands."""
        return self.operands


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared: as the type of the right one for `=` and `!=`, else as Integers."""

    operator: ComparisonOperator
    left: Node
    right: Node
    type: ClassVar[Type] = Type.BOOLEAN

    @property
    def below(self) -> tuple[Node, ...]:
        """Both operands."""
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two Integers reckoned."""

    operator: ArithmeticOperator
    left: Node
    right: Node
    type: ClassVar[Type] = Type.INTEGER

    @property
    def below(self) -> tuple[Node, ...]:
        """Both operands."""
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Like:
    """A String held against a pattern."""

    operand: Node
    pattern: str
    type: ClassVar[Type] = Type.BOOLEAN

    @property
    def below(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class In:
    """A value sought in a set, whose elements are cast to its type."""

    operand: Node
    elements: tuple[Node, ...]
    type: ClassVar[Type] = Type.BOOLEAN

    @property
    def below(self) -> tuple[Node, ...]:
        """The operand and the elements."""
        return self.operand, *self.elements


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: Function
    arguments: tuple[Node, ...]

    @property
    def type(self) -> Type:
        """What the function returns."""
        return self.function.returns

    @property
    def below(self) -> tuple[Node, ...]:
        """The arguments."""
        return self.arguments


Node = Constant | Attribute | Exists | Not | Negative | Logic | Comparison | Arithmetic | Like | In | Call


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every node of a tree, with how deep it lies (the root: 1); does not recur, however deep that is."""
    left = [(root, 1)]
    while left:
        node, depth = left.pop()
        yield node, depth
        left.extend((each, depth + 1) for each in node.below)
