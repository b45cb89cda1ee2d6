"""The dialect `cesql`: what passes, what is counted, and what the log says of it."""

import logging

import pytest

from knative_local.filters import All, Exact, Matcher, Not, failures_of
from knative_local.filters.cesql import CesqlFilter, mistake_in

ONLY = "and only a Boolean lets events pass: compare it, or write BOOL(…)"


def test_an_event_passes_when_the_expression_is_true_for_it() -> None:
    """OBSERVED, Deliveries: `type = 'sq' AND amount > 10`: `amount: 11` delivered, `amount: 9` not."""
    filter = CesqlFilter("type = 'sq' AND amount > 10")

    assert filter.matches({"type": "sq", "amount": "11"})
    assert not filter.matches({"type": "sq", "amount": "9"})
    assert not filter.matches({"type": "other", "amount": "11"})
    assert filter.failures == 0


def test_an_event_that_it_cannot_be_evaluated_for_does_not_pass_and_is_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CESQL 1.2: "or any errors are returned, the event MUST NOT pass"; the Kafka broker lets `1/0 = 0` pass."""
    filter = CesqlFilter("1 / amount = 0")

    with caplog.at_level(logging.WARNING):
        assert not filter.matches({"type": "sq"})
        assert not filter.matches({"amount": "0"})
        assert not filter.matches({"amount": "many"})
        assert filter.matches({"amount": "2"})

    assert filter.failures == 3
    assert [record.getMessage() for record in caplog.records] == [
        "cesql '1 / amount = 0': an event does not pass: MissingAttributeError: the event has no attribute amount; "
        "further ones are counted"
    ]


def test_not_of_an_expression_that_fails_passes() -> None:
    """An event that a filter fails for does not pass it, so it passes `not` of it, as in the channel broker."""
    filter = Not(CesqlFilter("amount > 10"))

    assert filter.matches({"type": "sq"})
    assert not filter.matches({"amount": "11"})
    assert failures_of(filter) == 1


def test_failures_are_counted_for_each_event_also_when_the_answer_is_remembered() -> None:
    expression = CesqlFilter("amount > 10")
    filter = All((Exact((("type", "sq"),)), expression))
    matcher = Matcher([filter, Exact((("type", "sq"),))])

    for _ in range(5):
        assert matcher.matching({"type": "sq"}) == (1,)
        assert matcher.matching({"type": "sq", "amount": "11"}) == (0, 1)
        assert matcher.matching({"type": "other"}) == ()

    assert failures_of(filter) == expression.failures == 5


def test_failures_are_counted_for_each_event_also_when_the_answers_flood_the_table() -> None:
    expression = CesqlFilter("EXISTS type AND 10 / (id % 3) > 5")
    matcher = Matcher([expression])

    for number in range(9000):
        matcher.matching({"type": "sq", "id": str(number)})

    assert expression.failures == 3000


@pytest.mark.parametrize(
    ("expression", "needs"),
    [
        ("type = 'a' AND amount > 10", {"type": {"a"}}),
        ("type IN ('a', 1) AND source = 'b' AND EXISTS amount AND id = '7'", {"type": {"a", "1"}, "source": {"b"}}),
        ("type = 'a' AND type IN ('b', 'a')", {"type": {"a"}}),
        ("type = 'a' AND (amount > 10 OR id = '7')", {"type": {"a"}}),
        ("type = 'a' OR amount > 10", {}),
        ("type IN (subject, 'a')", {}),
        ("type = 7", {}),
        ("type != 'a'", {}),
        ("NOT (type = 'a')", {}),
        # For an event without a tenant it fails, and that counts.
        ("tenant = 'acme' AND type = 'a'", {}),
        ("amount > 10 AND type = 'a'", {}),
    ],
)
def test_an_event_that_lacks_what_is_needed_is_not_asked_about_and_would_not_have_failed(
    expression: str, needs: dict[str, set[str]]
) -> None:
    filter, same = CesqlFilter(expression), CesqlFilter(expression)
    required = {"specversion": "1.0", "source": "b", "id": "7"}
    matcher = Matcher([filter])

    for type in ("a", "other", "7"):
        for more in ({}, {"amount": "11"}, {"amount": "x", "tenant": "acme"}, {"subject": type}):
            event = {**required, **more, "type": type}
            assert matcher.matching(event) == ((0,) if same.matches(event) else ())

    assert filter.needs == needs
    assert filter.failures == same.failures


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("", None),
        ("BOOL(flag)", None),
        ("type", f"has a mistake in column 1: the value is of type String, {ONLY}"),
        ("LENGTH(id) + 1", f"has a mistake in column 1: the value is of type Integer, {ONLY}"),
        ("type = ", "has a mistake in column 8: ends too early"),
    ],
)
def test_an_expression_that_no_event_could_pass_is_a_mistake(expression: str, mistake: str | None) -> None:
    assert mistake_in(expression) == mistake


def test_words_that_bind_alike_and_stand_beside_each_other_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for expression in ("EXISTS a OR (EXISTS b AND EXISTS c)", "EXISTS a AND EXISTS b AND EXISTS c", "NOT EXISTS a"):
        CesqlFilter(expression)
    assert not caplog.records

    CesqlFilter("EXISTS a AND EXISTS b OR EXISTS c")

    assert "a AND b OR c is a AND (b OR c); write the brackets" in caplog.text


def test_is_its_text() -> None:
    assert str(CesqlFilter("EXISTS a")) == "EXISTS a"
    assert CesqlFilter("EXISTS a") == CesqlFilter("EXISTS a")
    assert len({CesqlFilter("EXISTS a"), CesqlFilter("EXISTS a"), CesqlFilter("EXISTS b")}) == 2
