"""CESQL's values for an event, and its failures: the cases of the specification's own suite (cesql_tck), and more.

The numbers in the docstrings and comments are sections of the CloudEvents SQL Expression Language, version 1.0.
"""

import pytest

from knative_local.filters.cesql.expression import Expression
from knative_local.filters.cesql.values import ErrorType, Value
from tests.unit.knative_local.cesql import evaluate


@pytest.mark.parametrize(
    ("expression", "attributes", "value"),
    [
        ("id", {"id": "myId"}, "myId"),
        ("ID", {"id": "myId"}, "myId"),
        ("subject", {"subject": "mySubject"}, "mySubject"),
        # Extensions that were a Boolean or an Integer are texts by then, and are cast when they are used.
        ("BOOL(mybool)", {"mybool": "true"}, True),
        ("INT(myint)", {"myint": "10"}, 10),
        ("myext", {"myext": "my extension"}, "my extension"),
        ("source", {}, "http://town/cars"),
        ("time", {"time": "2018-04-26T14:48:09+02:00"}, "2018-04-26T14:48:09+02:00"),
        ("2fast", {"2fast": "yes"}, "yes"),
        ("EXISTS specversion AND EXISTS id AND EXISTS type AND EXISTS SOURCE", {}, True),
        ("EXISTS time", {"time": "2018-04-26T14:48:09+02:00"}, True),
        ("EXISTS time", {}, False),
        ("NOT EXISTS time", {}, True),
        ("EXISTS myext", {"myext": "my value"}, True),
        ("EXISTS myext", {}, False),
        ("NOT EXISTS myext", {}, True),
        ("source IN (myext, 'abc')", {"myext": "http://town/cars"}, True),
        ("source IN (source)", {}, True),
        ('source IN (id, "http://town/cars")', {}, True),
        ("source IN (id, 'xyz')", {}, False),
        (r"myext LIKE 'abc%123\%456\_d_f'", {"myext": "abc123123%456_dzf"}, True),
        (r"myext NOT LIKE 'abc%123\%456\_d_f'", {"myext": "abc123123%456_dzf"}, False),
        ("int(hop) < int(ttl) and int(hop) < 1000", {"hop": "5", "ttl": "10"}, True),
        ("INT(hop) < INT(ttl) AND INT(hop) < 1000", {"hop": "5", "ttl": "10"}, True),
        ("hop < ttl", {"hop": "5", "ttl": "10"}, True),
        ("sequence = 5", {"sequence": "5"}, True),
        ("sequence = 5", {"sequence": "6"}, False),
        ("sequence != 5", {"sequence": "05"}, False),
        ("sequence <= 5 AND sequence > -5", {"sequence": "-4"}, True),
        ("sequence > TRUE", {"sequence": "2"}, True),
        ("flag = TRUE", {"flag": "True"}, True),
        ("LENGTH(sequence + 10) = 2", {"sequence": "5"}, True),
        ("firstname = 'Francesco' OR subject = 'Francesco'", {"subject": "Francesco", "firstname": "Doug"}, True),
        ("firstname = 'Francesco' OR subject = 'Francesco'", {"firstname": "Francesco"}, True),
        (
            "(firstname = 'Francesco' AND lastname = 'Guardiani') OR subject = 'Francesco Guardiani'",
            {"subject": "Doug", "firstname": "Francesco", "lastname": "Guardiani"},
            True,
        ),
        (
            "(firstname = 'Francesco' AND lastname = 'Guardiani') OR subject = 'Francesco Guardiani'",
            {"subject": "Francesco Guardiani", "firstname": "Doug", "lastname": "Davis"},
            True,
        ),
        ("EXISTS subject", {"subject": "Francesco Guardiani"}, True),
        # what the other dialects say
        ("source LIKE 'https://%'", {"source": "https://example.com"}, True),
        ("source LIKE 'https://%'", {"source": "http://example.com"}, False),
        ("myext LIKE 'custom%'", {"myext": "customext"}, True),
        ("type like '%.error'", {"type": "com.github.error"}, True),
        ("type like '%.error'", {"type": "com.github.success"}, False),
        ("myext LIKE '%ext'", {"myext": "customext"}, True),
        ("id = 'myId'", {"id": "myId"}, True),
        ("id = 'myId'", {"id": "notmyId"}, False),
        ("myext = 'customext'", {"myext": "customext"}, True),
        ("id LIKE 'my%' AND source LIKE '%.ca'", {"id": "myId", "source": "http://www.some-website.ca"}, True),
        ("id LIKE 'my%' AND source LIKE '%.ca'", {"id": "myId", "source": "http://www.some-website.com"}, False),
        ("myext LIKE 'custom%' AND type LIKE '%.error'", {"myext": "customext", "type": "com.github.error"}, True),
        ("id LIKE 'my%' OR source LIKE '%.ca'", {"id": "myId", "source": "http://www.some-website.ca"}, True),
        ("id LIKE 'my%' OR source LIKE '%.ca'", {"id": "myId", "source": "http://www.some-website.com"}, True),
        ("id LIKE 'my%' OR source LIKE '%.ca'", {"id": "notmyId", "source": "http://www.some-website.ca"}, True),
        ("id LIKE 'my%' OR source LIKE '%.ca'", {"id": "notmyId", "source": "http://www.some-website.com"}, False),
    ],
)
def test_the_value_for_an_event(expression: str, attributes: dict[str, str], value: Value) -> None:
    assert evaluate(expression, **attributes) == (value, None)


