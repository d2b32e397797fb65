"""`ocop cod`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from schemas.cod import Outcome
from services.errors import OperatorError
from services.settings import read_settings
from services.store import cod as ledger
from services.store.pool import READER_SESSION, open_pool
from streams.cli.saying import AsJson, By, Why, operator
from streams.runtime.failures import PublishFailed
from streams.runtime.publisher import KafkaPublisher
from streams.settling import Wish, decide, pay_all

if TYPE_CHECKING:
    from services.store.pool import Connection
    from streams.runtime.ports import Publisher

T = TypeVar("T")
app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Cash on delivery: where it is, what is wrong with it, and what was decided.",
)

Carrier = Annotated[str | None, typer.Option(help="Only of this carrier.")]
Parcel = Annotated[str, typer.Argument(help="channel:seller:number/shipment/parcel")]
WIDTH = 132


@app.command("list", epilog="Example: ocop cod list --state short")
def list_(
    *,
    carrier: Carrier = None,
    state: Annotated[str | None, typer.Option(help="List the bookings in this state.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many bookings.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the cash by carrier and state, or the bookings in one state."""
    arguments: tuple[Any, ...] = (carrier,) if state is None else (carrier, state, limit)
    query = ledger.SUMS if state is None else ledger.IN_STATE
    show(read(query, *arguments), as_json=as_json)


@app.command("show", epilog="Example: ocop cod show postmart:S01-01:PM-1/1/1")
def show_(parcel: Parcel, *, as_json: AsJson = False) -> None:
    """Show a parcel's cash: its bookings and every entry of the books with its evidence."""
    accounts = read(ledger.OF_PARCEL, parcel)
    if not accounts:
        raise OperatorError(f"The ledger has no parcel {parcel}.")
    entries = read(ledger.ENTRIES, [account["reference"] for account in accounts])
    if as_json:
        typer.echo(orjson.dumps({"bookings": accounts, "entries": entries}))
        return
    show(accounts, as_json=False)
    show(entries, as_json=False)


@app.command(epilog="Example: ocop cod exceptions --carrier ghn")
def exceptions(*, carrier: Carrier = None, as_json: AsJson = False) -> None:
    """Show what somebody should look at: short, double, overdue, unmatched, fees above quote, …"""
    settings = read_settings()
    patience = ledger.Patience(settings.cod_overdue_days, settings.cod_overdue_days_of)
    found = run(lambda db, _: ledger.exceptions(db, carrier, patience))
    if as_json:
        typer.echo(orjson.dumps(found))
        return
    for name in dict.fromkeys(row["exception"] for row in found):
        show([row for row in found if row["exception"] == name], as_json=False)
    if not found:
        typer.echo("nothing to look at")


@app.command(epilog='Example: ocop cod dispute PARCEL --why "50.000 missing in BK-1"')
def dispute(parcel: Parcel, *, why: Why, by: By = "") -> None:
    """Open a claim with the carrier, or the seller's against a payout."""
    decided(parcel, Wish("dispute", operator(by), why))


@app.command(
    epilog='Example: ocop cod settle PARCEL --outcome full --vnd 50000 --why "paid by hand"'
)
def settle(
    parcel: Parcel,
    *,
    outcome: Annotated[str, typer.Option(help="full, part, or none: closed without payment.")],
    why: Why,
    vnd: Annotated[int, typer.Option(help="Received outside of a statement, VND.", min=0)] = 0,
    by: By = "",
) -> None:
    """Close a claim."""
    outcomes: dict[str, Outcome] = {"full": "full", "part": "part", "none": "none"}
    if outcome not in outcomes:
        raise OperatorError("--outcome is full, part or none.")
    decided(parcel, Wish("settle", operator(by), why, outcomes[outcome], vnd))


@app.command(epilog='Example: ocop cod restate PARCEL 250000 --why "one jar was refused"')
def restate(
    parcel: Parcel,
    vnd: Annotated[int, typer.Argument(help="What is to be collected now, VND.", min=0)],
    *,
    why: Why,
    by: By = "",
) -> None:
    """Expect another amount, such as after a delivery in part."""
    decided(parcel, Wish("restate", operator(by), why, vnd=vnd))


@app.command(epilog='Example: ocop cod pay --all --why "bank order 1117"')
def pay(
    parcel: Annotated[str | None, typer.Argument(help="A parcel, unless --all.")] = None,
    *,
    why: Why,
    everything: Annotated[bool, typer.Option("--all", help="All that is reconciled.")] = False,
    carrier: Carrier = None,
    vnd: Annotated[int | None, typer.Option(help="What the seller got; else all of it.")] = None,
    by: By = "",
) -> None:
    """Confirm that sellers were paid."""
    wish = Wish("pay", operator(by), why, vnd=vnd)
    if parcel is not None and not everything:
        decided(parcel, wish)
    elif everything and parcel is None:
        count, sum_vnd = run(lambda db, publisher: pay_all(db, publisher, carrier, wish))
        typer.echo(f"{count} payouts, {sum_vnd:,} VND")
    else:
        raise OperatorError("Name one parcel, or say --all.")


def decided(parcel: str, wish: Wish) -> None:
    """Send a decision and say its id."""
    sent = run(lambda db, publisher: decide(db, publisher, parcel, wish))
    typer.echo(f"{sent.kind} of {sent.parcel_id}, {sent.vnd:,} VND: {sent.decision_id}")


def read(query: str, *arguments: object) -> list[dict[str, Any]]:
    """Rows of the configured database."""
    return run(lambda db, _: ledger.read(db, query, *arguments))


def run(work: Callable[["Connection", "Publisher"], Awaitable[T]]) -> T:
    """Run with the configured servers. Kafka is spoken to only if something is sent."""

    async def inside() -> T:
        settings = read_settings()
        pool = await open_pool(
            settings.database, application_name="ocop-cod", size=1, session=READER_SESSION
        )
        publisher = KafkaPublisher(settings.kafka, "ocop-cod")
        try:
            async with pool.acquire() as db:
                return await work(db, publisher)
        except (KafkaError, PublishFailed) as error:
            raise OperatorError(f"Kafka at {settings.kafka} did not do it: {error}.") from error
        finally:
            await publisher.close()
            await pool.close()

    return asyncio.run(inside())


def show(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Rows as JSON or as a table."""
    if as_json:
        typer.echo(orjson.dumps(rows))
        return
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width of its own
        console = Console(width=WIDTH)
    if not rows:
        console.print("nothing")
        return
    table = Table(*(name.removesuffix("_vnd") for name in rows[0]))
    for row in rows:
        table.add_row(*map(words, row.values()))
    console.print(table)


def words(value: object) -> str:
    """A cell for a person."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
