"""Trackway: every delivery of a fleet live on a map."""
