"""Intake through the in-memory driver, with a real PostgreSQL: what channels send."""

from __future__ import annotations

import itertools
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from schemas.ids import channel_key
from schemas.intake import (
    HoldReason,
    OrderAmended,
    OrderCancelRequested,
    OrderPlaced,
)
from schemas.place import Place
from services.store.consignees import Consignee, NoConsignee, erase_buyer, read_consignee
from tests.intake_examples import (
    NUMBER,
    ORDER_ID,
    SELLER,
    SKU,
    a_cancellation,
    a_command,
    a_line,
    an_amendment,
    an_order,
    body,
)
from tests.intaking import (
    BAD_ADDRESS,
    SECOND_SELLER,
    VAULT,
    Intaking,
    expire_certificate,
    holds_of,
    start_intake,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres


@pytest.fixture
async def intake(pool: Pool) -> Intaking:
    return await start_intake(pool)


async def test_the_described_order_is_placed(intake: Intaking) -> None:
    await intake.sends(an_order())
    (placed,) = intake.events
    assert isinstance(placed, OrderPlaced)
    assert (placed.order_id, placed.version) == (ORDER_ID, 1)
    assert placed.destination == Place(province_code="01", ward_code="00166")
    assert (placed.goods_vnd, placed.total_vnd, placed.cod_vnd) == (350_000, 366_000, 366_000)
    (line,) = placed.lines
    assert (line.weight_g, line.length_cm, line.star) == (600, 20, 4)
    assert (line.certificate_no, line.origin_province) == ("OCOP-MAU-0001", "68")
    assert line.handling == ("dry", "fragile")
    row = await intake.pool.fetchrow("SELECT * FROM intake.lines")
    assert row is not None
    assert (row["order_id"], row["star"], row["handling"]) == (ORDER_ID, 4, ["dry", "fragile"])


async def test_no_personal_data_leaves_the_vault(intake: Intaking) -> None:
    await intake.sends(an_order(note="gọi cổng sau"))
    told = "".join(event.model_dump_json() for event in intake.events)
    stored = str(await intake.state())
    for secret in ("Trần", "900000002", "Đường Mẫu", "cổng"):
        assert secret not in told
        assert secret not in stored
    async with intake.pool.acquire() as connection:
        consignee = await read_consignee(connection, VAULT, ORDER_ID)
    assert consignee == Consignee(
        "Trần Thị B", "+84900000002", "Số 1 Đường Mẫu", "00166", "01", "gọi cổng sau"
    )


async def test_an_erased_buyer_is_found_in_no_order(intake: Intaking) -> None:
    await intake.sends(an_order(), an_order(channel_order_no="PM-0000002"))
    async with intake.pool.acquire() as connection:
        ask = {"by": "ops:lan", "why": "asked by letter"}
        erased = await erase_buyer(connection, VAULT, phone="+84900000002", **ask)
        assert erased is not None
        assert erased.was_known
        assert erased.orders >= 1
        stranger = await erase_buyer(connection, VAULT, phone="+84900000077", **ask)
        assert stranger == (False, 0)
        assert await erase_buyer(connection, VAULT, order="direct:X:1", **ask) is None
        noted = await connection.fetch("SELECT was_known FROM intake.erasures ORDER BY erased_at")
        assert [row[0] for row in noted] == [True, False]
        for number in (NUMBER, "PM-0000002"):
            with pytest.raises(NoConsignee) as gone:
                await read_consignee(connection, VAULT, f"postmart:{SELLER}:{number}")
            assert gone.value.erased


async def test_the_same_order_twice_is_one_order(intake: Intaking) -> None:
    nfd = json.loads(unicodedata.normalize("NFD", json.dumps(an_order(), ensure_ascii=False)))
    await intake.sends(an_order(), an_order())
    await intake.sends(nfd)
    assert intake.kinds == ["OrderPlaced"]
    assert intake.count("duplicate") == 2


async def test_an_order_in_decomposed_text_without_codes_is_placed(intake: Intaking) -> None:
    nameless = an_order(ship_to={"ward_code": None, "province_code": None})
    await intake.sends(
        json.loads(unicodedata.normalize("NFD", json.dumps(nameless, ensure_ascii=False)))
    )
    assert intake.kinds == ["OrderPlaced"]
    assert await intake.pool.fetchval("SELECT place_confidence FROM intake.orders") == "name"


async def test_an_address_of_the_63_provinces_is_placed_on_the_34(intake: Intaking) -> None:
    ship_to = {
        "province_code": "06",
        "province_name": "Bắc Kạn",
        "ward_code": None,
        "ward_name": "Xã Ba Bể",
        "vintage": "pre-2025-07",
    }
    await intake.sends(an_order(ship_to=ship_to))
    (placed,) = intake.events
    assert isinstance(placed, OrderPlaced)
    assert placed.destination.area == "19"


async def test_a_changed_payload_is_an_amendment(intake: Intaking) -> None:
    await intake.sends(an_order())
    more = an_amendment(
        lines=[a_line(quantity=3)],
        totals={"goods": 525_000, "grand_total": 541_000},
        payment={"cod_amount": 541_000},
    )
    await intake.sends(more, more)
    assert intake.kinds == ["OrderPlaced", "OrderAmended"]
    amended = intake.events[-1]
    assert isinstance(amended, OrderAmended)
    assert (amended.version, amended.cod_vnd, amended.lines[0].quantity) == (2, 541_000, 3)
    assert await intake.pool.fetchval("SELECT quantity FROM intake.lines") == 3


async def test_an_older_version_overwrites_nothing(intake: Intaking) -> None:
    await intake.sends(an_amendment(version=3, fixed_carrier="vnpost"))
    await intake.sends(an_order(), an_amendment(version=2, fixed_carrier="viettelpost"))
    assert intake.kinds == ["OrderPlaced"]
    assert await intake.pool.fetchval("SELECT fixed_carrier FROM intake.orders") == "vnpost"


async def test_the_same_version_with_other_content_is_a_dead_letter(intake: Intaking) -> None:
    await intake.sends(an_order())
    await intake.sends(an_order(fixed_carrier="vnpost"), a_cancellation(version=1))
    assert intake.dead_codes == ["conflicting_version"] * 2
    assert intake.kinds == ["OrderPlaced"]


async def test_a_cancellation_before_its_order_waits_for_it(intake: Intaking) -> None:
    await intake.sends(a_cancellation(), a_cancellation())
    assert (intake.kinds, intake.count("parked"), intake.count("duplicate")) == ([], 1, 1)
    await intake.sends(an_order())
    await intake.sends(a_cancellation())
    assert intake.kinds == ["OrderPlaced", "OrderCancelRequested"]
    requested = intake.events[-1]
    assert isinstance(requested, OrderCancelRequested)
    assert (requested.by, requested.why) == ("channel:postmart", "buyer: changed_mind")
    assert (await intake.state())["parked"] == 0


async def test_an_ambiguous_address_is_held_not_guessed(intake: Intaking) -> None:
    tay_ninh = {"province_code": "80", "province_name": "Tây Ninh"}
    await intake.sends(an_order(ship_to=tay_ninh | {"ward_code": None, "ward_name": "Tan Thanh"}))
    assert holds_of(intake.events[0]) == [HoldReason.ADDRESS_AMBIGUOUS]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lines": [a_line(sku="NO-SUCH")]}, HoldReason.PRODUCT_UNKNOWN),
        ({"lines": [a_line(sku="TOUR-1", weight_g=None)]}, HoldReason.NOT_SHIPPABLE),
        ({"lines": [a_line(handling=["live_animal"])]}, HoldReason.NOT_SHIPPABLE),
        ({"buyer": {"phone": "1900100001"}}, HoldReason.ADDRESS_INCORRECT),
        ({"ship_to": {"street": " "}}, HoldReason.ADDRESS_INCORRECT),
        ({"totals": {"goods": 1, "grand_total": 16_001}}, HoldReason.CHANNEL_HOLD),
        ({"payment": {"cod_amount": 366_001}}, HoldReason.CHANNEL_HOLD),
        (
            {"payment": {"method": "prepaid", "cod_amount": 0, "paid": False}},
            HoldReason.AWAITING_PAYMENT,
        ),
    ],
)
async def test_what_cannot_ship_is_held_with_its_reason(
    intake: Intaking, change: dict[str, Any], reason: HoldReason
) -> None:
    await intake.sends(an_order(**change))
    assert intake.kinds == ["OrderHeld"]
    assert reason in holds_of(intake.events[0])


