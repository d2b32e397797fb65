"""The SQL of the metrics stage: a constant number of statements a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.metrics_facts import OrderFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.figures import Cell
    from streams.metrics import Change, Turned
    from streams.rules.metrics import Counts
    from streams.runtime.stage import Transaction

# Orders seen for the first time get an empty row, so that there is something to lock.
MAKE_ORDERS = """
    INSERT INTO metrics.orders (order_id, partition, channel)
    SELECT id, $2, split_part(id, ':', 1) FROM unnest($1::text[]) AS id
    ON CONFLICT DO NOTHING
"""

# What is known of these orders, locked in the order of their ids.
LOCK_ORDERS = """
    SELECT order_id, facts FROM metrics.orders
     WHERE order_id = ANY ($1::text[]) ORDER BY order_id FOR UPDATE
"""

# The fact rows of these orders as they are now.
STORE_ORDERS = """
    UPDATE metrics.orders o
       SET channel = n.channel, origin_province = n.origin_province,
           product_group = n.product_group, star = n.star, placed_at = n.placed_at,
           held_at = n.held_at, cancelled_at = n.cancelled_at, units = n.units,
           goods_vnd = n.goods_vnd, facts = n.facts::jsonb
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[],
                  $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::bigint[],
                  $10::bigint[], $11::text[])
           AS n (order_id, channel, origin_province, product_group, star, placed_at, held_at,
                 cancelled_at, units, goods_vnd, facts)
     WHERE o.order_id = n.order_id
"""

# The fact rows of these shipments as they are now.
STORE_SHIPMENTS = """
    INSERT INTO metrics.shipments
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::smallint[], $8::timestamptz[])
    ON CONFLICT (shipment_id) DO UPDATE
       SET carrier = excluded.carrier, origin_province = excluded.origin_province,
           product_group = excluded.product_group, star = excluded.star,
           routed_at = excluded.routed_at
"""

# The fact rows of these parcels as they are now.
STORE_PARCELS = """
    INSERT INTO metrics.parcels
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::smallint[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[],
                         $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
                         $14::timestamptz[], $15::timestamptz[], $16::timestamptz[],
                         $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
                         $21::bigint[], $22::integer[], $23::boolean[], $24::boolean[],
                         $25::text[])
    ON CONFLICT (parcel_id) DO UPDATE
       SET carrier = excluded.carrier, origin_province = excluded.origin_province,
           product_group = excluded.product_group, star = excluded.star,
           placed_at = excluded.placed_at, packed_at = excluded.packed_at,
           booked_at = excluded.booked_at, handed_over_at = excluded.handed_over_at,
           first_attempt_at = excluded.first_attempt_at, delivered_at = excluded.delivered_at,
           returned_at = excluded.returned_at, written_off_at = excluded.written_off_at,
           cod_collected_at = excluded.cod_collected_at, units = excluded.units,
           goods_vnd = excluded.goods_vnd, freight_vnd = excluded.freight_vnd,
           cod_expected_vnd = excluded.cod_expected_vnd,
           cod_collected_vnd = excluded.cod_collected_vnd, attempts = excluded.attempts,
           delivered_at_first = excluded.delivered_at_first, on_time = excluded.on_time,
           late_by = excluded.late_by
"""

# Move this partition's shard of the counters by these differences.
ADD_TO_COUNTERS = """
    INSERT INTO metrics.counters AS c
           (month, channel, carrier, origin_province, product_group, star, figure, value, partition)
    SELECT n.*, $9 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                               $6::smallint[], $7::text[], $8::bigint[]) AS n
    ON CONFLICT (month, channel, carrier, origin_province, product_group, star, figure, partition)
    DO UPDATE SET value = c.value + excluded.value
"""

# Tell the writer of revisions which cells have moved, and why.
NOTE_CHANGES = """
    INSERT INTO metrics.changes (month, channel, carrier, origin_province, product_group, star,
                                 facts, watermark, cause)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                         $6::smallint[], $7::integer[], $8::timestamptz[], $9::text[])
"""


async def lock_facts(
    tx: Transaction, partition: int, orders: Sequence[str]
) -> Mapping[str, OrderFacts]:
    """What is known of each of these (sorted) orders; their rows stay locked."""
    await tx.execute(MAKE_ORDERS, orders, partition)
    return {
        order: OrderFacts.model_validate_json(facts) if facts else OrderFacts(order_id=order)
        for order, facts in await tx.fetch(LOCK_ORDERS, orders)
    }


async def store_rows(tx: Transaction, turned: Sequence[Turned]) -> None:
    """Write facts and fact rows of the orders that changed."""
    orders = [(*turn.after.order, turn.facts.model_dump_json()) for turn in turned]
    shipments = [
        row
        for turn in turned
        for row in set(turn.after.shipments).difference(turn.before.shipments)
    ]
    parcels = [
        row for turn in turned for row in set(turn.after.parcels).difference(turn.before.parcels)
    ]
    await _write(tx, STORE_ORDERS, orders)
    await _write(tx, STORE_SHIPMENTS, shipments)
    await _write(tx, STORE_PARCELS, parcels)


async def add_to_counters(tx: Transaction, partition: int, counts: Counts) -> None:
    """Add differences to this partition's shard."""
    rows = [(*cell, figure, amount) for (cell, figure), amount in sorted(counts.items())]
    await _write(tx, ADD_TO_COUNTERS, rows, partition)


async def note_changes(tx: Transaction, changes: Mapping[Cell, Change]) -> None:
    """Queue the cells that changed for the next revision."""
    await _write(tx, NOTE_CHANGES, [(*cell, *change) for cell, change in changes.items()])


async def _write(
    tx: Transaction, statement: str, rows: Iterable[tuple[object, ...]], *more: object
) -> None:
    """Run a bulk statement with the rows turned into a column each; nothing to write, nothing run."""
    if columns := list(zip(*rows, strict=True)):
        await tx.execute(statement, *columns, *more)
