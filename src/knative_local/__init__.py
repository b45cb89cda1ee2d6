"""Knative on one machine: Eventing and Serving for processes, from the manifests that go to a cluster."""
