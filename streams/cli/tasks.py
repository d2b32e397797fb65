"""`ocop tasks`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, TypeAlias, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from schemas.booking import BookingOutcome, BookingResulted
from schemas.catalogue import BOOKING_RESULTED
from schemas.event import next_version
from services.errors import OperatorError
from services.settings import read_settings
from services.store.pool import READER_SESSION, open_pool
from streams.cli.saying import AsJson, By, Why, append, operator

if TYPE_CHECKING:
    from services.store.pool import Connection

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="What waits for a person: doubtful bookings, cancellations and recalls by hand.",
)

T = TypeVar("T")
Call: TypeAlias = Literal["book", "void", "return"]
Found: Final = BookingOutcome

SETTLES: Final[dict[str, tuple[Call, tuple[BookingOutcome, ...]]]] = {
    "unknown_booking": ("book", (Found.BOOKED, Found.REFUSED)),
    "unknown_void": ("void", (Found.VOIDED, Found.VOID_REFUSED)),
    "void_by_hand": ("void", (Found.VOIDED, Found.VOID_REFUSED)),
    "recall": ("return", (Found.RETURN_ACCEPTED,)),
}
"""Kind of a task → the call it is about, and what a person may have found out."""

# Everything that waits, the oldest first.
LIST: Final = """
SELECT t.reference, t.kind, t.order_id, b.parcel_id, b.carrier, b.tracking_no, t.why, t.opened_at
FROM booking.ops_tasks t JOIN booking.bookings b USING (reference)
WHERE t.closed_at IS NULL ORDER BY t.opened_at, t.reference LIMIT $1
"""

# The task, and the version of the newest answer to the call it is about.
FIND: Final = """
SELECT b.order_id, b.parcel_id, e.era,
       CASE $3 WHEN 'book' THEN b.book_version WHEN 'void' THEN b.void_version
               ELSE b.return_version END AS answered
FROM booking.ops_tasks t JOIN booking.bookings b USING (reference) CROSS JOIN runtime.era e
WHERE t.reference = $1 AND t.kind = $2 AND t.closed_at IS NULL
"""


@app.command("list", epilog="Example: ocop tasks list --json")
def list_(
    *,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, the oldest first."""

    async def read(connection: "Connection") -> list[dict[str, object]]:
        return [dict(row) for row in await connection.fetch(LIST, limit)]

    rows = asyncio.run(connected(read))
    if as_json:
        typer.echo(orjson.dumps(rows))
        return
    table = Table("since", "task", "reference", "parcel", "carrier", "number", "why")
    for row in rows:
        table.add_row(
            f"{row['opened_at']:%Y-%m-%d %H:%M}",
            str(row["kind"]),
            str(row["reference"]),
            str(row["parcel_id"]),
            str(row["carrier"]),
            str(row["tracking_no"] or ""),
            str(row["why"]),
        )
    Console().print(table)


@app.command(
    epilog="Example: ocop tasks close OC7L2RUYH5UGNBIRVB-1 unknown_booking --found booked "
    '--tracking-no VTP123 --why "seen in the carrier\'s portal"'
)
def close(
    reference: Annotated[str, typer.Argument(help="As `ocop tasks list` shows it.")],
    kind: Annotated[str, typer.Argument(help=", ".join(SETTLES))],
    *,
    found: Annotated[str, typer.Option(help="What is the case: booked, refused, voided, …")],
    why: Why,
    by: By = "",
    tracking_no: Annotated[str | None, typer.Option(help="The number, if it is booked.")] = None,
) -> None:
    """Close a task by saying what is the case; it enters the flow like a carrier's answer."""
    settings, message = read_settings(), f"{operator(by)}: {why}"
    answer = Answer(reference, kind, found, tracking_no)

    async def told() -> None:
        result = await connected(lambda connection: settlement(connection, answer, message))
        value = result.model_dump_json().encode()
        headers = {"ce_id": str(result.event_id)}
        await append(settings, BOOKING_RESULTED, result.key, value, headers)

    asyncio.run(told())
    typer.echo(f"{reference}: {found} is stored; the task closes when booking has read it")


class Answer(NamedTuple):
    """What a person found out about a task."""

    reference: str
    kind: str
    found: str
    tracking_no: str | None = None


async def settlement(connection: "Connection", answer: Answer, message: str) -> BookingResulted:
    """The result that closes a task. Raises OperatorError if it cannot end like that."""
    if answer.kind not in SETTLES:
        raise OperatorError(f"There is no task '{answer.kind}': use {', '.join(SETTLES)}.")
    call, outcomes = SETTLES[answer.kind]
    if answer.found not in outcomes:
        ends = " or ".join(outcomes)
        raise OperatorError(f"A task {answer.kind} ends with {ends}, not '{answer.found}'.")
    if (answer.found == Found.BOOKED) != (answer.tracking_no is not None):
        raise OperatorError("--tracking-no belongs to --found booked, and to nothing else.")
    row = await connection.fetchrow(FIND, answer.reference, answer.kind, call)
    if row is None:
        raise OperatorError(f"No open task {answer.kind} has the reference {answer.reference}.")
    return BookingResulted(
        version=next_version(row["answered"], row["era"]),
        occurred_at=datetime.now(UTC),
        order_id=row["order_id"],
        parcel_id=row["parcel_id"],
        reference=answer.reference,
        kind=call,
        outcome=Found(answer.found),
        message=message,
        tracking_no=answer.tracking_no,
    )


async def connected(work: Callable[["Connection"], Awaitable[T]]) -> T:
    """Run with one connection."""
    pool = await open_pool(
        read_settings().database, application_name="ocop-tasks", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return await work(connection)
