"""`ocop migrate`."""

import asyncio

import typer

from services.settings import read_settings
from services.store.migrate import migrate as apply

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: DATABASE_URL=postgresql://ocop@db/ocop ocop migrate")
def migrate() -> None:
    """Bring the database to the newest shape: apply deploy/migrations in name order, each once."""
    settings = read_settings()
    applied = asyncio.run(apply(settings.database, settings.migrations_dir))
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo(f"{len(applied)} applied, the database is up to date")
