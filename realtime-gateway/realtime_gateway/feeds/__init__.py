"""How events reach the gateway: each module is one way, and hands what it reads to the live view."""
