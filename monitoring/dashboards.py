"""The five dashboards: what an operator wants to see, in the order in which it is asked.

Every query holds on a laptop and in a cluster: what the two call by different names is made one by recording rules
(rules/recording.yaml).
"""

from typing import Final

from monitoring.panels import (
    BYTES,
    BYTES_PER_SECOND,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    heat,
    lines,
    number,
)

WINDOW: Final = "[$__rate_interval]"


def rate(counter: str, by: str = "") -> str:
    """How fast a counter grows, summed."""
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({counter}{WINDOW}))"


def share(part: str, whole: str, by: str = "") -> str:
    """A part of a whole, 0 where there is none of it."""
    of = rate(whole, by)
    nothing = f"{of} * 0"
    return f"({rate(part, by)} or {nothing}) / ({of} > 0) or {nothing}"


def quantiles(title: str, tells: str, histogram: str, by: str = "", selecting: str = "") -> Panel:
    """The median and the 99th percentile."""
    name = f"{{{{{by}}}}} " if by else ""
    labels = f"le, {by}" if by else "le"
    both = [
        (
            f"histogram_quantile({of}, sum by ({labels}) (rate({histogram}_bucket{selecting}{WINDOW})))",
            f"{name}{called}",
        )
        for of, called in ((0.5, "p50"), (0.99, "p99"))
    ]
    return lines(title, tells, SECONDS, *both)


REQUESTS, DURATION = "trackway_function_requests_total", "trackway_function_request_duration_seconds"
ERRORS = 'trackway_function_requests_total{code=~"5.."}'
AGE, ARRIVAL = "trackway_gateway_position_age_seconds", "trackway_gateway_position_arrival_age_seconds"
STORED = 'trackway_store_written_rows_total{operation="append_positions"}'
UNAVAILABLE = 'trackway_store_operations_total{result="unavailable"}'
EMITTED = "trackway_function_emitted_events_total"
LETTERS = 'trackway_function_events_total{function="deadletter"}'

OVERVIEW: Final = Dashboard(
    "overview",
    "Trackway / Overview",
    "Whether people see what happens, and if not, where to look.",
    (
        (
            "Now",
            (
                number("Trips underway", "On the live view.", COUNT, 'sum(trackway_gateway_trips{status="underway"})'),
                number("Vehicles", "On the live view.", COUNT, "max(trackway_gateway_vehicles)"),
                number("Live sockets", "Pages that are open.", COUNT, "sum(trackway_gateway_connections)"),
                number(
                    "Age on screens, p95",
                    "How old positions are in people's browsers.",
                    SECONDS,
                    "trackway:position_age_seconds:p95_5m",
                    2,
                    5,
                ),
                number("Errors", "Share of requests and deliveries.", SHARE, share(ERRORS, REQUESTS), 0.01, 0.05),
                number(
                    "Lag", "Of the slowest Trigger, in events.", COUNT, "max(trackway:trigger_lag_events)", 100, 1000
                ),
            ),
        ),
        (
            "The way of a position",
            (
                lines(
                    "Events",
                    "What functions emit, and what is taken in behind the broker.",
                    PER_SECOND,
                    (rate(f'{EMITTED}{{result="accepted"}}', "function"), "emitted by {{function}}"),
                    (rate("trackway_function_events_total", "function"), "taken by {{function}}"),
                ),
                lines("Positions stored", "Repeats included.", PER_SECOND, (rate(STORED), "stored")),
                quantiles("Age on arrival", "Of the newest position of each delivery to the gateway.", ARRIVAL),
            ),
        ),
        (
            "Processes",
            (
                lines(
                    "Processor",
                    "Cores in use, all processes that are scraped.",
                    COUNT,
                    (f"sum(rate(process_cpu_seconds_total{WINDOW}))", "cores"),
                ),
                lines("Memory", "Resident, all processes.", BYTES, ("sum(process_resident_memory_bytes)", "resident")),
                lines(
                    "Processes of each function",
                    "None while it is at zero.",
                    COUNT,
                    ("count by (function) (trackway_function_events_total)", "{{function}}"),
                ),
            ),
        ),
    ),
)

