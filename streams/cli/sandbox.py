"""`ocop sandbox`: a carrier's double over HTTP."""

import asyncio
import signal
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import uvloop
from pydantic import ValidationError

from services.errors import OperatorError
from services.logs import configure_logs
from services.sandbox.peers import SANDBOXES
from services.sandbox.serving import Peer, serving
from services.sandbox.settings import SandboxSettings
from services.settings import Settings, read_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Speed = Annotated[
    float | None, typer.Option(help="Seconds of the parcels' time in one real second.")
]
Seed = Annotated[int | None, typer.Option(help="Same seed, same fates.")]
Start = Annotated[str | None, typer.Option(help="Where the carrier's clock starts: 2026-10-01.")]
Trouble = Annotated[
    float | None, typer.Option(help="Factor on all trouble on the wire; 0 is a perfect line.")
]
Fates = Annotated[float | None, typer.Option(help="Factor on failed attempts, returns and losses.")]
Url = Annotated[str | None, typer.Option(help="Where its webhooks go; default: the gateway.")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on.")]

Name = Annotated[str, typer.Argument(help=f"Whose double: {', '.join(SANDBOXES)}.")]


@app.command(
    epilog="Example: ocop sandbox viettelpost --speed 20000 --start 2026-10-01 --mischief 0"
)
def sandbox(
    name: Name,
    *,
    port: PortOption = None,
    webhook_url: Url = None,
    speed: Speed = None,
    seed: Seed = None,
    start: Start = None,
    mischief: Trouble = None,
    lives: Fates = None,
) -> None:
    """Serve a carrier's or a channel's double. Every option is also a variable OCOP_SANDBOX_…

    What its webhooks are checked with, it tells at /admin/joining.
    """
    row = SANDBOXES.get(name)
    if row is None:
        raise OperatorError(f"There is no sandbox {name}: choose from {', '.join(SANDBOXES)}.")
    settings = read_settings()
    chosen = _chosen(
        webhook_url=webhook_url, speed=speed, seed=seed, start=start, mischief=mischief, lives=lives
    )
    peer = row.build(chosen.options(settings.gateway + row.hook), settings.data_dir)
    _serve(
        peer, name, settings, port or _port((settings.carrier_urls | settings.channel_urls)[name])
    )


def _chosen(**given: Any) -> SandboxSettings:
    try:
        return SandboxSettings(
            **{name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise OperatorError(f"{first['loc'][0]} is not valid: {first['msg']}.") from None


def _port(url: str) -> int:
    return urlsplit(url).port or 80


def _serve(peer: Peer, name: str, settings: Settings, port: int) -> None:
    configure_logs(f"sandbox-{name}", settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(peer, settings.sandbox_host, port))


async def _until_stopped(peer: Peer, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with serving(peer, host, port):
            await stop.wait()
    except OSError as error:
        raise OperatorError(
            f"Port {port} of {host} is taken: choose another with --port."
        ) from error
