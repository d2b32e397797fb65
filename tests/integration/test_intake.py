"""Intake through the in-memory driver, with a real PostgreSQL: what goes in and what comes out."""

from __future__ import annotations

import itertools
import json
import unicodedata
import uuid
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.ids import channel_key
from schemas.intake import (
    CommandRefused,
    HoldReason,
    OrderAmended,
    OrderCancelRequested,
    OrderHeld,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
)
from services.reference.places import Places
from services.store.consignees import Consignee, NoConsignee, erase_buyers, read_consignee
from services.store.vault import Vault
from streams.intake import Intake
from streams.runtime.memory import ManualClock, Pipeline
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.event import Event
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

PLACES = Places.load()
VAULT = Vault(bytes(range(32)))
TOPICS = (
    *("order.placed.v1", "order.amended.v1", "order.held.v1", "order.released.v1"),
    *("order.cancel_requested.v1", "order.received_back.v1", "command.refused.v1"),
)
BAD_ADDRESS: dict[str, Any] = {"ward_code": None, "ward_name": "Phường Không Có Thật"}
SECOND_SELLER = "HTX-MAU-02"
PUBLISHED = {
    *("placed", "province_code", "ward_code", "place_confidence", "goods_vnd", "shipping_vnd"),
    *("discount_vnd", "total_vnd", "cod_vnd", "shipping_payer", "fixed_carrier"),
}


