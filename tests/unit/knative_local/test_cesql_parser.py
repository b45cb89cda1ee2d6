"""What is no CESQL is told with the place and what would be right there."""

import pytest

from knative_local.filters.cesql.expression import Expression
from knative_local.filters.cesql.parser import DEEPEST
from knative_local.filters.cesql.values import ErrorType, InvalidExpression
from tests.unit.knative_local.cesql import evaluate


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("", "column 1: ends too early"),
        ("  ", "column 3: ends too early"),
        ("ABC(", "column 5: ends too early"),
        ("type =", "column 7: ends too early"),
        ("type = 'a' AND", "column 15: ends too early"),
        ("type = 'a'\n  AND", "line 2, column 6: ends too early"),
        ("type = 'a", """column 8: the text "'a" does not end"""),
        ("type\n= 'a')", "line 2, column 6: ')' stands where an operator, or the end, is expected"),
        ("(type = 'a'", "column 12: ends too early"),
        ("type = = 'a'", "column 8: '=' stands where a value is expected"),
        ("type == 'a'", "column 7: '=' stands where a value is expected"),
        ("'it''s'", """column 5: "'s'" stands where an operator, or the end, is expected"""),
        ("and = 'a'", "column 1: 'and' stands where a value is expected"),
        ("x LIKE 123", "column 8: '123' stands where a text in quotes is expected"),
        ("x LIKE y", "column 8: 'y' stands where a text in quotes is expected"),
        ("x IN ()", "column 7: ')' stands where a value is expected"),
        ("EXISTS (x)", "column 8: '(' stands where the name of an attribute is expected"),
        ("EXISTS 'x'", """column 8: "'x'" stands where the name of an attribute is expected"""),
        ("$", "column 1: '$' stands where a value is expected"),
        ("__class__", "column 1: '__class__' stands where a value is expected"),
        ("type.__class__", "column 5: '.__class__' stands where an operator, or the end, is expected"),
        ("a \u017f\u212a", "column 3: '\u017f\u212a' stands where an operator, or the end, is expected"),
        ("'a' LI\u212aE 'a'", "column 5: 'LI' stands where an operator, or the end, is expected"),
        ("+ 5", "column 1: '+' stands where a value is expected"),
        ("2147483648", "column 1: 2147483648 is no Integer; that is from -2147483648 to 2147483647"),
        ("1 + -2147483649", "column 5: -2147483649 is no Integer; that is from -2147483648 to 2147483647"),
    ],
)
def test_tells_where_it_goes_wrong(expression: str, error: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        Expression(expression)

    assert (str(caught.value), caught.value.type) == (error, ErrorType.PARSE)


@pytest.mark.parametrize("expression", ["CONCAT_WS()", "LENGTH()", "LENGTH('a', 'b')", "SUBSTRING('a')", "eval('1')"])
def test_a_function_that_is_not_there_is_told_at_once(expression: str) -> None:
    """3.3: "Whenever possible, some error checks SHOULD be done at compile time"."""
    with pytest.raises(
        InvalidExpression, match=r"column 6: there is no function \w+ of \d arguments; there are ABS, "
    ) as caught:
        Expression(f"NOT( {expression})")

    assert caught.value.type is ErrorType.MISSING_FUNCTION


@pytest.mark.parametrize(
    "nested",
    [
        "NOT " * 500 + "TRUE",
        "-" * 500 + "a",
        "1" + " + 1" * 500,
        "ABS(" * 500 + "1" + ")" * 500,
        "(1 = " * 500 + "1" + ")" * 500,
    ],
)
def test_what_is_nested_too_deep_is_told(nested: str) -> None:
    with pytest.raises(InvalidExpression, match=f"nested deeper than {DEEPEST}; make several filters of it"):
        Expression(nested)


def test_what_is_nested_as_deep_as_may_be_is_evaluated() -> None:
    assert evaluate("NOT " * (DEEPEST - 1) + "TRUE") == (bool(DEEPEST % 2), None)
    assert evaluate("STRING(INT(" * (DEEPEST // 2 - 1) + "a" + "))" * (DEEPEST // 2 - 1), a="7") == ("7", None)


def test_a_long_expression_is_none_that_is_nested() -> None:
    names = [f"car{number}" for number in range(2000)]

    assert evaluate(" OR ".join(f"type = '{name}'" for name in names), type="car1999") == (True, None)
    assert evaluate(" AND ".join(f"type != '{name}'" for name in names), type="train") == (True, None)
    assert evaluate(f"type NOT IN ({', '.join(map(repr, names))})", type="train") == (True, None)
    assert evaluate("(" * 2000 + "TRUE" + ")" * 2000) == (True, None)


def test_spaces_and_lines_are_between_words_only() -> None:
    assert evaluate("\t type\r\n=\n'car.moved'and(TRUE)AND NOT(FALSE) ") == (True, None)
    assert evaluate("LENGTH (' a\n b ')") == (6, None)