FUNCTIONS: Final = Dashboard(
    "functions",
    "Trackway / Functions",
    "Rate, errors and duration of every function, its emissions, and the store behind it.",
    (
        (
            "Rate, errors, duration",
            (
                lines(
                    "Requests",
                    "`events` are deliveries of the broker (a batch is one), `request` anybody else's.",
                    PER_SECOND,
                    (rate(REQUESTS, "function, kind"), "{{function}} {{kind}}"),
                ),
                lines(
                    "Errors",
                    "Share of answers with 5xx; the broker comes again.",
                    SHARE,
                    (share(ERRORS, REQUESTS, "function"), "{{function}}"),
                ),
                quantiles("Duration", "simulate holds a delivery for the length of a slice.", DURATION, "function"),
                lines("Answers", "By status.", PER_SECOND, (rate(REQUESTS, "code"), "{{code}}")),
                heat("Durations of requests", "Without deliveries.", DURATION, '{kind="request"}'),
                lines(
                    "Events",
                    "Delivered, repeats included.",
                    PER_SECOND,
                    (rate("trackway_function_events_total", "function"), "{{function}}"),
                ),
            ),
        ),
        (
            "To the broker",
            (
                lines(
                    "Emitted",
                    "By what became of the events.",
                    PER_SECOND,
                    (rate(EMITTED, "function, result"), "{{function}} {{result}}"),
                ),
                quantiles(
                    "Posts", "With repeats, until they are accepted.", "trackway_function_sink_post_duration_seconds"
                ),
                lines(
                    "Waiting to be posted",
                    "Grows where the broker is slower than the function.",
                    COUNT,
                    ("sum by (function) (trackway_function_sink_waiting_events)", "{{function}}"),
                ),
            ),
        ),
        (
            "Store",
            (
                lines(
                    "Calls",
                    "By operation, of all processes.",
                    PER_SECOND,
                    (rate("trackway_store_operations_total", "operation"), "{{operation}}"),
                ),
                quantiles(
                    "Duration of writes",
                    "Of positions.",
                    "trackway_store_operation_duration_seconds",
                    selecting='{operation="append_positions"}',
                ),
                lines(
                    "Not available",
                    "Share of calls that found the store away or busy.",
                    SHARE,
                    (share(UNAVAILABLE, "trackway_store_operations_total"), "unavailable"),
                ),
            ),
        ),
    ),
)

GATEWAY: Final = Dashboard(
    "gateway",
    "Trackway / Live gateway",
    "Sockets, frames, how old positions are when people see them, and what slow readers were spared.",
    (
        (
            "Sockets",
            (
                number("Open", "All gateways.", COUNT, "sum(trackway_gateway_connections)"),
                number(
                    "Fullest gateway",
                    "Share of the sockets that it lets in.",
                    SHARE,
                    "max(trackway_gateway_connections / trackway_gateway_connections_limit)",
                    0.7,
                    0.9,
                ),
                number("Age p95", "As browsers report it.", SECONDS, "trackway:position_age_seconds:p95_5m", 2, 5),
                lines("Open sockets", "By gateway.", COUNT, ("sum by (pod) (trackway_gateway_connections)", "{{pod}}")),
                lines(
                    "Opened and closed",
                    "Closed by code, `client` where the page left.",
                    PER_SECOND,
                    (rate("trackway_gateway_connections_opened_total"), "opened"),
                    (rate("trackway_gateway_connections_closed_total", "code"), "closed {{code}}"),
                ),
                quantiles("Age on screens", "Of a sample, by the vehicle's clock.", AGE),
            ),
        ),
        (
            "Frames",
            (
                lines(
                    "Frames",
                    "Written to sockets.",
                    PER_SECOND,
                    (rate("trackway_gateway_frames_total", "encoding"), "{{encoding}}"),
                ),
                lines(
                    "Bytes",
                    "Of these.",
                    BYTES_PER_SECOND,
                    (rate("trackway_gateway_frame_bytes_total", "encoding"), "{{encoding}}"),
                ),
                lines(
                    "Conflated",
                    "Share of changes that a newer one replaced before the frame left; slow readers and far views.",
                    SHARE,
                    (share("trackway_gateway_conflated_changes_total", "trackway_gateway_changes_total"), "conflated"),
                ),
                heat("Ages on screens", "As browsers report them.", AGE),
                lines(
                    "Feed",
                    "Events that came.",
                    PER_SECOND,
                    (rate("trackway_gateway_events_total", "result"), "{{result}}"),
                ),
                quantiles(
                    "Age on arrival", "At the gateway; the rest of the age is its own and the network's.", ARRIVAL
                ),
            ),
        ),
        (
            "Queries",
            (
                lines(
                    "Requests", "By route.", PER_SECOND, (rate("trackway_gateway_requests_total", "route"), "{{route}}")
                ),
                lines(
                    "Errors",
                    "Share of answers with 5xx.",
                    SHARE,
                    (
                        share('trackway_gateway_requests_total{code=~"5.."}', "trackway_gateway_requests_total"),
                        "5xx",
                    ),
                ),
                quantiles("Duration", "Until the answer begins.", "trackway_gateway_request_duration_seconds", "route"),
            ),
        ),
    ),
)

