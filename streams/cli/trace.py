"""`ocop trace`."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from schemas.place import HOME, VIETNAM
from services.errors import OperatorError
from services.reference.countries import country_name
from services.settings import read_settings
from services.store.journey import order_journey
from services.store.pool import READER_SESSION, open_pool

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, help="One order's whole journey."
)

STYLES: Final = {
    "order": "cyan",
    "routing": "magenta",
    "packing": "yellow",
    "booking": "blue",
    "hand-over": "blue",
    "tracking": "green",
    "seller": "bold",
}


class Moment(NamedTuple):
    """Something that happened: when (Vietnam time), whose word it is, and a sentence."""

    at: datetime
    who: str
    what: str


@app.command(epilog="Example: ocop trace postmart:HTX-MAU-01:PM-0000001")
def trace(
    order_id: Annotated[str, typer.Argument(help="channel:seller:number")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Show an order's journey: holds, routing, packing, bookings, tracking, what its seller read."""
    journey = asyncio.run(read_journey(order_id))
    if journey is None:
        raise OperatorError(f"Nobody has heard of the order {order_id}.")
    if as_json:
        typer.echo(orjson.dumps(journey))
    else:
        Console().print(picture(journey))


async def read_journey(order_id: str) -> dict[str, Any] | None:
    """The journey from the configured database."""
    pool = await open_pool(
        read_settings().database, application_name="ocop-trace", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return await order_journey(connection, order_id)


def picture(journey: dict[str, Any]) -> Group:
    """The whole journey for a terminal."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Vietnam time", no_wrap=True, style="dim")
    table.add_column("says", no_wrap=True)
    table.add_column("what happened")
    for moment in timeline(journey):
        style = STYLES.get(moment.who, "")
        table.add_row(f"{moment.at:%d/%m %H:%M:%S}", Text(moment.who, style), Text(moment.what))
    return Group(heading(journey), table)


def heading(journey: dict[str, Any]) -> Panel:
    """Where the order stands now."""
    flags = " · ".join(journey["flags"])
    lines = [f"{journey['status'] or 'not told yet'}{' · ' if flags else ''}{flags}"]
    lines += [f"held: {hold['reason']}: {hold['detail']}" for hold in journey["holds"]]
    lines += [
        f"{parcel['parcel_id'].rpartition(':')[2]}  {parcel['carrier'] or 'no carrier'} "
        f"{parcel['tracking_no'] or ''}  {parcel['status'] or ''}{deadline(parcel)}  "
        f"COD {parcel['cod_state']}"
        f"{pace_words(parcel)}"
        for shipment in journey["standing"]
        for parcel in shipment["parcels"]
    ]
    lines += [
        f"{leg['return_id'].rpartition(':')[2]}  {leg['carrier']} {leg['tracking_no']}  "
        f"{leg['state']}{' · ' + leg['outcome'] if leg['outcome'] else ''}"
        for leg in journey["returns"]
    ]
    lines += [f"to do: {task['kind']} {short(task['parcel_id'])}" for task in journey["tasks"]]
    return Panel(Text("\n".join(lines)), title=journey["order_id"], title_align="left")


def pace_words(parcel: dict[str, Any]) -> str:
    """Late and by whom, delayed, stale; nothing for a parcel in time."""
    flags = [
        f"late by the {parcel['late_by']}" if flag == "late" and parcel.get("late_by") else flag
        for flag in parcel.get("flags", ())
    ]
    return f"  ({', '.join(flags)})" if flags else ""


def deadline(parcel: dict[str, Any]) -> str:
    """Until when its seller may decide, or what was decided."""
    if parcel.get("decided"):
        return f", {parcel['decided']} agreed"
    if parcel.get("decide_by"):
        return f", decide by {moment_of(parcel['decide_by']).astimezone(VIETNAM):%d/%m %H:%M}"
    return ""


def timeline(journey: dict[str, Any]) -> list[Moment]:
    """Everything with a time, oldest first. The carriers' times are their claims."""
    moments = [
        *order_moments(journey),
        *routing_moments(journey),
        *shipment_moments(journey),
        *seller_moments(journey),
    ]
    return sorted(moments, key=lambda moment: moment.at)


def order_moments(journey: dict[str, Any]) -> Iterator[Moment]:
    """The order and what people wanted of it."""
    order = journey["order"]
    if "placed_at" in order:
        what = f"placed on {order['channel']}: {', '.join(map(line_words, order['lines']))}"
        abroad = order.get("country") not in {None, HOME}
        what += f", to {country_name(order['country'])}" if abroad else ""
        cod = f"; COD {vnd(order['cod_vnd'])}" if order["cod_vnd"] else ""
        yield Moment(moment_of(order["placed_at"]), "order", f"{what}{cod}")
    for command in journey["commands"]:
        answer = f": refused, {command['refused_code']}" if command["refused_code"] else ""
        what = f"{command['command']} asked by {command['actor']}{answer}"
        yield Moment(moment_of(command["at"]), "order", what)


def line_words(line: dict[str, Any]) -> str:
    """A line in a few words: `2 × Trà sen ★★★★`."""
    return f"{line['quantity']} × {line['name']} {'★' * line['star']}".rstrip()


def routing_moments(journey: dict[str, Any]) -> Iterator[Moment]:
    """Every decision, with what else was possible and who was refused."""
    for decision in journey["routing"]:
        for shipment in decision["shipments"]:
            yield Moment(moment_of(decision["decided_at"]), "routing", routing_words(shipment))


def routing_words(shipment: dict[str, Any]) -> str:
    """The choice, and why not the others."""
    name, chosen = short(shipment["shipment_id"]), shipment["chosen"]
    reasons = "; ".join(
        f"not {one['carrier']} {one['service']}: {one['reason']}" for one in shipment["refused"]
    )
    if chosen is None:
        return f"{name}: no carrier is possible. {reasons}"
    others = len(shipment["candidates"]) - 1
    return (
        f"{name}: {chosen['carrier']} {chosen['service']}, {vnd(chosen['price_vnd'])} "
        f"({chosen['tariff']} tariff), promised {chosen['promised_on']}"
        f"{', won by ' + shipment['won_by'] if shipment['won_by'] else ''}"
        f", {others} other{'' if others == 1 else 's'} possible. {reasons}"
    ).rstrip()


def shipment_moments(journey: dict[str, Any]) -> Iterator[Moment]:
    """Packing, bookings and what the carriers said."""
    for shipment in journey["shipments"]:
        for report in shipment["reports"]:
            refused = f": refused, {report['reason']}" if report["code"] else ""
            what = f"{short(shipment['shipment_id'])}: {report['kind']} at {report['station']}"
            yield Moment(moment_of(report["reported_at"]), "packing", f"{what}{refused}")
        for parcel in shipment["parcels"]:
            what = f"{short(parcel['parcel_id'])}: packed, {parcel['weight_g']} g"
            yield Moment(moment_of(parcel["packed_at"]), "packing", what)
            for booking in parcel["bookings"]:
                yield from booking_moments(booking, short(parcel["parcel_id"]))
            for manifest in parcel["manifests"]:
                yield from manifest_moments(manifest, short(parcel["parcel_id"]))
        yield from fee_moments(shipment)


def manifest_moments(manifest: dict[str, Any], parcel: str) -> Iterator[Moment]:
    """A manifest from its opening to the signature."""
    number, standing = manifest["manifest_no"], manifest["standing"].replace("_", " ")
    opened = f"{parcel}: on the manifest {number}"
    yield Moment(moment_of(manifest["opened_at"]), "hand-over", opened)
    if manifest["closed_at"]:
        signed = f"{parcel}: {standing}, manifest {number} signed"
        yield Moment(moment_of(manifest["closed_at"]), "hand-over", signed)


def fee_moments(shipment: dict[str, Any]) -> Iterator[Moment]:
    """What carrying it costs beside what routing reckoned with, once every parcel is booked."""
    drift = shipment["fee_drift_vnd"]
    booked = [b["booked_at"] for p in shipment["parcels"] for b in p["bookings"] if b["booked_at"]]
    if drift is None or not booked:
        return
    than = f"than the {shipment['tariff']} tariff said"
    told = f"{vnd(abs(drift))} {'more' if drift > 0 else 'less'} {than}" if drift else "as reckoned"
    what = f"{short(shipment['shipment_id'])}: freight {vnd(shipment['booked_vnd'])}, {told}"
    yield Moment(max(map(moment_of, booked)), "booking", what)


def booking_moments(booking: dict[str, Any], parcel: str) -> Iterator[Moment]:
    """One attempt and what its carrier said of it."""
    service = f"{booking['carrier']} {booking['service']}"
    what = f"{parcel}: asked {service}, attempt {booking['attempt']} ({booking['state']})"
    yield Moment(moment_of(booking["requested_at"]), "booking", what)
    if booking["booked_at"]:
        price = vnd(booking["freight_vnd"] or 0)
        what = f"{parcel}: booked with {service} as {booking['tracking_no']}, {price}"
        yield Moment(moment_of(booking["booked_at"]), "booking", what)
    for event in booking["events"]:
        code = f"{event['code']}{':' + event['reason_code'] if event['reason_code'] else ''}"
        why = f", {event['reason']}" if event["reason"] else ""
        said_so = " (courier's say-so)" if event["finality"] == "provisional" else ""
        source = f"[{booking['carrier']} {code}]"
        if event["origin"] == "correction":
            proof = f", {event['evidence']}" if event["evidence"] else ""
            source = f"[corrected by {event['by']}: {event['why']}{proof}]"
        elif event["was"]:
            source = f"[{booking['carrier']} {code}, read as {event['was']} at first]"
        what = f"{parcel}: {event['status']}{why}{said_so} {source}"
        yield Moment(moment_of(event["occurred_at"]), "tracking", what)


def seller_moments(journey: dict[str, Any]) -> Iterator[Moment]:
    """What the seller read, by the number in the feed."""
    for change in journey["history"]:
        refused = change["refused"]
        answer = f": {refused['command']} refused, {refused['reason']}" if refused else ""
        flags = f" ({', '.join(change['flags'])})" if change["flags"] else ""
        what = f"{change['status']}{flags}{answer} [feed {change['number']}]"
        yield Moment(moment_of(change["occurred_at"]), "seller", what)


def moment_of(text: str) -> datetime:
    """A journey's time."""
    return datetime.fromisoformat(text)


def short(shipment_or_parcel: str) -> str:
    """Without the order: `shipment 1`, `parcel 1/2`."""
    name = shipment_or_parcel.partition("/")[2]
    return f"{'parcel' if '/' in name else 'shipment'} {name}"


def vnd(amount: int) -> str:
    """`366.000 ₫`."""
    return f"{amount:,} ₫".replace(",", ".")
