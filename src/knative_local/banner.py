"""What the runtime says when it is up: where it listens and what it serves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TextIO

from knative_local.model import Manifests


def wants_color(stream: TextIO) -> bool:
    """True on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def started(url: str, manifests: Manifests, direct_urls: Mapping[str, str], *, color: bool) -> str:
    """A few lines for people; `direct_urls` are the Services' own addresses."""

    def paint(code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color else text

    of_flows = {flow.source for flow in manifests.flows}
    rows = {
        "brokers": [f"{url}/broker/{broker.key}" for broker in manifests.brokers],
        "triggers": _joined(trigger.name for trigger in manifests.triggers),
        "channels": [f"{url}/{each.key}" for each in manifests.channels if each.source not in of_flows],
        "flows": [f"{url}/{flow.channel}  {flow.name}" for flow in manifests.flows],
        "job sinks": [f"{url}/jobsink/{sink.key}" for sink in manifests.job_sinks],
        "kafka sinks": _joined(f"{sink.name} (topic {sink.topic} at {sink.servers})" for sink in manifests.kafka_sinks),
        "pings": _joined(f"{source.name} ({source.schedule})" for source in manifests.ping_sources),
        "services": _joined(service.name for service in manifests.services),
        "directly": [f"{direct}  {name}" for name, direct in direct_urls.items()],
        "deployments": _joined(deployment.name for deployment in manifests.deployments),
        "not served": _joined(
            kind if count == 1 else f"{count} × {kind}"
            for kind, count in Counter(skipped.kind for skipped in manifests.skipped).items()
        ),
    }
    lines = ["", f"  {paint('1', 'knative-local')}  {paint('1;36', url)}", ""]
    for title, values in rows.items():
        for index, value in enumerate(values):
            lines.append(f"  {paint('2', (title if index == 0 else '').ljust(12))} {value}")
    lines += ["", f"  {paint('2', 'Ctrl-C stops everything; what is not done goes on at the next start.')}", ""]
    return "\n".join(lines)


def _joined(names: Iterable[str]) -> list[str]:
    text = ", ".join(names)
    return [text] if text else []
