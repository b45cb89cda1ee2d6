"""Random kill -9 of any process under load, and subscribers that misbehave; a checker that knows every promise."""
