"""Dashboards for Grafana as code; ``python -m monitoring`` writes what is committed below ``grafana/`` and the rules'
Kubernetes form."""
