"""CloudEvents SQL, version 1.0 (CESQL): parsed with lark, evaluated by closures; lark only when there is an expression.

An expression's value has a static type: every operator and function says its own, and an attribute is a String, since
an event's attributes are texts here, as they are in a Kafka record's headers. So all implicit casts are known when the
expression is compiled. Evaluation stops at the operator that fails ("fail fast mode" of the specification): that one
gives its return value, the ones around it the zero value of their type, and the failures come along.
"""

from knative_local.filters.cesql.filter import CesqlFilter, mistake_in

__all__ = ["CesqlFilter", "mistake_in"]