class Intaking:
    """The stage on its own log, and words for what its neighbours do."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        clock = ManualClock(datetime(2026, 7, 1, tzinfo=UTC))
        self.pipeline = Pipeline([Intake(PLACES, VAULT)], pool, clock)

    async def sends(self, *payloads: Mapping[str, Any], channel: str = "postmart") -> None:
        """The channel sends payloads in one go."""
        for payload in payloads:
            key = channel_key(channel, payload.get("channel_order_no", NUMBER))
            await self.append(key, body(dict(payload)), channel, "order", f"channel:{channel}")
        await self.pipeline.run_until_idle()

    async def asks(
        self, kind: str, command_id: str = "", actor: str = f"seller:{SELLER}", **fields: Any
    ) -> str:
        """Somebody commands something; its command id."""
        command_id = command_id or str(uuid.uuid4())
        key = channel_key("postmart", NUMBER)
        raw = body(a_command(**fields))
        await self.append(key, raw, "postmart", kind, actor, ("ocop_command_id", command_id))
        await self.pipeline.run_until_idle()
        return command_id

    async def append(
        self, key: str, raw: bytes, channel: str, kind: str, actor: str, *more: tuple[str, str]
    ) -> None:
        headers = (
            ("ocop_channel", channel),
            ("ocop_kind", kind),
            ("ocop_actor", actor),
            *more,
        )
        encoded = [(name, value.encode()) for name, value in headers]
        await self.pipeline.send("order.received.v1", key, raw, encoded)

    @property
    def events(self) -> list[Event]:
        """Everything told, by version; refusals last."""
        told = [event for topic in TOPICS for event in self.pipeline.events(topic)]
        return sorted(told, key=lambda event: (isinstance(event, CommandRefused), event.version))

    @property
    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [type(event).__name__ for event in self.events]

    @property
    def dead_codes(self) -> list[str]:
        return [dead.code for dead in self.pipeline.dead]

    def count(self, name: str) -> int:
        return sum(getattr(settled.counts, name) for settled in self.pipeline.settled)

    async def state(self) -> dict[str, Any]:
        """What intake stores of orders, without version counter and ciphertexts."""
        orders = await self.pool.fetch("SELECT * FROM intake.orders ORDER BY order_id")
        lines = await self.pool.fetch("SELECT * FROM intake.lines ORDER BY order_id, line_no")
        parked = await self.pool.fetch("SELECT channel, channel_order_no, ref FROM intake.parked")
        rows = [{k: v for k, v in row.items() if k != "version"} for row in orders]
        for row in rows:
            row["seen"] = json.loads(row["seen"])
        return {"orders": rows, "lines": [dict(row) for row in lines], "parked": len(parked)}

    async def decided(self) -> dict[str, Any]:
        """The state without what was published of content that a later one replaced.

        An order placed and then amended into trouble was placed; one that never was fine was not.
        """
        state = await self.state()
        if any(order["untold"] for order in state["orders"]):
            del state["lines"]
            state["orders"] = [
                {name: value for name, value in order.items() if name not in PUBLISHED}
                for order in state["orders"]
            ]
        return state


@pytest.fixture
async def intake(pool: Pool) -> Intaking:
    """The stage, and a registry with two sellers of one product, certified until June 2028."""
    await pool.execute("""
        INSERT INTO registry.sellers VALUES
            ('HTX-MAU-01', 'HTX Mẫu 1', 'cooperative'), ('HTX-MAU-02', 'HTX Mẫu 2', 'cooperative');
        INSERT INTO registry.origins (origin_id, seller_id, contact_name, phone, street, ward_code,
                                      province_code)
        SELECT seller_id || '-K1', seller_id, 'Phạm Văn C', '0900000009', 'Thôn 1', '24778', '68'
        FROM registry.sellers;
        INSERT INTO registry.shops VALUES ('postmart', 'P-2', 'HTX-MAU-02');
        INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group, weight_g,
                                       length_cm, handling, transit_tolerance_h)
        SELECT seller_id, 'OCOP-TS-01-600', seller_id || '-K1', 'Trà sen', 'beverage', 650, 20,
               '{dry,fragile}', 96
        FROM registry.sellers;
        INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group) VALUES
            ('HTX-MAU-01', 'TOUR-1', 'HTX-MAU-01-K1', 'Tour vườn trà', 'tourism');
        INSERT INTO registry.certificates (certificate_no, seller_id, sku, kind, star, issued_on,
                                           expires_on)
        VALUES ('OCOP-MAU-0001', 'HTX-MAU-01', 'OCOP-TS-01-600', 'OCOP', 4, '2025-06-30',
                '2028-06-30');
    """)
    return Intaking(pool)


async def expire_certificate(pool: Pool, on: str) -> None:
    await pool.execute("UPDATE registry.certificates SET expires_on = $1", date.fromisoformat(on))


async def pack(pool: Pool, state: str) -> None:
    await pool.execute(
        """
        INSERT INTO packing.shipments (shipment_id, order_id, station, state, reported, version)
        VALUES ($1 || '/1', $1, 'S1', $2, '{}', 1)
        """,
        ORDER_ID,
        state,
    )


def holds_of(event: Event) -> list[HoldReason]:
    assert isinstance(event, OrderHeld)
    return [hold.reason for hold in event.holds]


def refusal_of(event: Event) -> str:
    assert isinstance(event, CommandRefused)
    return event.code


async def test_the_described_order_is_placed(intake: Intaking) -> None:
    await intake.sends(an_order())
    (placed,) = intake.events
    assert isinstance(placed, OrderPlaced)
    assert (placed.order_id, placed.version) == (ORDER_ID, 1)
    assert (placed.destination.province_code, placed.destination.ward_code) == ("01", "00166")
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
        assert await erase_buyers(connection, VAULT, ["+84900000002", "+84900000077"]) == 1
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
    assert placed.destination.province_code == "19"


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


async def test_a_certificate_is_valid_through_its_last_day_in_vietnam(intake: Intaking) -> None:
    await expire_certificate(intake.pool, "2026-07-01")
    late = "2026-07-01T23:59:00+07:00"
    await intake.sends(an_order(placed_at=late, updated_at=late))
    assert intake.kinds == ["OrderPlaced"]


async def test_an_order_amended_into_trouble_is_held_and_let_go_again(intake: Intaking) -> None:
    await intake.sends(an_order(), an_amendment(ship_to=BAD_ADDRESS), an_amendment(version=3))
    assert intake.kinds == ["OrderPlaced", "OrderHeld", "OrderReleased", "OrderAmended"]


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


@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (b"\x00garbage\xff", {}, "payload_invalid"),
        (body(an_order()), {"kind": "wish"}, "kind_unknown"),
        (body(an_order()), {"channel": "shopee"}, "channel_unknown"),
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


async def test_a_command_about_an_unknown_order_is_dead(intake: Intaking) -> None:
    await intake.asks("hold")
    await intake.sends(an_order())
    await intake.asks("hold", actor=f"seller:{SECOND_SELLER}")
    assert intake.dead_codes == ["unknown_order"] * 2
    assert intake.kinds == ["OrderPlaced"]


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
