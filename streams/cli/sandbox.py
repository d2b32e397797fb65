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
from services.sandbox.key import signing_key
from services.sandbox.serving import Peer, serving
from services.sandbox.settings import SandboxSettings
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
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

EXAMPLE = "Example: ocop sandbox viettelpost --speed 20000 --start 2026-10-01 --mischief 0"


@app.command(epilog=EXAMPLE)
def viettelpost(
    *,
    port: PortOption = None,
    webhook_url: Url = None,
    speed: Speed = None,
    seed: Seed = None,
    start: Start = None,
    mischief: Trouble = None,
    lives: Fates = None,
) -> None:
    """Serve Viettel Post's double. Every option is also a variable OCOP_SANDBOX_…"""
    settings = read_settings()
    chosen = _chosen(
        webhook_url=webhook_url, speed=speed, seed=seed, start=start, mischief=mischief, lives=lives
    )
    hook = f"{settings.gateway}/v1/carriers/viettelpost/partner_v2/events"
    peer = ViettelPostSandbox(chosen.options(hook))
    _serve(peer, "viettelpost", settings, port or _port(settings.carrier_viettelpost_url))


@app.command(epilog=EXAMPLE.replace("viettelpost", "vnpost"))
def vnpost(
    *,
    port: PortOption = None,
    webhook_url: Url = None,
    speed: Speed = None,
    seed: Seed = None,
    start: Start = None,
    mischief: Trouble = None,
    lives: Fates = None,
) -> None:
    """Serve Vietnam Post's double. Its webhooks are signed with a key in the data folder.

    The public half lies beside the key (sandbox-vnpost.pem.pub), for `ocop keys trust`.
    """
    settings = read_settings()
    chosen = _chosen(
        webhook_url=webhook_url, speed=speed, seed=seed, start=start, mischief=mischief, lives=lives
    )
    hook = f"{settings.gateway}/v1/carriers/vnpost/myvnpost/events"
    key = signing_key(settings.data_dir / "sandbox-vnpost.pem")
    peer = VietnamPostSandbox(chosen.options(hook), key)
    _serve(peer, "vnpost", settings, port or _port(settings.carrier_vnpost_url))


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


def _serve(peer: Peer, carrier: str, settings: Settings, port: int) -> None:
    configure_logs(f"sandbox-{carrier}", settings.log_level)
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
