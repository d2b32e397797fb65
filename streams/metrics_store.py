"""The SQL of the metrics stage: a constant number of statements a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.metrics_facts import OrderFacts
from streams.rules.metrics_rows import OrderRow, ParcelRow, ShipmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.figures import Cell
    from streams.metrics import Cause
    from streams.rules.metrics import Counts
    from streams.rules.metrics_rows import Row
    from streams.runtime.stage import Transaction

# Orders seen for the first time get an empty row, so that there is something to lock.
MAKE_FACTS = """
    INSERT INTO metrics.facts (order_id, partition) SELECT id, $2 FROM unnest($1::text[]) AS id
    ON CONFLICT DO NOTHING
"""

# What is known of these orders, locked in the order of their ids.
LOCK_FACTS = """
    SELECT order_id, facts FROM metrics.facts
     WHERE order_id = ANY ($1::text[]) ORDER BY order_id FOR UPDATE
"""

# What is known of these orders now.
STORE_FACTS = """
    UPDATE metrics.facts f SET facts = n.facts::json
      FROM unnest($1::text[], $2::text[]) AS n (order_id, facts)
     WHERE f.order_id = n.order_id
"""

# The fact rows of these orders as they are now.
STORE_ORDERS = """
    INSERT INTO metrics.orders
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[],
                         $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::bigint[],
                         $10::bigint[])
    ON CONFLICT (order_id) DO UPDATE
       SET origin_province = excluded.origin_province, product_group = excluded.product_group,
           star = excluded.star, placed_at = excluded.placed_at, held_at = excluded.held_at,
           cancelled_at = excluded.cancelled_at, units = excluded.units,
           goods_vnd = excluded.goods_vnd
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
                         $25::text[], $26::timestamptz[], $27::bigint[], $28::bigint[])
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
           late_by = excluded.late_by, cod_remitted_at = excluded.cod_remitted_at,
           cod_remitted_vnd = excluded.cod_remitted_vnd, cod_short_vnd = excluded.cod_short_vnd
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
    await tx.execute(MAKE_FACTS, orders, partition)
    return {
        order: OrderFacts.model_validate_json(facts) if facts else OrderFacts(order_id=order)
        for order, facts in await tx.fetch(LOCK_FACTS, orders)
    }


async def store_facts(tx: Transaction, known: Sequence[OrderFacts]) -> None:
    """Write what is known of orders that are locked."""
    await _write(tx, STORE_FACTS, [(facts.order_id, facts.model_dump_json()) for facts in known])


async def store_rows(tx: Transaction, rows: Sequence[Row]) -> None:
    """Write fact rows."""
    await _write(tx, STORE_ORDERS, [row for row in rows if isinstance(row, OrderRow)])
    await _write(tx, STORE_SHIPMENTS, [row for row in rows if isinstance(row, ShipmentRow)])
    await _write(tx, STORE_PARCELS, [row for row in rows if isinstance(row, ParcelRow)])


async def add_to_counters(tx: Transaction, partition: int, counts: Counts) -> None:
    """Add differences to this partition's shard."""
    rows = [
        (*cell, figure, amount)
        for cell, figures in sorted(counts.items())
        for figure, amount in sorted(figures.items())
        if amount
    ]
    await _write(tx, ADD_TO_COUNTERS, rows, partition)


async def note_changes(tx: Transaction, causes: Mapping[Cell, Cause]) -> None:
    """Queue the cells that moved for the next revision."""
    await _write(tx, NOTE_CHANGES, [(*cell, *cause) for cell, cause in causes.items()])


async def _write(
    tx: Transaction, statement: str, rows: Iterable[tuple[object, ...]], *more: object
) -> None:
    """Run a bulk statement with the rows turned into a column each; nothing to write, nothing run."""
    if columns := list(zip(*rows, strict=True)):
        await tx.execute(statement, *columns, *more)
