"""`ocop demo`."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.embedded.system import System
from services.errors import OperatorError
from services.reference.place_tables import read_place_tables
from services.report.month import all_told, read_month
from services.report.rows import document as report_document
from services.report.table import details, overview
from services.sandbox.month.run import DAY_S, Progress
from services.settings import Settings, read_settings
from services.store.pool import READER_SESSION, open_pool
from services.verify.promises import Finding
from services.verify.promises import document as verify_document
from streams import month
from streams.cli import lag as lag_command
from streams.cli import trace as trace_command
from streams.cli import verify as verify_command
from streams.demo_counts import a_told_order, count
from streams.month_cash import settle_month
from streams.processes import processes
from streams.runtime.lag import Lag
from streams.topology import STAGES

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SAMPLE_MONTH = "2026-10"
QUIET_S = 60.0
WIDTH = 120
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    orders: int | None
    seed: int
    day_s: float
    repeat: float


@app.command(epilog="Example: ocop demo --orders 200")
def demo(
    *,
    orders: Annotated[int | None, typer.Option(help="Only the first so many orders.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything left to chance.")] = 0,
    day_s: Annotated[float, typer.Option(help="Real seconds a day of the month takes.")] = DAY_S,
    repeat: Annotated[float, typer.Option(help="Share of requests sent twice.")] = 0.02,
) -> None:
    """Send the sample month through the whole system and check the outcome.

    Starts broker, database, carriers' doubles, gateway, job runner and workers (or uses the servers
    of KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL), sends October 2026 through the HTTP API, waits
    until every parcel is finished, shows the month, one order's journey, the lag and the result of
    `ocop verify`, and stops what it started. Exit code 0 only if every promise holds.
    """
    settings = read_settings()
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width of its own
        console = Console(width=WIDTH)
    chosen = Options(orders, seed, day_s, repeat)
    system = System(settings, processes(settings), console.print)
    if settings.embedded_kafka and settings.embedded_postgres:
        system.down()
        system.erase()
    started = time.monotonic()
    with system.running():
        holds = asyncio.run(play(settings, console, chosen, started))
    if not holds:
        raise typer.Exit(1)


async def play(settings: Settings, console: Console, chosen: Options, started: float) -> bool:
    """The month, and what is there to see of it afterwards."""
    await refuse_old_orders(settings)
    console.print("registering sellers, channels and carriers, and issuing their keys")
    keys = await month.join(settings)
    set_up = time.monotonic()
    progress = await month.run(
        settings,
        keys,
        console,
        orders=chosen.orders,
        seed=chosen.seed,
        day_s=chosen.day_s,
        repeat=chosen.repeat,
    )
    await until_quiet(settings, console)
    await settle_month(settings, console)
    await until_quiet(settings, console)
    seconds = {"set_up": round(set_up - started, 1), "run": round(time.monotonic() - set_up, 1)}
    findings = await show(settings, console)
    await keep_figures(settings, progress, findings, seconds)
    console.print(
        f"set up in {seconds['set_up']} s, run in {seconds['run']} s; "
        f"figures in {settings.data_dir / 'demo.json'}"
    )
    return all(finding.holds for finding in findings)


async def refuse_old_orders(settings: Settings) -> None:
    """A demo counts its own orders only.

    Raises:
        OperatorError: the database has orders already.
    """
    pool = await open_pool(settings.database, application_name="ocop-demo", size=1)
    async with pool:
        if await pool.fetchval("SELECT EXISTS (SELECT FROM intake.orders)"):
            raise OperatorError("The database holds orders already: give the demo an empty one.")


async def until_quiet(settings: Settings, console: Console) -> None:
    """Wait for the last webhooks, for every stage to catch up, and for the figures.

    Raises:
        OperatorError: something is still moving after a minute.
    """
    until = time.monotonic() + QUIET_S
    with console.status("waiting for the last events"):
        while (left := await still_moving(settings)) is not None:
            if time.monotonic() > until:
                raise OperatorError(f"After {QUIET_S:.0f} s there is still {left}.")
            await asyncio.sleep(POLL_S)


async def still_moving(settings: Settings) -> str | None:
    """What is not at rest yet."""
    async with aiohttp.ClientSession() as session:
        for url in settings.carrier_urls.values():
            async with session.get(f"{url}/admin/totals") as answer:
                totals = await answer.json()
            if totals["open"] or totals["waiting"]:
                return f"{totals['open']} parcels and {totals['waiting']} webhooks at {url}"
        for url in settings.channel_urls.values():
            async with session.get(f"{url}/admin/totals") as answer:
                waiting = (await answer.json())["waiting"]
            if waiting:  # orders stay open at a marketplace while a seller's hold lasts
                return f"{waiting} pushes at {url}"
    behind = sum(row.records for row in await lag_command.measure())
    if behind:
        return f"a lag of {behind} records"
    pool = await open_pool(
        settings.database, application_name="ocop-demo", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return None if await all_told(connection) else "figures to publish"


async def show(settings: Settings, console: Console) -> list[Finding]:
    """Print the month, one order, the lag and the promises."""
    pool = await open_pool(
        settings.database, application_name="ocop-demo", size=2, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        found = await read_month(connection, SAMPLE_MONTH)
        order_id = await a_told_order(connection)
    provinces = read_place_tables().provinces
    console.print(overview(found, "province", provinces))
    console.print(details(found))
    keep(settings, "demo-report.json", report_document(found, provinces, None))
    if order_id is not None:
        journey = await trace_command.read_journey(order_id)
        if journey is not None:
            console.print(trace_command.picture(journey))
    console.print(by_stage(await lag_command.measure()))
    findings = await verify_command.findings(settings)
    verify_command.show(findings)
    return findings


async def keep_figures(
    settings: Settings, progress: Progress, findings: list[Finding], seconds: dict[str, float]
) -> None:
    """Leave the figures of this run for scripts."""
    pool = await open_pool(
        settings.database, application_name="ocop-demo", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        counts = await count(connection)
    figures: dict[str, Any] = {
        **counts,
        "requests": progress.answers,
        "requests_repeated": progress.repeats,
        "seconds": seconds,
        "verify": verify_document(findings),
    }
    keep(settings, "demo.json", figures)


def keep(settings: Settings, name: str, document: Any) -> None:
    """Write a JSON file into the data folder."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    (settings.data_dir / name).write_bytes(orjson.dumps(document, option=options))


def by_stage(rows: list[Lag]) -> Table:
    """One line a stage: all records that wait, and the longest wait."""
    table = Table("stage", "records", "seconds", title="Lag")
    for stage, _ in STAGES:
        parts = [row for row in rows if row.stage == stage]
        records = sum(part.records for part in parts)
        table.add_row(stage, f"{records:,}", f"{max(part.seconds for part in parts):.1f}")
    return table
