"""Functions: small handlers of events and requests, and the host that makes processes of them."""

from trackway.functions.deps import Clock, Deps, SystemClock
from trackway.functions.exchange import Answered, Received
from trackway.functions.host import Function
from trackway.functions.http import Entry, Http, on_events
from trackway.functions.problem import Problem, Refused, SinkRefused, SinkUnavailable
from trackway.functions.routes import Answer, Hot, Request, Route
from trackway.functions.settings import InvalidSettings, Settings
from trackway.functions.sink import Sink

__all__ = [
    "Answer",
    "Answered",
    "Clock",
    "Deps",
    "Entry",
    "Function",
    "Hot",
    "Http",
    "InvalidSettings",
    "Problem",
    "Received",
    "Refused",
    "Request",
    "Route",
    "Settings",
    "Sink",
    "SinkRefused",
    "SinkUnavailable",
    "SystemClock",
    "on_events",
]
