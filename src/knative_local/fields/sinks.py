"""Fields of JobSink and KafkaSink."""

from __future__ import annotations

from knative_local.fields.shapes import CLUSTER_ONLY, NOT_YET, TEXTS, document
from knative_local.fields.workloads import POD, template
from knative_local.schema import Annotations, ListOf, Matching, Object, Refused, Text, Whole

_POD = {**POD, "restartPolicy": Text(("Never", "OnFailure")), "terminationGracePeriodSeconds": CLUSTER_ONLY}
_JOB = Object(
    {
        "apiVersion": Text(("batch/v1",)),
        "kind": Text(("Job",)),
        "metadata": Object({"labels": TEXTS, "annotations": TEXTS, "creationTimestamp": CLUSTER_ONLY}),
        "spec": Object(
            {
                "template": template(_POD, Annotations(), required=("containers", "restartPolicy")),
                "backoffLimit": Whole(0, 1_000),
                "activeDeadlineSeconds": Whole(1),
                "ttlSecondsAfterFinished": Whole(0),
                "completions": Whole(1, 1),
                "parallelism": Whole(1, 1),
                "completionMode": Text(("NonIndexed",)),
                "suspend": NOT_YET,
                "podFailurePolicy": NOT_YET,
                "successPolicy": NOT_YET,
                "backoffLimitPerIndex": NOT_YET,
                "maxFailedIndexes": NOT_YET,
                "podReplacementPolicy": CLUSTER_ONLY,
                "selector": CLUSTER_ONLY,
                "manualSelector": CLUSTER_ONLY,
            },
            required=("template",),
        ),
    },
    required=("spec",),
)
JOB_SINK = document(Object({"job": _JOB}, required=("job",)))
_TOPIC = Matching(r"[A-Za-z0-9._-]{1,249}", "a topic's name of letters, digits, '.', '_' and '-'")
KAFKA_SINK = document(
    Object(
        {
            "topic": _TOPIC,
            "bootstrapServers": ListOf(Matching(r"[^\s:,]+:\d{1,5}", "an address as host:port"), least=1),
            "contentMode": Text(("binary", "structured")),
            "numPartitions": Whole(1),
            "replicationFactor": Whole(1),
            "auth": Refused("is not served: nothing here speaks TLS or SASL"),
        },
        required=("topic", "bootstrapServers"),
        rule=lambda spec: (
            None
            if ("numPartitions" in spec) == ("replicationFactor" in spec)
            else "has numPartitions and replicationFactor both, and then the topic is made, or none of them"
        ),
    )
)
