"""`ocop`: one command line for everything.

How to add a command: write `streams/cli/<name>.py` with a module-level
`app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)`, and put a row into `COMMANDS` in `streams/cli/table.py`. One `@app.command()` makes
`ocop <name>`; several make `ocop <name> <sub>`. The module is imported only when its command is
called, so it may import Faust, but `ocop --help` never does. Every command has an example in its
docstring (the help text), takes `--json` where a script would read it, gets its `Settings` from
`read_settings()`, and says what an operator must mend by raising `OperatorError`: one sentence on
standard error and exit code 1. A command that checks something ends with `typer.Exit(1)` when the
answer is no.
"""

from streams.cli.main import main

__all__ = ["main"]
