"""`ocop bench`."""

import asyncio
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from services.bench.document import Figures, document, machine, told
from services.bench.gateway import measure_gateway
from services.bench.ground import Ground, ground
from services.bench.growth import measure_growth
from services.bench.latency import measure_latency
from services.bench.pipeline import measure_pipeline
from services.bench.progress import Bars
from services.bench.tracking import measure_tracking
from services.settings import read_settings
from streams.processes import ocop

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Part(StrEnum):
    """What can be measured."""

    TRACKING = "tracking"
    PIPELINE = "pipeline"
    GATEWAY = "gateway"
    LATENCY = "latency"
    GROWTH = "growth"
    MEMORY = "memory"


EVERYTHING = (Part.TRACKING, Part.PIPELINE, Part.GATEWAY, Part.LATENCY, Part.GROWTH)
UNDER_LOAD = (Part.PIPELINE, Part.GATEWAY)
"""Where every process of the system is busy: what `memory` alone runs."""


@app.command(epilog="Example: ocop bench tracking gateway --events 100000 --seconds 10")
def bench(
    parts: Annotated[
        list[Part] | None, typer.Argument(help="What to measure; everything if nothing is named.")
    ] = None,
    *,
    events: Annotated[int, typer.Option(min=5_000, help="Webhooks for tracking.")] = 200_000,
    orders: Annotated[int, typer.Option(min=100, help="Orders for the pipeline.")] = 12_000,
    seconds: Annotated[
        float, typer.Option(min=2, help="How long gateway and latency are measured.")
    ] = 20.0,
    stored: Annotated[
        int, typer.Option(min=20_000, help="Parcels in the large store of growth.")
    ] = 1_000_000,
    as_json: Annotated[bool, typer.Option("--json", help="Only the last line.")] = False,
) -> None:
    """Measure throughput, latency, memory and growth on servers of its own, for some minutes.

    Broker and database are real, write to disk as with `ocop up`, and are gone afterwards. The last
    line is JSON; what was not measured is null in it.
    """
    console = Console(stderr=True, quiet=as_json)
    bars = Bars(console)
    figures = Figures(machine=machine())

    def run(work: Callable[[Ground], Coroutine[Any, Any, Any]], name: Part) -> Any:
        bars.say(f"[bold]{name}[/]")
        with ground(read_settings().data_dir / "bench", ocop, bars) as place:
            found = asyncio.run(work(place))
            figures.remember(place.peak_mb)
            return found

    for part in chosen(parts or list(EVERYTHING)):
        match part:
            case Part.TRACKING:
                figures.tracking = run(lambda at: measure_tracking(at, events), part)
            case Part.PIPELINE:
                figures.flow = run(lambda at: measure_pipeline(at, orders), part)
            case Part.GATEWAY:
                figures.gateway = run(lambda at: measure_gateway(at, seconds), part)
            case Part.LATENCY:
                figures.latency = run(lambda at: measure_latency(at, seconds), part)
            case Part.GROWTH:
                figures.growth = run(lambda at: measure_growth(at, 10_000, stored), part)
            case Part.MEMORY:
                pass
    if not as_json:
        typer.echo("\n".join(told(figures)))
    typer.echo(orjson.dumps(document(figures)))


def chosen(parts: list[Part]) -> list[Part]:
    """Each part once; memory is seen while other parts keep every process busy."""
    wanted = [*parts, *UNDER_LOAD] if Part.MEMORY in parts else parts
    return [part for part in EVERYTHING if part in wanted]
