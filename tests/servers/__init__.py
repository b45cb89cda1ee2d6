"""Real servers for the tests, installed into build/servers by the tools that their makers provide."""
