"""Rules of single values, as Kubernetes and Knative have them: names, quantities, durations, image references …"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from trackway.deploy.shape import meant, shown

Rule = Callable[[Any], str | None]


def one_of(*words: str) -> Rule:
    """One of these words."""

    def check(value: Any) -> str | None:
        return None if value in words else f"is {', '.join(words)}; not {shown(value)}{meant(str(value), words)}"

    return check


def between(least: float, most: float) -> Rule:
    """A number within these bounds."""

    def check(value: Any) -> str | None:
        return None if least <= value <= most else f"is {value}; it has to be between {least:g} and {most:g}"

    return check


def matching(pattern: str, says: str) -> Rule:
    """A text that the pattern describes whole; ``says`` is how a person would say it."""
    whole = re.compile(pattern)

    def check(value: Any) -> str | None:
        return None if whole.fullmatch(str(value)) else f"is {says}, not {shown(value)}"

    return check


def every(rule: Rule) -> Rule:
    """A list, of whose items the rule holds."""
    return lambda value: next((wrong for each in value if (wrong := rule(each))), None)


def texts(value: Mapping[Any, Any]) -> str | None:
    """A mapping of texts."""
    bad = [key for key, each in value.items() if not isinstance(each, str)]
    return f"has {shown(value[bad[0]])} for {bad[0]}, which is no text; put it into quotes" if bad else None


def label_texts(value: Mapping[Any, Any]) -> str | None:
    """Keys and values as Kubernetes wants those of labels."""
    wrong = texts(value)
    if wrong:
        return wrong
    for key, each in value.items():
        if not _QUALIFIED.fullmatch(str(key)):
            return f"has the key {shown(key)}, which is no name of a label"
        if not _LABEL_VALUE.fullmatch(each):
            return f"has {shown(each)} for {key}, which is no value of a label"
    return None


def annotation_texts(value: Mapping[Any, Any]) -> str | None:
    """Keys as Kubernetes wants them, texts as values."""
    bad = [key for key in value if not _QUALIFIED.fullmatch(str(key))]
    return f"has the key {shown(bad[0])}, which is no name of an annotation" if bad else texts(value)


def quantities(value: Mapping[Any, Any]) -> str | None:
    """A mapping of resources to quantities."""
    for key, each in value.items():
        wrong = quantity(each)
        if wrong:
            return f"has a {key} that {wrong}"
    return None


_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE = re.compile(rf"({_NAME})?")
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_QUALIFIED = re.compile(rf"({_SUBDOMAIN}/)?{_NAME}")
_HOST = r"[a-z0-9A-Z]([-a-zA-Z0-9.]*[a-zA-Z0-9])?"


def namespace_or_none(value: Any) -> str | None:
    """A namespace, or the empty text that stands for the one that is asked in."""
    return dns_label(value) if value else None


def name_or_none(value: Any) -> str | None:
    """A name, or the empty text that stands for the default."""
    return subdomain(value) if value else None


subdomain = matching(rf"(?=.{{1,253}}\Z){_SUBDOMAIN}", "a name of small letters, digits, '-' and '.'")
dns_label = matching(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a name of at most 63 small letters, digits and '-'")
service_name = matching(
    r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", "a name of at most 63 small letters, digits and '-' that begins with a letter"
)
port_name = matching(
    r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "a name of at most 15 small letters, digits and '-'",
)
quantity = matching(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?", "a quantity such as 500m or 64Mi")
port_number = between(1, 65_535)
label_value = matching(rf"({_NAME})?", "a value of a label")
identifier = matching(r"[A-Za-z_][A-Za-z0-9_]*", "a kind such as Service")
api_version = matching(rf"({_SUBDOMAIN}/)?{_NAME}", "a version such as apps/v1")
label_key = matching(rf"({_SUBDOMAIN}/)?{_NAME}", "a name of a label")
config_key = matching(r"[-._a-zA-Z0-9]{1,253}", "a key of letters, digits, '-', '_' and '.'")
env_name = matching(r"[ -<>-~]+", "a name without '='")
image_name = matching(
    rf"({_HOST}(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[\w][\w.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?",
    "an image such as registry.example.com/name:tag",
)
absolute_path = matching(r"/.+", "a path that begins with /")
attribute = matching(r"[a-z][a-z0-9]*", "the name of an attribute: small letters and digits")
word = matching(r"\S(.*\S)?", "a word")
host_or_any = matching(
    rf"([-a-z0-9.]+/|\./|\*/|~/)?(\*|(\*\.)?{_HOST})", "a host name, perhaps with * for its first part"
)
_SIGN = r"-?"
iso_period = matching(
    rf"{_SIGN}P(?=.)(\d+([.,]\d+)?[YMWD])*(T(?=.)(\d+([.,]\d+)?[HMS])+)?", "a duration such as PT0.2S (ISO 8601)"
)
go_duration = matching(r"[+-]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+", "a duration such as 1m30s")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """A Go duration in seconds."""
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) * (-1 if text.startswith("-") else 1)


def go_between(least: float, most: float) -> Rule:
    """A Go duration of whole seconds within bounds."""

    def check(value: Any) -> str | None:
        wrong = go_duration(value)
        if wrong:
            return wrong
        length = seconds(value)
        if not least <= length <= most:
            return f"is {value}; it has to be between {least:g} s and {most:g} s"
        return None if length == int(length) else f"is {value}; it has to be whole seconds"

    return check


def written(number: Callable[[str], float], rule: Rule) -> Rule:
    """A number that is written as a text, as in an annotation."""

    def check(value: Any) -> str | None:
        try:
            return rule(number(value))
        except ValueError:
            return f"is a number in quotes, not {shown(value)}"

    return check


def zone_name(value: Any) -> str | None:
    """A time zone of the IANA database."""
    return None if value in available_timezones() else f"is a time zone such as America/Montevideo, not {shown(value)}"
