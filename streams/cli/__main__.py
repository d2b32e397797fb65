"""`python -m streams.cli` is `ocop`."""

from streams.cli.main import main

main()
