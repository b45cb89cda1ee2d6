"""A suite for any Knative broker that can be reached by HTTP; needs pytest, and nothing of this repository."""
