"""Fields of JobSink."""

from __future__ import annotations

from knative_local.fields.shapes import CLUSTER_ONLY, NOT_YET, TEXTS, document
from knative_local.fields.workloads import POD, template
from knative_local.schema import Annotations, Object, Text, Whole

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
