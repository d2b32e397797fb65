"""Intake's tables: load what a batch is about, write what became of it, each in one statement."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson
from pydantic import TypeAdapter

from schemas.intake import Channel, Hold
from schemas.place import Place
from services.channels.contact import ContactProblem
from services.channels.neutral import WantedOrder
from streams.intake_reading import Notice
from streams.rules.intake_order import Order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from schemas.intake import OrderLine
    from streams.runtime.stage import Transaction

Named = tuple[str, str]
"""A channel and a number: the key of the raw topic."""

READ_ORDERS: Final = """
-- All orders of these channels ($1) and numbers ($2), of whatever seller.
SELECT o.order_id, o.channel, o.seller_id, o.channel_order_no, o.version, o.payload_version,
       o.seen, o.wanted, o.contact_problems, o.placed, o.untold, o.cancel_requested, o.holds,
       o.waived
FROM unnest($1::text[], $2::text[]) AS asked (channel, channel_order_no)
JOIN intake.orders o USING (channel, channel_order_no)
"""
READ_PARKED: Final = """
-- What came before the orders of these channels ($1) and numbers ($2).
SELECT p.channel, p.channel_order_no, p.ref, p.seller_id, p.notice
FROM unnest($1::text[], $2::text[]) AS asked (channel, channel_order_no)
JOIN intake.parked p USING (channel, channel_order_no)
"""
READ_COMMANDS: Final = """
-- Which of these commands ($2) of these orders ($1) were settled before.
SELECT c.order_id, c.command_id
FROM unnest($1::text[], $2::text[]) AS asked (order_id, command_id)
JOIN intake.commands c USING (order_id, command_id)
"""
READ_PACKING: Final = """
-- Orders a packing station has begun, and whether something of them is packed.
SELECT order_id, bool_or(state = 'packed') AS packed
FROM packing.shipments WHERE order_id = ANY ($1::text[]) GROUP BY order_id
"""
WRITE_ORDERS: Final = """
-- The orders as they are now. What was published stays where nothing new was.
INSERT INTO intake.orders AS o (
    order_id, channel, seller_id, channel_order_no, version, placed_at, updated_at,
    payload_version, seen, wanted, contact_problems, placed, untold, cancel_requested, holds,
    waived, province_code, ward_code, place_confidence, goods_vnd, shipping_vnd, discount_vnd,
    total_vnd, cod_vnd, shipping_payer, fixed_carrier, country)
SELECT order_id, channel, seller_id, channel_order_no, version, placed_at, updated_at,
    payload_version, seen, wanted, string_to_array(contact_problems, E'\\n'), placed, untold,
    cancel_requested, holds, string_to_array(waived, E'\\n'), province_code, ward_code,
    place_confidence, goods_vnd, shipping_vnd, discount_vnd, total_vnd, cod_vnd, shipping_payer,
    fixed_carrier, country
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
    $7::timestamptz[], $8::bigint[], $9::jsonb[], $10::jsonb[], $11::text[], $12::boolean[],
    $13::boolean[], $14::boolean[], $15::jsonb[], $16::text[], $17::text[], $18::text[],
    $19::text[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[],
    $25::text[], $26::text[], $27::text[]) AS t (
    order_id, channel, seller_id, channel_order_no, version, placed_at, updated_at,
    payload_version, seen, wanted, contact_problems, placed, untold, cancel_requested, holds,
    waived, province_code, ward_code, place_confidence, goods_vnd, shipping_vnd, discount_vnd,
    total_vnd, cod_vnd, shipping_payer, fixed_carrier, country)