async def test_a_certificate_is_valid_through_its_last_day_in_vietnam(intake: Intaking) -> None:
    await expire_certificate(intake.pool, "2026-07-01")
    late = "2026-07-01T23:59:00+07:00"
    await intake.sends(an_order(placed_at=late, updated_at=late))
    assert intake.kinds == ["OrderPlaced"]


async def test_an_order_amended_into_trouble_is_held_and_let_go_again(intake: Intaking) -> None:
    await intake.sends(an_order(), an_amendment(ship_to=BAD_ADDRESS), an_amendment(version=3))
    assert intake.kinds == ["OrderPlaced", "OrderHeld", "OrderReleased", "OrderAmended"]


@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (b"\x00garbage\xff", {}, "payload_invalid"),
        (body(an_order()), {"kind": "wish"}, "kind_unknown"),
        (body(an_order()), {"channel": "bazaar"}, "channel_unknown"),
        (body(an_order()), {"channel": "voso"}, "channel_mismatch"),
        (body(an_order(channel_order_no="PM-9")), {}, "wrong_key"),
        (body(an_order(seller_ref="NOBODY")), {}, "seller_unknown"),
        (body(an_order(seller_ref=None)), {}, "seller_unknown"),
        (body(a_command()), {"kind": "hold", "actor": f"seller:{SELLER}"}, "command_invalid"),
    ],
)
async def test_what_cannot_be_understood_is_a_dead_letter(
    intake: Intaking, raw: bytes, headers: dict[str, str], code: str
) -> None:
    sent = {"channel": "postmart", "kind": "order", "actor": "channel:postmart"} | headers
    await intake.append(channel_key("postmart", NUMBER), raw, **sent)
    await intake.pipeline.run_until_idle()
    assert (intake.dead_codes, intake.kinds) == ([code], [])


