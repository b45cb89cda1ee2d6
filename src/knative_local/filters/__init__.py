"""Which events a Trigger wants: the dialects of the CloudEvents Subscriptions API, one file each."""

from knative_local.filters.all_ import All
from knative_local.filters.any_ import Any
from knative_local.filters.attributes import Attributes
from knative_local.filters.exact import Exact
from knative_local.filters.matcher import Matcher
from knative_local.filters.not_ import Not
from knative_local.filters.port import EVERYTHING, Fallible, Filter, failures_of
from knative_local.filters.prefix import Prefix
from knative_local.filters.suffix import Suffix

__all__ = [
    "EVERYTHING",
    "All",
    "Any",
    "Attributes",
    "Exact",
    "Fallible",
    "Filter",
    "Matcher",
    "Not",
    "Prefix",
    "Suffix",
    "failures_of",
]
