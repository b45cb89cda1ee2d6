"""A module for each thing that is fuzzed: `one(data)` makes its input of random bytes, and raises what it finds."""