ON CONFLICT (order_id) DO UPDATE SET
    version = EXCLUDED.version,
    placed_at = EXCLUDED.placed_at,
    updated_at = EXCLUDED.updated_at,
    payload_version = EXCLUDED.payload_version,
    seen = EXCLUDED.seen,
    wanted = EXCLUDED.wanted,
    contact_problems = EXCLUDED.contact_problems,
    placed = EXCLUDED.placed,
    untold = EXCLUDED.untold,
    cancel_requested = EXCLUDED.cancel_requested,
    holds = EXCLUDED.holds,
    waived = EXCLUDED.waived,
    country = coalesce(EXCLUDED.country, o.country),
    province_code = CASE WHEN EXCLUDED.country IS NULL
                         THEN o.province_code ELSE EXCLUDED.province_code END,
    ward_code = CASE WHEN EXCLUDED.country IS NULL THEN o.ward_code ELSE EXCLUDED.ward_code END,
    place_confidence = CASE WHEN EXCLUDED.country IS NULL
                            THEN o.place_confidence ELSE EXCLUDED.place_confidence END,
    goods_vnd = coalesce(EXCLUDED.goods_vnd, o.goods_vnd),
    shipping_vnd = coalesce(EXCLUDED.shipping_vnd, o.shipping_vnd),
    discount_vnd = coalesce(EXCLUDED.discount_vnd, o.discount_vnd),
    total_vnd = coalesce(EXCLUDED.total_vnd, o.total_vnd),
    cod_vnd = coalesce(EXCLUDED.cod_vnd, o.cod_vnd),
    shipping_payer = coalesce(EXCLUDED.shipping_payer, o.shipping_payer),
    fixed_carrier = CASE WHEN EXCLUDED.goods_vnd IS NULL
                         THEN o.fixed_carrier ELSE EXCLUDED.fixed_carrier END
"""
DELETE_LINES: Final = "DELETE FROM intake.lines WHERE order_id = ANY ($1::text[])"
LINE_COLUMNS: Final = (
    *("order_id", "line_no", "sku", "name", "quantity", "unit_price_vnd", "weight_g"),
    *("length_cm", "width_cm", "height_cm", "origin_id", "origin_province", "ocop_group"),
    *("star", "certificate_no", "handling", "lot", "best_before", "transit_tolerance_h"),
    *("hs_code", "origin_country", "name_en"),
)
WRITE_COMMANDS: Final = """
-- Commands settled in this batch; a repeated one is known by this row.
INSERT INTO intake.commands (order_id, command_id, command, actor, at, refused_code)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
ON CONFLICT DO NOTHING
"""
WRITE_PARKED: Final = """
-- Notices whose order has not come.
INSERT INTO intake.parked (channel, channel_order_no, ref, seller_id, notice, parked_at)
SELECT channel, number, ref, seller_id, notice, $6
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[])
    AS t (channel, number, ref, seller_id, notice)
ON CONFLICT DO NOTHING
"""
DELETE_PARKED: Final = """
-- Notices whose order came.
DELETE FROM intake.parked p
USING unnest($1::text[], $2::text[], $3::text[]) AS t (channel, number, ref)
WHERE (p.channel, p.channel_order_no, p.ref) = (t.channel, t.number, t.ref)
"""

_HOLDS: Final = TypeAdapter(tuple[Hold, ...])


@dataclass(frozen=True, slots=True)
class Parked:
    """A notice that waits for its order; `seller_id` None where nobody said whose it is."""

    channel: str
    number: str
    seller_id: str | None
    notice: Notice


class CommandRow(NamedTuple):
    """A command and what became of it; `refused_code` None if it was carried out."""

    order_id: str
    command_id: str
    command: str
    actor: str
    at: datetime
    refused_code: str | None


async def read_orders(tx: Transaction, names: Collection[Named]) -> dict[Named, dict[str, Order]]:
    """Every order of these names, by name and seller. No lock: see the table's comment."""
    rows = await tx.fetch(READ_ORDERS, [c for c, _ in names], [number for _, number in names])
    orders: dict[Named, dict[str, Order]] = defaultdict(dict)
    for row in rows:
        orders[row["channel"], row["channel_order_no"]][row["seller_id"]] = _order(row)
    return orders


def _order(row: asyncpg.Record) -> Order:
    seen: dict[str, str] = orjson.loads(row["seen"])
    return Order(
        order_id=row["order_id"],
        channel=Channel(row["channel"]),
        seller_id=row["seller_id"],
        number=row["channel_order_no"],
        wanted=WantedOrder.model_validate_json(row["wanted"]),
        contact_problems=tuple(ContactProblem(one) for one in row["contact_problems"]),
        payload_version=row["payload_version"],
        version=row["version"],
        seen={int(version): fingerprint for version, fingerprint in seen.items()},
        placed=row["placed"],
        untold=row["untold"],
        cancel_requested=row["cancel_requested"],
        holds=_HOLDS.validate_json(row["holds"]),
        waived=frozenset(row["waived"]),
    )