async def test_two_sellers_may_use_one_number(intake: Intaking) -> None:
    await intake.sends(an_order(), an_order(seller_ref="P-2"), a_cancellation(seller_ref="P-2"))
    placed = {event.order_id for event in intake.pipeline.events("order.placed.v1")}  # type: ignore[attr-defined]
    assert placed == {ORDER_ID, f"postmart:{SECOND_SELLER}:{NUMBER}"}
    (requested,) = intake.pipeline.events("order.cancel_requested.v1")
    assert requested.key == f"postmart:{SECOND_SELLER}:{NUMBER}"
    await intake.sends(a_cancellation(version=3))
    assert intake.dead_codes == ["ambiguous_order"]


async def test_on_the_direct_api_nobody_orders_for_another_seller(intake: Intaking) -> None:
    direct = an_order(channel="direct", channel_order_no="D-1", seller_ref=SECOND_SELLER)
    for payload, claim in ((direct, SELLER), (direct, SECOND_SELLER)):
        claimed = ("ocop_seller", claim)
        await intake.append("direct:D-1", body(payload), "direct", "order", "seller:x", claimed)
    await intake.pipeline.run_until_idle()
    assert intake.dead_codes == ["seller_mismatch"]
    (placed,) = intake.events
    assert placed.key == f"direct:{SECOND_SELLER}:D-1"


FACTS: dict[str, dict[str, Any]] = {
    "placed": an_order(),
    "placed badly": an_order(ship_to=BAD_ADDRESS),
    "amended": an_amendment(fixed_carrier="vnpost"),
    "amended badly": an_amendment(version=3, ship_to=BAD_ADDRESS),
    "cancelled": a_cancellation(version=4),
    "returned": a_cancellation(version=5, event="returned"),
}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pair
        for pair in itertools.combinations(FACTS, 2)
        if FACTS[pair[0]]["version"] != FACTS[pair[1]]["version"]
    ],
)
async def test_two_deliveries_end_the_same_in_either_order(
    intake: Intaking, first: str, second: str
) -> None:
    await intake.sends(FACTS[first], FACTS[second], FACTS[first])
    one = await intake.decided()
    await intake.pool.execute(
        "TRUNCATE intake.orders, intake.lines, intake.parked, intake.buyers, intake.buyer_keys"
    )
    other = Intaking(intake.pool)
    await other.pool.execute("TRUNCATE runtime.checkpoints")
    await other.sends(FACTS[second])
    await other.sends(FACTS[first], FACTS[second])
    assert await other.decided() == one


async def test_only_the_line_sku_of_its_own_seller_counts(intake: Intaking) -> None:
    await intake.sends(an_order(seller_ref="P-2"))
    (placed,) = intake.events
    assert isinstance(placed, OrderPlaced)
    assert (placed.lines[0].sku, placed.lines[0].star) == (SKU, 0)
