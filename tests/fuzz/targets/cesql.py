"""CESQL: any text is an expression or told to be none; a value is always of the type that was told, and comes again."""

from atheris import FuzzedDataProvider

from knative_local.filters.cesql.expression import Expression
from knative_local.filters.cesql.values import LEAST, MOST, InvalidExpression
from tests.fuzz.targets.events import event

WORDS = [
    " AND ", " or ", " XOR ", "NOT ", " LIKE ", " IN (", "EXISTS ", "TRUE", "false", "type", "subject", "amount", "7",
    "-1", "0", "-2147483648", "2147483647", "'a%_'", "'\\%'", "'true'", "''", '"5"', "(", ")", ", ", " = ", " != ",
    " <> ", " < ", " >= ", " + ", " - ", " * ", " / ", " % ", "ABS(", "INT(", "BOOL(", "STRING(", "LENGTH(",
    "CONCAT(", "CONCAT_WS(", "LEFT(", "RIGHT(", "SUBSTRING(", "TRIM(", "lower(", " ", "\n", "\\", "'",
]  # fmt: skip
TYPES = {"String": str, "Integer": int, "Boolean": bool}


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    attributes = event(provider)
    if provider.ConsumeBool():
        text = provider.ConsumeUnicodeNoSurrogates(provider.remaining_bytes())
    else:
        text = "".join(provider.PickValueInList(WORDS) for _ in range(provider.ConsumeIntInRange(1, 60)))
    try:
        expression = Expression(text)
    except InvalidExpression as error:
        assert str(error).startswith(("column ", "line "))
        return
    result = expression.evaluate(attributes)
    assert type(result.value) is TYPES[expression.type] or (result.failures and result.value is False)
    assert not isinstance(result.value, int) or LEAST <= result.value <= MOST
    read = {name: value for name, value in attributes.items() if name in expression.attributes}
    assert expression.evaluate(read) == result
