"""The durable log behind the brokers: the port, and SQLite as its first implementation."""
