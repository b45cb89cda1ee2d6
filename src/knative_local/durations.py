"""Durations as manifests write them, in seconds."""

from __future__ import annotations

import re

_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_GO_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def iso_duration(text: str) -> float | None:
    """ISO 8601 as Knative takes it (`PT0.2S`, `PT1M30S`, `P1D`); None when it is none."""
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(group or 0) for group in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def go_duration(text: str) -> float | None:
    """Go's notation (`25ms`, `6s`, `1m30s`, `0`); None when it is none."""
    if text == "0":
        return 0.0
    parts = list(_GO_PART.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    return sum(float(part.group(1)) * _GO_SECONDS[part.group(2)] for part in parts)
