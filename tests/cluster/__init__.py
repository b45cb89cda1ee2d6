"""What is promised of a real cluster with a real Knative; `python -m tests.cluster` runs it (make test-cluster)."""
