"""Tests that need what cannot be fetched are collected where it is given, so that they count as skipped nowhere."""

from tests.servers.connect import elasticsearch_sinks

collect_ignore = [] if elasticsearch_sinks() else ["test_connect_to_elasticsearch.py"]
