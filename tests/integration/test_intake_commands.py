"""What sellers and operations may ask of an order, and when the answer is no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.intake import (
    CommandRefused,
    DeliveryDecided,
    HoldReason,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
)
from tests.intake_examples import (
    ORDER_ID,
    SELLER,
    a_cancellation,
    a_line,
    an_amendment,
    an_order,
)
from tests.intaking import (
    BAD_ADDRESS,
    SECOND_SELLER,
    Intaking,
    expire_certificate,
    holds_of,
    pack,
    refusal_of,
    start_intake,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres


@pytest.fixture
async def intake(pool: Pool) -> Intaking:
    return await start_intake(pool)


async def test_a_command_to_cancel_may_overtake_its_order(intake: Intaking) -> None:
    command_id = await intake.asks("cancel")
    await intake.sends(an_order())
    await intake.asks("cancel", command_id)
    assert intake.kinds == ["OrderPlaced", "OrderCancelRequested"]
    assert intake.events[-1].command_id == command_id  # type: ignore[attr-defined]


async def test_a_bad_address_is_held_amended_and_released(intake: Intaking) -> None:
    await intake.sends(an_order(ship_to=BAD_ADDRESS))
    assert holds_of(intake.events[0]) == [HoldReason.ADDRESS_INCORRECT]
    await intake.asks("release")
    assert refusal_of(intake.events[-1]) == "not_mended"
    await intake.asks("amend", order=an_amendment())
    assert intake.kinds == ["OrderHeld", "OrderReleased", "OrderPlaced", "CommandRefused"]
    assert [event.version for event in intake.events[:3]] == [1, 2, 3]


async def test_a_product_added_to_the_registry_lets_its_order_go(intake: Intaking) -> None:
    await intake.sends(an_order(lines=[a_line(sku="NEW-1")]))
    await intake.pool.execute(
        "INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group) "
        "VALUES ('HTX-MAU-01', 'NEW-1', 'HTX-MAU-01-K1', 'Chè', 'beverage')"
    )
    await intake.asks("release")
    assert intake.kinds == ["OrderHeld", "OrderReleased", "OrderPlaced"]


async def test_an_expired_certificate_is_released_as_ordinary_goods(intake: Intaking) -> None:
    await expire_certificate(intake.pool, "2026-06-30")
    await intake.sends(an_order())
    assert holds_of(intake.events[0]) == [HoldReason.CERTIFICATE_EXPIRED]
    await intake.asks("release", why="sold as ordinary tea")
    assert intake.kinds == ["OrderHeld", "OrderReleased", "OrderPlaced"]
    placed = intake.events[-1]
    assert isinstance(placed, OrderPlaced)
    assert (placed.lines[0].star, placed.lines[0].certificate_no) == (0, None)
    await intake.sends(an_amendment(fixed_carrier="vnpost"))
    assert intake.kinds[-1] == "OrderAmended"


async def test_holds_by_people_stack_and_go_with_one_release(intake: Intaking) -> None:
    await intake.sends(an_order())
    await intake.asks("hold", why="buyer is travelling")
    await intake.asks("hold", actor="ops:an", why="looks odd")
    assert holds_of(intake.events[-1]) == [HoldReason.OPS, HoldReason.OPS]
    await intake.asks("release")
    assert refusal_of(intake.events[-1]) == "held_by_ops"
    await intake.asks("release", actor="ops:an")
    assert intake.kinds[:-1] == ["OrderPlaced", "OrderHeld", "OrderHeld", "OrderReleased"]


async def test_a_release_of_an_order_intake_does_not_hold_is_a_call_to_others(
    intake: Intaking,
) -> None:
    await intake.sends(an_order())
    await intake.asks("release", why="stock arrived")
    released = intake.events[-1]
    assert isinstance(released, OrderReleased)
    assert (released.by, released.why) == (f"seller:{SELLER}", "stock arrived")


async def test_a_repeated_command_has_no_second_effect(intake: Intaking) -> None:
    await intake.sends(an_order())
    command_id = await intake.asks("hold")
    await intake.asks("hold", command_id)
    assert intake.kinds == ["OrderPlaced", "OrderHeld"]
    refused = await intake.asks("receive_back")
    await intake.asks("receive_back", refused)
    assert intake.kinds.count("CommandRefused") == 1


async def test_a_decision_needs_a_parcel_that_was_packed_and_no_end_in_sight(
    intake: Intaking,
) -> None:
    await intake.sends(an_order())
    await intake.asks("redeliver")
    await pack(intake.pool, "packed")
    command_id = await intake.asks("redeliver", parcel_id=f"{ORDER_ID}/1/1")
    await intake.asks("return", parcel_id="postmart:OTHER:1/1/1")
    await intake.sends(a_cancellation())
    await intake.asks("redeliver")
    await intake.asks("return")
    decided = [event for event in intake.events if isinstance(event, DeliveryDecided)]
    assert [one.decision for one in decided] == ["redeliver", "return"]
    assert (decided[0].command_id, decided[0].parcel_id) == (command_id, f"{ORDER_ID}/1/1")
    refused = [event for event in intake.events if isinstance(event, CommandRefused)]
    assert [one.code for one in refused] == ["not_packed", "other_parcel", "cancel_requested"]


async def test_after_packing_an_amendment_is_refused(intake: Intaking) -> None:
    await intake.sends(an_order())
    await pack(intake.pool, "packing")
    await intake.asks("amend", order=an_amendment(fixed_carrier="vnpost"))
    await intake.sends(an_amendment(fixed_carrier="vnpost"))
    assert [refusal_of(event) for event in intake.events[1:]] == ["already_packed"] * 2
    assert (await intake.state())["orders"][0]["fixed_carrier"] is None


async def test_goods_come_back_only_if_they_were_packed(intake: Intaking) -> None:
    await intake.sends(an_order())
    await intake.asks("receive_back")
    await pack(intake.pool, "packed")
    command_id = await intake.asks("receive_back")
    refused, back = intake.events[-1], intake.events[-2]
    assert refusal_of(refused) == "not_packed"
    assert isinstance(back, OrderReceivedBack)
    assert back.command_id == command_id


async def test_a_receipt_may_name_its_parcels_but_no_others(intake: Intaking) -> None:
    await intake.sends(an_order())
    await pack(intake.pool, "packed")
    ours, other = f"{ORDER_ID}/1/1", "direct:HTX-MAU-01:1/1/1"
    named = {"parcel_id": ours, "outcome": "written_off", "condition": "spoiled"}
    await intake.asks("receive_back", parcels=[named])
    await intake.asks("receive_back", parcels=[{**named, "parcel_id": other}])
    refused, back = intake.events[-1], intake.events[-2]
    assert refusal_of(refused) == "other_parcel"
    assert isinstance(back, OrderReceivedBack)
    assert [one.model_dump() for one in back.parcels] == [named]


async def test_a_cancelled_order_cannot_be_changed_by_command(intake: Intaking) -> None:
    await intake.sends(an_order(), a_cancellation())
    for kind in ("hold", "release", "amend"):
        await intake.asks(kind, order=an_amendment())
    assert [refusal_of(event) for event in intake.events[2:]] == ["cancel_requested"] * 3


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (an_amendment(channel_order_no="PM-2"), "other_order"),
        (an_amendment(seller_ref="P-2"), "other_order"),
        ({"format": "ocop.order/1"}, "payload_invalid"),
        (None, "payload_invalid"),
    ],
)
async def test_an_amendment_must_be_the_whole_order(
    intake: Intaking, order: dict[str, Any] | None, code: str
) -> None:
    await intake.sends(an_order())
    await intake.asks("amend", order=order)
    assert refusal_of(intake.events[-1]) == code


async def test_a_command_about_an_unknown_order_is_dead(intake: Intaking) -> None:
    await intake.asks("hold")
    await intake.sends(an_order())
    await intake.asks("hold", actor=f"seller:{SECOND_SELLER}")
    assert intake.dead_codes == ["unknown_order"] * 2
    assert intake.kinds == ["OrderPlaced"]
