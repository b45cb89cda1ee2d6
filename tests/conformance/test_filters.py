"""Which events a Trigger passes on: `filter`, the dialects of `filters`, nested ones, and CESQL.

"Subscriptions" is CloudEvents' Subscriptions API, 3.2.4; "CESQL" its SQL expression language 1.0; section 1.2 there
says: "If the output value is not a Boolean, or any errors are returned, the event MUST NOT pass the filter."
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .broker import Broker, event
from .subscriber import Subscriber

CREATED, DELETED = "conformance.filter.created", "conformance.filter.deleted"
EVENTS = {
    "plain": {"type": CREATED},
    "deleted": {"type": DELETED, "subject": "orders/17.jpg", "amount": "9"},
    "rich": {"type": CREATED, "subject": "orders/42.png", "amount": "11", "region": "eu", "urgent": "true"},
    "words": {"type": CREATED, "subject": "Größe 100% a_b", "amount": "x1", "region": "us"},
}
# By the Trigger's name: the events that pass, and the sentence that says so.
DIALECTS = {
    "attributes": ("rich", "Knative, Trigger: `filter.attributes` are compared for equality, all of them"),
    "attributes-empty-value": ("rich", "Knative, Trigger: the empty value is 'any'"),
    "exact": ("plain rich words", "Subscriptions, exact: 'MUST exactly match the value String'"),
    "exact-two": ("words", "Subscriptions, exact: 'all … MUST match'"),
    "exact-missing": ("deleted", "OBSERVED-KAFKA, Filters: 'A missing attribute: exact is false'"),
    "prefix": ("deleted rich", "Subscriptions, prefix: 'MUST start with the value String'"),
    "prefix-two": ("rich", "Subscriptions, prefix: all of several"),
    "suffix": ("deleted", "Subscriptions, suffix: 'MUST end with the value String'"),
    "all": ("rich", "Subscriptions, all: 'all the nested filter expressions MUST evaluate to true'"),
    "any": ("deleted words", "Subscriptions, any: 'at least one nested filter expression MUST evaluate to true'"),
    "not": ("deleted", "Subscriptions, not: 'the result of the nested filter expression is inverted'"),
    "not-missing": ("plain deleted words", "OBSERVED-KAFKA, Filters: '`not` of it true'"),
    "not-prefix-missing": ("plain words", "Subscriptions, not and prefix, of an attribute that is not there"),
    "several": ("rich", "Knative, Trigger: the entries of `filters` are ANDed"),
    "nested": ("plain deleted rich", "Subscriptions: expressions nest"),
    "overrides": ("deleted", "Knative, Trigger: 'If both `filter` and `filters` are specified, `filters` overrides'"),
}
CESQL = {
    "equals": ("plain rich words", "3.4.2 `x = y`"),
    "differs": ("deleted", "3.4.2 `x <> y`"),
    "number": ("rich", "3.7: the String is cast to an Integer; 3.3: 'x1' is a CastError, a missing one an error too"),
    "arithmetic": ("rich", "3.4.2 `*`, `+`, `%`, and 3.6, their precedence"),
    "negative": ("deleted", "3.4.1 `-x`, and 2.2, integer literals with a sign"),
    "boolean": ("rich", "3.7 `String -> Boolean`"),
    "exists": ("rich words", "3.4.4 `EXISTS`"),
    "not-exists": ("plain", "3.4.1 `NOT x`, 3.4.4"),
    "like": ("deleted", "3.4.3: `_` is one character"),
    "not-like": ("words", "3.4.3 `NOT LIKE`; a missing attribute is an error"),
    "like-escaped": ("words", "3.4.3: 'Both `%` and `_` can be escaped'"),
    "in": ("rich", "3.4.5 `IN`"),
    "not-in": ("words", "3.4.5 `NOT IN`"),
    "and-or": ("rich words", "CESQLParser.g4: `<assoc=right> expression (AND | OR | XOR) expression`, as brokers do"),
    "xor": ("deleted", "3.4.2 `XOR`"),
    "not": ("rich", "3.4.1 `NOT x`, 2.1 parentheses"),
    "short-circuit-or": ("plain deleted rich words", "3.4.2: 'the right operand MUST NOT be evaluated'"),
    "short-circuit-and": ("plain deleted rich words", "3.4.2: 'the right operand MUST NOT be evaluated'"),
    "missing": ("", "1.2, with 3.2: 'missingAttribute = \"\"' is false and an error"),
    "division-by-zero": ("", "1.2, with 3.4.2: 'Returns `0` and a MathError'"),
    "cast-error": ("rich", "1.2, with 3.7"),
    "casts": ("rich", "3.7, explicit casts"),
    "functions": ("rich", "3.5.1 UPPER, CONCAT, LEFT, RIGHT"),
    "substring": ("deleted", "3.5.1 SUBSTRING: 'index starts from 1'"),
    "trim-length": ("rich words", "3.5.1 TRIM, LENGTH, LOWER"),
    "abs": ("rich", "3.5.2 ABS"),
    "unicode": ("words", "3.1 String: 'Sequence of Unicode characters'"),
    "lower-case": ("words", "2: keywords 'are case-insensitive'"),
    "quotes": ("rich", "2.2: string literals in double quotes"),
}
TABLE = {**DIALECTS, **{f"cesql-{name}": row for name, row in CESQL.items()}}
ERRORS_ARE_PASSED_OVER = "OBSERVED-KAFKA, Filters: 'evaluation errors are ignored and the value used'"
DEFECTS = {
    "not-prefix-missing": "OBSERVED-KAFKA, Filters: the event is discarded",
    **{
        f"cesql-{name}": ERRORS_ARE_PASSED_OVER
        for name in ("cast-error", "division-by-zero", "missing", "not-in", "not-like")
    },
}  # fmt: skip
ROWS = [
    pytest.param(name, set(names.split()), id=name, marks=[pytest.mark.known_defect(kafka=DEFECTS[name])])
    if name in DEFECTS
    else pytest.param(name, set(names.split()), id=name)
    for name, (names, _) in TABLE.items()
]


@pytest.fixture(scope="session")
def posted(broker: Broker, subscriber: Subscriber) -> dict[str, str]:
    """The names of the events by their ids, all of them posted, and whatever had to arrive arrived.

    What must not arrive would have been sent before what was posted later: each Trigger gets its last event twice.
    They are posted in structured mode, since the real brokers do not decode what stands in headers.
    """
    ids = {name: _post(broker, attributes) for name, attributes in EVENTS.items()}
    _all_have_arrived(subscriber, ids)
    again = {name: _post(broker, attributes) for name, attributes in EVENTS.items()}
    _all_have_arrived(subscriber, again)
    return {id: name for name, id in ids.items()}


def _post(broker: Broker, attributes: dict[str, str]) -> str:
    posted = event(**attributes)
    assert broker.post_structured({**posted, "data": {}}).status == 202
    return posted["id"]


def _all_have_arrived(subscriber: Subscriber, ids: dict[str, str]) -> None:
    for trigger, (names, _) in TABLE.items():
        if trigger not in DEFECTS:
            for name in names.split():
                subscriber.wait(f"/filter-{trigger}", ids[name])


@pytest.mark.parametrize(("trigger", "wanted"), ROWS)
def test_a_filter_passes_just_the_events_it_should(
    posted: dict[str, str], subscriber: Subscriber, trigger: str, wanted: set[str]
) -> None:
    """The table above, a row for each Trigger of the manifests."""
    path = f"/filter-{trigger}"
    for id, name in posted.items():
        if name in wanted:
            subscriber.wait(path, id)
    assert {posted[one.id] for one in subscriber.all_at(path) if one.id in posted} == wanted


def test_the_table_has_every_filter_of_the_manifests() -> None:
    """So that none stands there untested."""
    text = (Path(__file__).parent / "manifests.yaml").read_text()
    assert set(re.findall(r"^  name: filter-(\S+)$", text, re.MULTILINE)) == set(TABLE)
