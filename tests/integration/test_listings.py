"""A line may call its product what the channel calls it; the seller's own sku comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.intake import OrderPlaced
from tests.intake_examples import SKU, a_line, an_order
from tests.intaking import holds_of, start_intake

if TYPE_CHECKING:
    from services.store.pool import Pool

LISTED = "INSERT INTO registry.listings VALUES ('HTX-MAU-01', $1, 'sendo', $2)"


async def test_a_line_by_the_channels_own_id_is_the_listed_product(pool: Pool) -> None:
    intake = await start_intake(pool)
    await pool.execute(LISTED, "30000000001", SKU)
    await intake.sends(an_order(lines=[a_line(sku="30000000001", weight_g=None)]))
    placed = intake.events[0]
    assert isinstance(placed, OrderPlaced)
    assert [(line.sku, line.weight_g, line.star) for line in placed.lines] == [(SKU, 650, 4)]


async def test_a_sku_is_never_taken_for_a_listing(pool: Pool) -> None:
    intake = await start_intake(pool)
    await pool.execute(LISTED, SKU, "TOUR-1")
    await intake.sends(an_order())
    assert intake.kinds == ["OrderPlaced"]


async def test_another_sellers_listing_is_unknown(pool: Pool) -> None:
    intake = await start_intake(pool)
    await pool.execute(LISTED.replace("MAU-01", "MAU-02"), "30000000001", SKU)
    await intake.sends(an_order(lines=[a_line(sku="30000000001")]))
    assert holds_of(intake.events[0]) == ["product_unknown"]
