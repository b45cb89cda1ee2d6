"""The gateway's application: everything put together, and nothing decided."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.routing import Mount

from realtime_gateway import problems
from realtime_gateway.docs import docs_router
from realtime_gateway.feeds.http import Feed
from realtime_gateway.headers import SecurityHeaders
from realtime_gateway.live import LiveSockets
from realtime_gateway.live_view import LiveView, utc_now
from realtime_gateway.meter import Measured
from realtime_gateway.openapi import Contract
from realtime_gateway.operations import OperationsSource
from realtime_gateway.pages import MapFiles, Page
from realtime_gateway.queries import Queries
from realtime_gateway.searching import Search
from realtime_gateway.settings import Settings
from trackway.metrics import Counting, Reading
from trackway.metrics.names import GATEWAY_FEED_LAG
from trackway.metrics.serving import MetricsServer
from trackway.storage.port import Store
from trackway.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from realtime_gateway.feeds.kafka import KafkaFeed


class Gateway(FastAPI):
    """The application with the two parts that whoever runs it needs to hold."""

    view: LiveView
    sockets: LiveSockets


def create_app(
    settings: Settings, store: Store, now: Callable[[], datetime] = utc_now, tracing: Tracing | None = None
) -> Gateway:
    """The gateway on a store, which it closes at its end, as ``tracing``. Its start raises StoreUnavailable,
    FeedUnavailable."""
    view = LiveView(store, settings.tenant, settings.zone, now, tracing)
    feed = _kafka_feed(settings, view)
    search = Search(settings.elasticsearch, settings.tenant)
    sockets = LiveSockets(view, most=settings.max_sockets, origins=settings.origins, drain=settings.drain_seconds)

    def readings() -> Iterator[Reading]:
        yield from view.meter.readings(sockets.most)
        yield from view.readings()
        if feed is not None:
            yield GATEWAY_FEED_LAG, (), feed.lag
        if isinstance(store, Counting):
            yield from store.readings()

    metrics = MetricsServer(readings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        try:
            place = await feed.locate() if feed is not None else None
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(view.running())
                if feed is not None and place is not None:
                    await stack.enter_async_context(feed.running(place))
                if settings.metrics_address is not None:
                    await metrics.open(settings.metrics_address)
                yield
        finally:
            metrics.close()
            await search.close()
            await store.close()
            if tracing is not None:
                tracing.close()

    app = Gateway(lifespan=lifespan, docs_url=None, redoc_url=None, version="0.1.0", redirect_slashes=False)
    app.view, app.sockets = view, sockets
    contract = Contract()
    queries = Queries(store, settings.tenant, view, OperationsSource(settings.status_url))
    app.include_router(queries.router(contract))
    app.include_router(search.router(contract))
    app.include_router(docs_router(settings.frontend))
    app.add_api_websocket_route("/v1/live", sockets.serve)
    app.router.routes.append(Mount("/map", MapFiles(settings.map)))
    app.router.default = Page(settings.frontend)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Feed, view=view)
    app.add_middleware(Measured, meter=view.meter)
    contract.install(app)
    problems.install(app)
    return app


def _kafka_feed(settings: Settings, view: LiveView) -> "KafkaFeed | None":
    if settings.kafka is None:
        return None
    from realtime_gateway.feeds.kafka import KafkaFeed, KafkaTopic  # noqa: PLC0415 - for those who have a Kafka

    topic = KafkaTopic(settings.kafka, settings.kafka_topic, settings.storing_groups)
    return KafkaFeed(topic, view.receive)
