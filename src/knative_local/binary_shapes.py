"""Makes events of binary mode messages whose headers are laid out as those of a message before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from knative_local.attribute_rules import NotAnEvent, check_context, check_time
from knative_local.cloudevent import CloudEvent, is_json, is_json_text
from knative_local.event_shapes import Context, context_class

# What stands for itself in a header and in JSON alike.
PLAIN_VALUE: Final = r"[!#$&-\[\]-~]+"


class BinaryShape:
    """Of messages with these attributes in `ce-` headers, and data that are JSON of this type."""

    def __init__(self, names: Sequence[str], content_type: str) -> None:
        """Raises NotAnEvent: such messages are for the general reader."""
        if not is_json(content_type) or not content_type.isascii() or '"' in content_type or "\\" in content_type:
            raise NotAnEvent(f"data of type '{content_type}' are not read here")
        self._content_type = content_type
        self._make: Callable[..., Context] = context_class((*names, "datacontenttype"), has_data=True)
        members = [*(f'"{name}":"%s"' for name in names), f'"datacontenttype":"{content_type.replace("%", "%%")}"']
        self._head = "{" + ",".join(members) + ',"data":'
        self._specversion, self._source = names.index("specversion"), names.index("source")
        self._dataschema = names.index("dataschema") if "dataschema" in names else None
        self._time = names.index("time") if "time" in names else None

    def read(self, values: Sequence[str], body: bytes) -> CloudEvent | None:
        """The event with these values (each a PLAIN_VALUE) and data, or None: then the general reader says why."""
        if not is_json_text(body):
            return None
        dataschema = None if self._dataschema is None else values[self._dataschema]
        try:
            check_context(values[self._specversion], values[self._source], dataschema, self._content_type)
            if self._time is not None:
                check_time(values[self._time])
        except NotAnEvent:
            return None
        data = body.strip()
        json = b"".join(((self._head % tuple(values)).encode(), data, b"}"))
        return CloudEvent(json, self._make(*values, self._content_type, msgspec.Raw(data)))