BROKER: Final = Dashboard(
    "broker",
    "Trackway / Broker and dead letters",
    "What goes through the broker, how far each Trigger is behind, and what nobody could handle.",
    (
        (
            "Broker",
            (
                lines(
                    "Events in", "Taken in by each Broker.", PER_SECOND, ("trackway:broker_events:rate1m", "{{broker}}")
                ),
                lines(
                    "Lag",
                    "Events that a Trigger is not through with.",
                    COUNT,
                    ("trackway:trigger_lag_events", "{{trigger}}"),
                ),
                lines(
                    "Delivered",
                    "By what the subscriber made of them.",
                    PER_SECOND,
                    ("trackway:trigger_events:rate1m", "{{trigger}} {{result}}"),
                ),
                lines(
                    "Deliveries, p99",
                    "A batch is one.",
                    SECONDS,
                    ("trackway:trigger_delivery_seconds:p99_5m", "{{trigger}}"),
                ),
                lines(
                    "Deliveries, p50",
                    "A batch is one.",
                    SECONDS,
                    ("trackway:trigger_delivery_seconds:p50_5m", "{{trigger}}"),
                ),
                lines(
                    "Posts that failed",
                    "Share of the events that functions emitted.",
                    SHARE,
                    (share(f'{EMITTED}{{result!="accepted"}}', EMITTED, "function"), "{{function}}"),
                ),
            ),
        ),
        (
            "Dead letters",
            (
                number(
                    "Lately",
                    "Deliveries of dead letters in the life of the deadletter function's processes.",
                    COUNT,
                    f"sum(max_over_time({LETTERS}[15m])) or vector(0)",
                    1,
                    10,
                ),
                lines("Arriving", "At the deadletter function.", COUNT, (f"sum({LETTERS}) or vector(0)", "kept")),
                lines(
                    "Refused deliveries",
                    "Share of attempts that were refused, for now or for good.",
                    SHARE,
                    (
                        '(sum by (trigger) (trackway:trigger_events:rate1m{result!="taken"}) or '
                        "sum by (trigger) (trackway:trigger_events:rate1m) * 0) / "
                        "(sum by (trigger) (trackway:trigger_events:rate1m) > 0) or "
                        "sum by (trigger) (trackway:trigger_events:rate1m) * 0",
                        "{{trigger}}",
                    ),
                ),
            ),
        ),
    ),
)

FLEET: Final = Dashboard(
    "fleet",
    "Trackway / Fleet",
    "What the fleet does: trips, vehicles and positions. No vehicle and no person is named.",
    (
        (
            "Today",
            (
                number(
                    "Planned", "Trips that have not started.", COUNT, 'max(trackway_gateway_trips{status="planned"})'
                ),
                number("Underway", "Trips.", COUNT, 'max(trackway_gateway_trips{status="underway"})'),
                number("Finished", "Since midnight.", COUNT, 'max(trackway_gateway_trips{status="finished"})'),
                number("Cancelled", "Since midnight.", COUNT, 'max(trackway_gateway_trips{status="cancelled"})'),
                number("Vehicles", "On the live view.", COUNT, "max(trackway_gateway_vehicles)"),
                number("Positions", "Stored per second.", PER_SECOND, rate(STORED)),
            ),
        ),
        (
            "Over time",
            (
                lines("Trips", "By status.", COUNT, ("max by (status) (trackway_gateway_trips)", "{{status}}")),
                lines("Vehicles", "On the live view.", COUNT, ("max(trackway_gateway_vehicles)", "vehicles")),
                lines(
                    "Positions",
                    "Reported by devices, driven by the simulation, and stored.",
                    PER_SECOND,
                    (rate(f'{EMITTED}{{function=~"ingest|simulate",result="accepted"}}', "function"), "{{function}}"),
                    (rate(STORED), "stored"),
                ),
                lines(
                    "What is derived",
                    "Progress, delays, deviations and arrivals that were emitted.",
                    PER_SECOND,
                    (rate(f'{EMITTED}{{function="progress",result="accepted"}}'), "events"),
                ),
                lines(
                    "Facts stored",
                    "Of trips.",
                    PER_SECOND,
                    (rate('trackway_store_written_rows_total{operation="apply_trip_events"}'), "facts"),
                ),
                quantiles("Age on arrival", "By the vehicles' clocks: old where devices catch up.", ARRIVAL),
            ),
        ),
    ),
)

DASHBOARDS: Final = (OVERVIEW, FUNCTIONS, GATEWAY, BROKER, FLEET)
