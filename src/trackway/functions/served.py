"""The span of a request that somebody made over HTTP."""

from typing import Final

from trackway.functions.problem import problem_of
from trackway.telemetry.tracing import Kind, Span, Tracing

STATUS: Final = "http.response.status_code"


class Served:
    """The span of a request, if it is recorded. To be told of its end by one of the two."""

    def __init__(self, tracing: Tracing, method: str, route: str | None, parent: str | None) -> None:
        """``route`` is the template of the path, or None where nothing is served; ``parent`` the caller's valid
        traceparent."""
        attributes = {"http.request.method": method} | ({"http.route": route} if route else {})
        name = f"{method} {route}" if route else method
        self._span: Span | None = tracing.begin(name, Kind.SERVER, parent, attributes=attributes)
        self.traceparent = parent if self._span is None else self._span.traceparent
        """What events carry that follow from the request."""

    def answered(self, status: int) -> None:
        """It was answered so."""
        if self._span is not None:
            self._span.note(STATUS, status)
            self._span.end(str(status) if status >= 500 else None)

    def failed(self, error: Exception) -> None:
        """It will be answered with what the table says of this."""
        known = problem_of(error, for_event=False)
        if self._span is not None and known is None:
            self._span.note(STATUS, 500)
            self._span.end(type(error).__name__)
        elif known is not None:
            self.answered(known.status)
