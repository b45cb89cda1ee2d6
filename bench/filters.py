"""What it costs to find out who wants an event: microseconds an event, for an expression and for many Triggers."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from knative_local.filters import Exact, Filter, Matcher, Prefix
from knative_local.filters.cesql import CesqlFilter
from report import table

Event = Mapping[str, str]
KINDS = 7
"""Types that the events are of."""
EXPRESSIONS = (
    "type != 'dev.town.other.v1' AND tenant = 'acme' AND subject <> 'vehicle-7'",
    "type LIKE 'dev.town.%' AND amount > 10 AND amount <= 5000",
    "(EXISTS amount AND amount / 2 > 10) OR tenant IN ('acme', 'other')",
)


def events(amount: int) -> list[Event]:
    """Of KINDS types, each with an id and a time of its own, by 500 vehicles of one tenant."""
    return [
        {
            "specversion": "1.0",
            "id": f"trip-{number % 500}:{number}",
            "source": "/town/functions/simulate",
            "type": f"dev.town.kind-{number % KINDS}.v1",
            "time": f"2026-01-01T00:00:00.{number:06}Z",
            "subject": f"vehicle-{number % 500}",
            "tenant": "acme",
            "amount": str(number),
        }
        for number in range(amount)
    ]


def exact(triggers: int) -> list[Filter]:
    """Filters by type; of an event's type there are `triggers` / KINDS at most, and 3 of 20."""
    return [Exact((("type", f"dev.town.kind-{number % KINDS}.v1"),)) for number in range(triggers)]


def by_expression(triggers: int) -> list[Filter]:
    """Expressions about a type, another for each Trigger, and a number, another for each event."""
    return [CesqlFilter(f"type = 'dev.town.kind-{number}.v1' AND amount > 10") for number in range(triggers)]


def mixed(triggers: int) -> list[Filter]:
    """The same with some among them that read what is another for each event."""
    others: list[Filter] = [Prefix((("subject", "vehicle-1"),)), Exact((("id", "trip-1:1"),))]
    return [*exact(triggers - len(others)), *others]


def microseconds(ask: Callable[[Event], object], asked: Sequence[Event], runs: int) -> list[float]:
    """An event, for each of the runs, the fastest first; one run before them is not counted."""
    measured: list[float] = []
    for _ in range(runs + 1):
        begin = time.process_time()
        for event in asked:
            ask(event)
        measured.append(1e6 * (time.process_time() - begin) / len(asked))
    return sorted(measured[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="a run (default 100000)")
    parser.add_argument("--runs", type=int, default=5, help="times that each is measured (default 5)")
    options = parser.parse_args()
    if not 1_000 <= options.events <= 1_000_000 or not 1 <= options.runs <= 50:
        parser.error("--events is 1000 to 1000000 and --runs 1 to 50")
    asked = events(options.events)
    subjects: list[tuple[str, Callable[[Event], object]]] = [
        (f"cesql: {expression}", CesqlFilter(expression).matches) for expression in EXPRESSIONS
    ]
    subjects += [(f"{count} Triggers by type", Matcher(exact(count)).matching) for count in (10, 20, 100)]
    subjects += [
        (f"{count} Triggers, 2 of them by id and subject", Matcher(mixed(count)).matching) for count in (10, 100)
    ]
    subjects += [(f"{count} Triggers by an expression", Matcher(by_expression(count)).matching) for count in (10, 100)]
    rows: list[list[str]] = []
    for name, ask in subjects:
        measured = microseconds(ask, asked, options.runs)
        rows.append([name, f"{measured[len(measured) // 2]:.2f}", f"{measured[0]:.2f} – {measured[-1]:.2f}"])
    # What was measured has to be what is true: a matcher that finds nothing would be fast as well.
    for event in asked[:1000]:
        for matcher, filters in ((Matcher(exact(20)), exact(20)), (Matcher(mixed(20)), mixed(20))):
            if matcher.matching(event) != tuple(n for n, each in enumerate(filters) if each.matches(event)):
                sys.exit(f"the matcher and the filters do not agree about {event}")
    table(
        f"CPU time of a filter, {options.events:,} events a run, {options.runs} runs",
        ["what", "µs an event (median)", "least – most"],
        rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