async def read_parked(tx: Transaction, names: Collection[Named]) -> list[Parked]:
    """Every notice that waits for an order of these names."""
    rows = await tx.fetch(READ_PARKED, [c for c, _ in names], [number for _, number in names])
    return [
        Parked(
            row["channel"],
            row["channel_order_no"],
            row["seller_id"],
            Notice.model_validate_json(row["notice"]),
        )
        for row in rows
    ]


async def read_commands(
    tx: Transaction, asked: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those (order id, command id) that were settled before."""
    if not asked:
        return set()
    rows = await tx.fetch(READ_COMMANDS, [order for order, _ in asked], [one for _, one in asked])
    return {(row["order_id"], row["command_id"]) for row in rows}


async def read_packing(tx: Transaction, order_ids: Collection[str]) -> dict[str, bool]:
    """Orders that packing has begun, and whether something of them is packed."""
    if not order_ids:
        return {}
    rows = await tx.fetch(READ_PACKING, list(order_ids))
    return {row["order_id"]: row["packed"] for row in rows}


async def write_orders(tx: Transaction, orders: Sequence[Order]) -> None:
    """Write the orders, and the lines of those whose content was published."""
    if not orders:
        return
    await tx.execute(WRITE_ORDERS, *zip(*map(_row, orders), strict=True))
    told = [order for order in orders if order.told]
    amended = [order.order_id for order in told if order.told and order.told.version > 1]
    if amended:
        await tx.execute(DELETE_LINES, amended)
    lines = [
        _line_row(order.order_id, line) for order in told if order.told for line in order.told.lines
    ]
    await tx.copy_records_to_table(
        "lines", schema_name="intake", records=lines, columns=LINE_COLUMNS
    )


def _row(order: Order) -> tuple[object, ...]:
    told, wanted = order.told, order.wanted
    place = told.destination if told else None
    return (
        *(order.order_id, order.channel, order.seller_id, order.number, order.version),
        *(wanted.placed_at, wanted.at, order.payload_version),
        orjson.dumps({str(k): v for k, v in order.seen.items()}).decode(),
        wanted.wanted_json(),
        "\n".join(order.contact_problems),
        *(order.placed, order.untold, order.cancel_requested),
        _HOLDS.dump_json(order.holds).decode(),
        "\n".join(sorted(order.waived)),
        *((place.province_code, place.ward_code) if isinstance(place, Place) else (None, None)),
        order.located_by,
        *((told.goods_vnd, told.shipping_vnd) if told else (None, None)),
        *((told.discount_vnd, told.total_vnd) if told else (None, None)),
        *((told.cod_vnd, told.shipping_payer) if told else (None, None)),
        told and told.fixed_carrier,
        place and place.country,
    )


def _line_row(order_id: str, line: OrderLine) -> tuple[object, ...]:
    return (
        *(order_id, line.line_no, line.sku, line.name, line.quantity, line.unit_price_vnd),
        *(line.weight_g, line.length_cm, line.width_cm, line.height_cm, line.origin_id),
        *(line.origin_province, line.group, line.star, line.certificate_no, line.handling),
        *(line.lot, line.best_before, line.transit_tolerance_h),
        *(line.hs_code, line.origin_country, line.name_en),
    )


async def write_commands(tx: Transaction, commands: Iterable[CommandRow]) -> None:
    """Remember what became of commands."""
    if rows := list(commands):
        await tx.execute(WRITE_COMMANDS, *zip(*rows, strict=True))


async def write_parked(tx: Transaction, parked: Iterable[Parked], now: datetime) -> None:
    """Keep notices until their order comes."""
    rows = [
        (one.channel, one.number, one.notice.ref, one.seller_id, one.notice.model_dump_json())
        for one in parked
    ]
    if rows:
        await tx.execute(WRITE_PARKED, *zip(*rows, strict=True), now)


async def delete_parked(tx: Transaction, applied: Iterable[Parked]) -> None:
    """Forget notices that were applied."""
    if rows := [(one.channel, one.number, one.notice.ref) for one in applied]:
        await tx.execute(DELETE_PARKED, *zip(*rows, strict=True))
