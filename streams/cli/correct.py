"""`ocop correct`."""

import asyncio
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer

from schemas.catalogue import TRACKING_RECEIVED
from schemas.mending import KIND_HEADER, Correction, Request
from schemas.place import VIETNAM
from services.corrections import CorrectionInvalid, correction
from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.store.parcels import Carried, find_booking
from services.store.pool import READER_SESSION, open_pool
from streams.cli.saying import AsJson, By, Why, append, operator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Example: ocop correct postmart:S24-02:PM-1/1/1 --state delivered "
    '--at 2026-10-20T15:00+07:00 --why "the buyer confirmed by phone" --evidence call-4711'
)
def correct(
    parcel_id: Annotated[str, typer.Argument(help="The parcel, as `ocop trace` shows it.")],
    *,
    state: Annotated[str, typer.Option(help="The tracking state it was in.")],
    at: Annotated[str, typer.Option(help="When, in ISO 8601; Vietnam's time without an offset.")],
    why: Why,
    by: By = "",
    detail: Annotated[str | None, typer.Option(help="A detail or reason of reasons.csv.")] = None,
    evidence: Annotated[str | None, typer.Option(help="Where the proof is kept.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Which booking, if not the one the carrier has.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what truly became of a parcel. It joins the parcel's log with your name and reason.

    Nothing is edited: the carrier's events stay, and a later correction may overrule this one.
    """
    said = {
        "correction_id": str(uuid.uuid4()),
        "parcel_id": parcel_id,
        "state": state,
        "detail": detail,
        "occurred_at": moment(at),
        "by": operator(by),
        "why": why,
        "evidence": evidence,
    }
    made = asyncio.run(work(read_settings(), said, parcel_id, reference))
    if as_json:
        typer.echo(made.model_dump_json())
    else:
        typer.echo(f"{made.parcel_id}: {made.state} from {made.occurred_at:%d/%m/%Y %H:%M} stored")


def moment(text: str) -> datetime:
    """A time as a person types it. Raises OperatorError if it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise OperatorError(f"'{text}' is no time: write 2026-10-20T15:00.") from error
    return at if at.tzinfo else at.replace(tzinfo=VIETNAM)


async def work(
    settings: Settings, said: Mapping[str, object], parcel_id: str, reference: str | None
) -> Correction:
    """Find the booking, check what is said, append it."""
    found = await booking_of(settings, parcel_id, reference)
    try:
        made = correction({**said, "reference": found.reference}, datetime.now(UTC))
    except CorrectionInvalid as invalid:
        raise OperatorError(f"It cannot be taken: {invalid}.") from invalid
    value = orjson.dumps(made.model_dump(mode="json"))
    headers = {KIND_HEADER: Request.CORRECTION.value}
    await append(settings, TRACKING_RECEIVED, found.waybill, value, headers)
    return made


async def booking_of(settings: Settings, parcel_id: str, reference: str | None) -> Carried:
    """The booking that is meant. Raises OperatorError if there is none."""
    pool = await open_pool(
        settings.database, application_name="ocop-correct", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        found = await find_booking(connection, parcel_id, reference)
    if found is None:
        raise OperatorError(f"No carrier has a parcel {parcel_id}.")
    return found
