"""What the runtime counts, as Prometheus reads it, and what its instances tell of themselves, on one page."""
