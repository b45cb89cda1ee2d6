"""What can happen to a notification: a webhook could not be delivered after all its retries."""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.events.fields import Identifier, Moment


class NotificationFailed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``attempts`` posts of the event ``event_id`` to a webhook failed, the last one for ``reason``."""

    webhook_id: Identifier
    event_id: Annotated[str, Meta(min_length=1)]
    failed_at: Moment
    attempts: Annotated[int, Meta(ge=1)]
    reason: Annotated[str, Meta(max_length=500)]
