"""`python -m trackway` is the command line `trackway`."""

from trackway.cli import main

main()
