"""CESQL: precedence, arithmetic and patterns against the plainest way to do them; no text breaks the parser."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from knative_local.filters.cesql import CesqlFilter, mistake_in
from knative_local.filters.cesql.expression import Expression
from knative_local.filters.cesql.like import test_of as like
from knative_local.filters.cesql.values import LEAST, MOST, InvalidExpression, integer_of


@dataclass(frozen=True)
class Text:
    """An expression as text, and how strongly what joins its outermost parts binds them."""

    full: str
    lean: str
    binds: int

    def within(self, binds: int) -> str:
        """The lean text, in brackets where it would fall apart among what binds so strongly."""
        return self.lean if self.binds >= binds else f"({self.lean})"


ATOM, UNARY, SUFFIX, PRODUCT, SUM, COMPARISON, LOGIC = range(7, 0, -1)
NAMES = ["num", "word", "gone"]
ATOMS = [Text(each, each, ATOM) for each in ("TRUE", "FALSE", "0", "1", "7", "'true'", "'1'", "'a'", *NAMES)]
BINARY = dict.fromkeys("*/%", PRODUCT) | dict.fromkeys("+-", SUM) | dict.fromkeys(("=", "!=", "<", ">="), COMPARISON)


def _infix(operator: str, left: Text, right: Text) -> Text:
    binds = BINARY[operator]
    full = f"({left.full} {operator} {right.full})"
    return Text(full, f"{left.within(binds)} {operator} {right.within(binds + 1)}", binds)


def _logic(operator: str, left: Text, right: Text) -> Text:
    lean = f"{left.within(LOGIC + 1)} {operator} {right.within(LOGIC)}"
    return Text(f"({left.full} {operator} {right.full})", lean, LOGIC)


def _prefix(operator: str, operand: Text) -> Text:
    return Text(f"({operator} {operand.full})", f"{operator} {operand.within(UNARY)}", UNARY)


def _suffix(operator: str, operand: Text) -> Text:
    return Text(f"({operand.full} {operator})", f"{operand.within(SUFFIX)} {operator}", SUFFIX)


def _call(argument: Text) -> Text:
    return Text(f"(LENGTH({argument.full}))", f"LENGTH({argument.lean})", ATOM)


def _around(inner: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
    return st.one_of(
        st.builds(_infix, st.sampled_from(sorted(BINARY)), inner, inner),
        st.builds(_logic, st.sampled_from(["AND", "OR", "XOR"]), inner, inner),
        st.builds(_prefix, st.sampled_from(["NOT", "-"]), inner),
        st.builds(_suffix, st.sampled_from(["LIKE '1%'", "NOT LIKE '%'", "IN (1, 'a')", "NOT IN (TRUE)"]), inner),
        st.builds(_call, inner),
    )


TEXTS = st.recursive(st.sampled_from(ATOMS), _around, max_leaves=12)
WORDS = [
    "and", "OR", "xor", "NOT", "LIKE", "in", "EXISTS", "TRUE", "type", "x", "7", "-2147483648", "99999999999", "'a%'",
    '"', "'", "\\", "(", ")", ",", "=", "!=", "<>", "<", ">=", "+", "-", "*", "/", "%", "ABS", "CONCAT(",
    ".", "_", "é", "\x00", "\n", "__class__", "{}", "%s",
]  # fmt: skip


@given(TEXTS)
def test_brackets_that_say_what_precedence_says_change_nothing(text: Text) -> None:
    """CESQL 3.6; AND, OR and XOR from the right."""
    event = {"num": "3", "word": "tRue"}

    assert Expression(text.lean).evaluate(event) == Expression(text.full).evaluate(event)


@given(TEXTS, st.dictionaries(st.sampled_from(NAMES), st.text(max_size=3)))
def test_a_value_is_always_of_the_type_that_was_told(text: Text, event: dict[str, str]) -> None:
    expression = Expression(text.lean)
    result = expression.evaluate(event)

    kind = {"String": str, "Integer": int, "Boolean": bool}[expression.type]
    assert type(result.value) is kind or (result.failures and result.value is False)
    if isinstance(result.value, int):
        assert LEAST <= result.value <= MOST


@given(st.integers(LEAST, MOST), st.sampled_from("+-*/%"), st.integers(LEAST, MOST))
def test_integers_are_reckoned_as_32_bits(x: int, operator: str, y: int) -> None:
    result = Expression(f"x {operator} y").evaluate({"x": str(x), "y": str(y)})

    if operator in "/%" and y == 0:
        assert (result.value, len(result.failures)) == (0, 1)
        return
    quotient = abs(x) // abs(y) * (1 if x * y > 0 else -1) if y else 0
    exact = {"+": x + y, "-": x - y, "*": x * y, "/": quotient, "%": x - y * quotient}[operator]
    assert result.value == int.from_bytes(exact.to_bytes(9, "little", signed=True)[:4], "little", signed=True)
    assert result.failures == ()


@given(st.text("ab%_\\\n", max_size=8), st.text("ab%_\\\n", max_size=8))
def test_like_matches_as_letter_by_letter(pattern: str, text: str) -> None:
    assert bool(like(pattern)(text)) is _matches(pattern, text)


def _matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if pattern[:2] in ("\\%", "\\_"):
        return text[:1] == pattern[1] and _matches(pattern[2:], text[1:])
    return bool(text) and pattern[0] in ("_", text[0]) and _matches(pattern[1:], text[1:])


@given(st.text("ab", max_size=6))
def test_a_pattern_of_many_wildcards_is_no_burden(end: str) -> None:
    """What a hostile attribute could make of it: 60 wildcards in 50,000 letters end at once, not in the year 3000."""
    assert bool(like("%a" * 60 + "%b" + end)("a" * 50_000)) is False


@given(st.text("+-0123456789 _٣x", max_size=14))
@example("-0")
@example("+00000000000000000001")
def test_a_text_is_an_integer_when_it_is_digits_of_32_bits(text: str) -> None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    whole = digits != "" and all(each in "0123456789" for each in digits)

    assert integer_of(text) == (int(text) if whole and LEAST <= int(text) <= MOST else None)


@given(st.one_of(st.text(), *(st.lists(st.sampled_from(WORDS)).map(between.join) for between in ("", " "))))
def test_any_text_is_an_expression_or_told_to_be_none(text: str) -> None:
    try:
        result = Expression(text).evaluate({"type": "a", "x": "7"})
    except InvalidExpression as error:
        assert str(error).startswith(("column ", "line "))
    else:
        assert isinstance(result.value, str | int)


@given(TEXTS, st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["3", "true", "a"])))
def test_an_event_passes_when_the_value_is_true_without_a_failure(text: Text, event: dict[str, str]) -> None:
    if mistake_in(text.lean) is None:
        result = Expression(text.lean).evaluate(event)
        filter = CesqlFilter(text.lean)

        assert filter.matches(event) is (result.value is True and not result.failures)
        assert filter.failures == bool(result.failures)