@pytest.mark.parametrize(
    ("id", "type", "source", "disjunctive", "conjunctive"),
    [
        ("myId", "event.success", "http://town", True, False),
        ("myId", "event.warning", "http://town", False, True),
        ("notmyId", "event.warning", "http://town", True, False),
        ("notmyId", "event.success", "http://town", False, True),
        ("notmyId", "event.warning", "https://town", False, False),
    ],
)
def test_normal_forms(id: str, type: str, source: str, disjunctive: bool, conjunctive: bool) -> None:
    event = {"id": id, "type": type, "source": source}
    either = "(id = 'myId' AND type LIKE '%.success') OR "
    either += "(id = 'notmyId' AND source LIKE 'http://%' AND type LIKE '%.warning')"
    both = "(id = 'myId' OR type LIKE '%.success') AND "
    both += "(id = 'notmyId' OR source LIKE 'https://%' OR type LIKE '%.warning')"

    assert evaluate(either, **event) == (disjunctive, None)
    assert evaluate(both, **event) == (conjunctive, None)
    assert evaluate(f"{both} AND (myext = 'customext')", **event) == (
        False,
        ErrorType.MISSING_ATTRIBUTE if conjunctive else None,
    )


@pytest.mark.parametrize(
    ("expression", "value", "error"),
    [
        # 3.4.2: "Returns 0 and a MathError if y = 0"
        ("5 / 0", 0, ErrorType.MATH),
        ("5 % 0", 0, ErrorType.MATH),
        ("1 + 5 / 0", 0, ErrorType.MATH),
        ("true and (1 != 1 / 0)", False, ErrorType.MATH),
        ("false or (1 != 1 / 0)", False, ErrorType.MATH),
        ("TRUE XOR 1 / 0", False, ErrorType.MATH),
        ("NOT (1 = 1 / 0)", False, ErrorType.MATH),
        ("(1 / 0) IN (0)", False, ErrorType.MATH),
        ("0 IN (1, 1 / 0)", False, ErrorType.MATH),
        ("(1 / 0) LIKE '0'", False, ErrorType.MATH),
        ("BOOL(1 / 0)", False, ErrorType.MATH),
        ("-(1 / 0)", 0, ErrorType.MATH),
        ("CONCAT('a', 1 / 0)", "", ErrorType.MATH),
        # 3.5.2
        ("ABS(-2147483648)", 2147483647, ErrorType.MATH),
        ("-ABS(-2147483648)", 0, ErrorType.MATH),
        ("STRING(ABS(-2147483648))", "", ErrorType.MATH),
        ("ABS(-2147483648) = 2147483647", False, ErrorType.MATH),
        ("BOOL(ABS(-2147483648))", False, ErrorType.MATH),
        ("LENGTH(ABS(-2147483648))", 0, ErrorType.MATH),
        # 3.7
        ("INT('ABC')", 0, ErrorType.CAST),
        ("INT('')", 0, ErrorType.CAST),
        ("INT('+')", 0, ErrorType.CAST),
        ("INT('1 ')", 0, ErrorType.CAST),
        ("INT('1_0')", 0, ErrorType.CAST),
        ("INT('٣')", 0, ErrorType.CAST),
        ("INT('²')", 0, ErrorType.CAST),
        ("INT('2147483648')", 0, ErrorType.CAST),
        ("INT('-2147483649')", 0, ErrorType.CAST),
        (f"INT('{'9' * 5000}')", 0, ErrorType.CAST),
        ("BOOL('ABC')", False, ErrorType.CAST),
        ("BOOL('1')", False, ErrorType.CAST),
        ("'a' AND TRUE", False, ErrorType.CAST),
        ("NOT 'a'", False, ErrorType.CAST),
        ("'a' + 1", 0, ErrorType.CAST),
        ("type > 1", False, ErrorType.CAST),
        ("type = 1", False, ErrorType.CAST),
        ("type != 1", False, ErrorType.CAST),
        ("type = TRUE", False, ErrorType.CAST),
        ("1 IN ('x', 1)", False, ErrorType.CAST),
        # 3.5.1
        ("LEFT('abc', -2)", "abc", ErrorType.FUNCTION_EVALUATION),
        ("RIGHT('abc', -2)", "abc", ErrorType.FUNCTION_EVALUATION),
        ("SUBSTRING('abcdef', 10)", "", ErrorType.FUNCTION_EVALUATION),
        ("SUBSTRING('abcdef', -10)", "", ErrorType.FUNCTION_EVALUATION),
        ("SUBSTRING('abcdef', 10, 10)", "", ErrorType.FUNCTION_EVALUATION),
        ("SUBSTRING('abcdef', -10, 10)", "", ErrorType.FUNCTION_EVALUATION),
        ("SUBSTRING('abcdef', 1, -1)", "", ErrorType.FUNCTION_EVALUATION),
        ("LEFT('true', -1) = 'true'", False, ErrorType.FUNCTION_EVALUATION),
        ("BOOL(LEFT('true', -1))", False, ErrorType.FUNCTION_EVALUATION),
        ("INT(LEFT('1', -1))", 0, ErrorType.FUNCTION_EVALUATION),
        # 3.2: "the subexpression referencing the missing attribute MUST evaluate to the zero value for the return type"
        ("missing", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing = 2", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing != 2", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing <> 2", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing <= 2", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing != 'a'", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing <> ''", False, ErrorType.MISSING_ATTRIBUTE),
        ("'a' != missing", False, ErrorType.MISSING_ATTRIBUTE),
        ("TRUE = missing", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing + 1", 0, ErrorType.MISSING_ATTRIBUTE),
        ("missing * 5", 0, ErrorType.MISSING_ATTRIBUTE),
        ("missing / 0", 0, ErrorType.MISSING_ATTRIBUTE),
        ("missing % 0", 0, ErrorType.MISSING_ATTRIBUTE),
        ("1 / missing", 0, ErrorType.MISSING_ATTRIBUTE),
        ("-missing", 0, ErrorType.MISSING_ATTRIBUTE),
        ("NOT missing", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing LIKE 'missing'", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing LIKE '%'", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing NOT LIKE 'a'", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing IN ('')", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing NOT IN ('a')", False, ErrorType.MISSING_ATTRIBUTE),
        ("'' IN (missing)", False, ErrorType.MISSING_ATTRIBUTE),
        ("LENGTH(missing)", 0, ErrorType.MISSING_ATTRIBUTE),
        ("CONCAT('a', missing)", "", ErrorType.MISSING_ATTRIBUTE),
        ("INT(missing)", 0, ErrorType.MISSING_ATTRIBUTE),
        ("BOOL(missing)", False, ErrorType.MISSING_ATTRIBUTE),
        ("STRING(missing)", "", ErrorType.MISSING_ATTRIBUTE),
        ('true AND (missing = "")', False, ErrorType.MISSING_ATTRIBUTE),
        ("missing OR TRUE", False, ErrorType.MISSING_ATTRIBUTE),
        ("(missing = 'a') OR TRUE", False, ErrorType.MISSING_ATTRIBUTE),
        ("missing XOR TRUE", False, ErrorType.MISSING_ATTRIBUTE),
        ("type LIKE 'car.%' AND missing LIKE 'a%'", False, ErrorType.MISSING_ATTRIBUTE),
    ],
)
def test_a_failure_comes_with_a_value(expression: str, value: Value, error: ErrorType) -> None:
    """3.3: an operator or function that meets an error gives "a return value as well as one or more error values"."""
    found, failure = evaluate(expression)

    assert (found, type(found), failure) == (value, type(value), error)


def test_what_is_not_evaluated_does_not_fail() -> None:
    """3.4.2: the right operand of AND after `false`, and of OR after `true`, MUST NOT be evaluated."""
    assert evaluate("FALSE AND missing") == (False, None)
    assert evaluate("TRUE OR missing") == (True, None)
    assert evaluate("TRUE AND TRUE AND FALSE AND missing") == (False, None)
    assert evaluate("FALSE OR FALSE OR TRUE OR missing") == (True, None)
    assert evaluate("FALSE XOR missing") == (False, ErrorType.MISSING_ATTRIBUTE)


def test_a_failure_says_what_failed() -> None:
    result = Expression("amount > 10").evaluate({"amount": "x" * 100})

    assert [str(each) for each in result.failures] == [f"CastError: '{'x' * 40}…' is no Integer"]
    assert str(Expression("a = 'b'").evaluate({}).failures[0]) == "MissingAttributeError: the event has no attribute a"


def test_says_which_attributes_it_reads() -> None:
    assert Expression("Type = 'a' OR NOT EXISTS subject AND LENGTH(id) IN (b, -c)").attributes == {
        "type", "subject", "id", "b", "c",
    }  # fmt: skip
