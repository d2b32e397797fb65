"""`ocop up`."""

import typer
from rich.console import Console

from services.embedded.system import System
from services.settings import read_settings
from streams.processes import processes

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: OCOP_GATEWAY_PORT=8080 ocop up")
def up() -> None:
    """Start everything on this machine and leave it running.

    Broker and database (unless KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL name others), then gateway,
    workers, job runner and the carriers' doubles. What runs already is left alone; if one part does
    not come up, all that was started is stopped again. Logs lie in .ocop/log.
    """
    settings = read_settings()
    console = Console(stderr=True)
    System(settings, processes(settings), console.print).up()
    console.print(f"gateway  http://{settings.gateway_host}:{settings.gateway_port}/docs")
    console.print(f"logs     {settings.data_dir / 'log'}")
    console.print("stop it with  ocop down")
