"""Real servers for the tests, installed into build/servers by the tools that their makers provide.

Each is in a process group of its own, so that Ctrl-C reaches whoever uses it first, who then ends it.
"""
