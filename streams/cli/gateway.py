"""`ocop gateway`."""

from typing import Annotated

import typer
import uvicorn

from services.channels.settings import ChannelSettings
from services.garbage import collect_seldom
from services.gateway.app import build_app
from services.logs import configure_logs
from services.settings import read_settings
from services.store.master_key import master_key

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

STOP_S = 5
"""How long open requests and event streams may go on after SIGTERM."""


@app.command(epilog="Example: ocop gateway --host 0.0.0.0 --port 8480")
def gateway(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the HTTP API: orders, packing, carriers' events, sellers' feeds. Docs at /docs."""
    settings = read_settings()
    configure_logs("gateway", settings.log_level)
    http = build_app(
        settings.kafka,
        settings.database,
        master_key(settings),
        settings.pool_size,
        ChannelSettings().accounts(settings.gateway),
        gs1_company_prefix=settings.gs1_company_prefix,
    )
    collect_seldom()
    uvicorn.run(
        http,
        host=host or settings.gateway_host,
        port=port or settings.gateway_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        proxy_headers=False,  # nothing depends on where a request comes from
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
