"""Builders for routing and packing: orders, their origins in the registry, and later facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from schemas.booking import BookingRefused
from schemas.ids import booking_reference
from schemas.intake import (
    Channel,
    Handling,
    OcopGroup,
    OrderAmended,
    OrderContent,
    OrderLine,
    OrderPlaced,
    OrderReleased,
)
from schemas.place import Place
from schemas.status import OrderCancelled
from streams.rules.routing.record import Inputs, Origin

if TYPE_CHECKING:
    from services.store.pool import Pool

SELLER = "S68-01"
ORDER = f"postmart:{SELLER}:PM-1"
DA_LAT, HANOI, TAY_NINH = ("68", "24778"), ("01", "00004"), ("80", "25459")


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of October 2026 by Vietnam's clock. The 1st is a Thursday."""
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC) - timedelta(hours=7)


def a_place(codes: tuple[str, str]) -> Place:
    return Place(province_code=codes[0], ward_code=codes[1])


def a_line(line_no: int = 1, **changes: Any) -> OrderLine:
    """Half a kilogram of coffee, twice, from Lâm Đồng."""
    return OrderLine(
        **{
            "line_no": line_no,
            "sku": f"SKU-{line_no}",
            "name": "Cà phê Cầu Đất",
            "quantity": 2,
            "unit_price_vnd": 150_000,
            "weight_g": 500,
            "length_cm": 20,
            "width_cm": 12,
            "height_cm": 8,
            "origin_id": "K1",
            "origin_province": "68",
            "group": OcopGroup.BEVERAGE,
            "star": 4,
            "handling": (Handling.DRY,),
            **changes,
        }
    )


@st.composite
def lines(draw: st.DrawFn, line_no: int = 1) -> OrderLine:
    handling = draw(st.lists(st.sampled_from(Handling), min_size=1, max_size=2, unique=True))
    side = st.one_of(st.none(), st.integers(1, 200))
    return a_line(
        line_no,
        quantity=draw(st.integers(1, 60)),
        unit_price_vnd=draw(st.integers(0, 3_000_000)),
        weight_g=draw(st.integers(1, 40_000)),
        length_cm=draw(side),
        width_cm=draw(side),
        height_cm=draw(side),
        origin_id=draw(st.sampled_from(("K1", "K2", "K3"))),
        handling=tuple(handling),
        best_before=draw(st.none() | st.dates(date(2026, 9, 1), date(2027, 3, 1))),
        transit_tolerance_h=draw(st.none() | st.integers(1, 200)),
    )


def a_content(order: str, lines: tuple[OrderLine, ...], **changes: Any) -> dict[str, Any]:
    goods = sum(line.quantity * line.unit_price_vnd for line in lines)
    return {
        "version": 1,
        "occurred_at": at(1),
        "order_id": order,
        "channel": Channel(order.partition(":")[0]),
        "seller_id": SELLER,
        "channel_order_no": order.rpartition(":")[2],
        "placed_at": at(1),
        "destination": a_place(HANOI),
        "lines": lines,
        "goods_vnd": goods,
        "shipping_vnd": 30_000,
        "discount_vnd": 0,
        "total_vnd": goods + 30_000,
        "cod_vnd": goods + 30_000,
        "shipping_payer": "buyer",
        **changes,
    }


def a_placed_order(*lines: OrderLine, order: str = ORDER, **changes: Any) -> OrderPlaced:
    return OrderPlaced(**a_content(order, lines or (a_line(),), **changes))


def an_amended_order(*lines: OrderLine, order: str = ORDER, **changes: Any) -> OrderAmended:
    news = {"version": 2, "occurred_at": at(1, 10), **changes}
    return OrderAmended(**a_content(order, lines or (a_line(),), **news))


def a_release(order: str = ORDER, version: int = 3, when: datetime | None = None) -> OrderReleased:
    return OrderReleased(
        version=version,
        occurred_at=when or at(2),
        order_id=order,
        channel=Channel.POSTMART,
        seller_id=SELLER,
        stage="intake",
        by="ops:an",
        why="talked to the carrier",
    )


def a_refusal(
    carrier: str, service: str, order: str = ORDER, shipment: int = 1, attempt: int = 1, **more: Any
) -> BookingRefused:
    parcel = f"{order}/{shipment}/1"
    return BookingRefused(
        **{
            "version": 1,
            "occurred_at": at(1, 17) + timedelta(minutes=attempt),
            "order_id": order,
            "channel": Channel.POSTMART,
            "seller_id": SELLER,
            "shipment_id": f"{order}/{shipment}",
            "parcel_id": parcel,
            "reference": booking_reference(parcel, attempt),
            "attempt": attempt,
            "carrier": carrier,
            "service": service,
            "reason": "does not go there",
            **more,
        }
    )


def a_cancellation(order: str = ORDER) -> OrderCancelled:
    return OrderCancelled(
        version=1,
        occurred_at=at(1, 11),
        order_id=order,
        channel=Channel.POSTMART,
        seller_id=SELLER,
        by="channel:postmart",
        why="buyer changed their mind",
    )


def an_origin(origin_id: str = "K1", place: tuple[str, str] = DA_LAT, **changes: Any) -> Origin:
    return Origin(
        **{
            "origin_id": origin_id,
            "place": a_place(place),
            "working_days": (1, 2, 3, 4, 5, 6),
            "cut_off": time(16),
            **changes,
        }
    )


def some_inputs(content: OrderContent | None = None, **changes: Any) -> Inputs:
    """The inputs of a decision for a content whose origins are all in Lâm Đồng."""
    content = content or a_placed_order()
    names = list(dict.fromkeys(line.origin_id for line in content.lines))
    return Inputs(
        **{
            "order_id": content.order_id,
            "based_on": content.version,
            "placed_at": content.placed_at,
            "destination": content.destination,
            "lines": content.lines,
            "goods_vnd": content.goods_vnd,
            "shipping_vnd": content.shipping_vnd,
            "cod_vnd": content.cod_vnd,
            "fixed_carrier": content.fixed_carrier,
            "origins": tuple(an_origin(name) for name in names),
            "sequence": {name: number for number, name in enumerate(names, start=1)},
            "moments": (content.placed_at,),
            **changes,
        }
    )


ADD_SELLER = """
    INSERT INTO registry.sellers VALUES ($1, 'HTX Mẫu', 'cooperative') ON CONFLICT DO NOTHING
"""
ADD_ORIGIN = """
    INSERT INTO registry.origins (origin_id, seller_id, contact_name, phone, street, ward_code,
                                  province_code, cut_off)
    VALUES ($1, $2, 'Nguyễn Văn A', '0900000001', 'Thôn 1', $3, $4, '16:00')
"""
ADD_PRODUCT = """
    INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group, weight_g)
    VALUES ($1, $2, 'K1', 'Cà phê Cầu Đất', 'beverage', 500)
"""
ADD_CERTIFICATE = """
    INSERT INTO registry.certificates
        (certificate_no, seller_id, sku, kind, star, issued_on, expires_on, revoked_on)
    VALUES ($1, $2, $3, $4, 4, $5, $6, $7)
"""


async def register(pool: Pool) -> None:
    """A seller with a farm in Lâm Đồng (K1), a store in Tây Ninh (K2) and two products."""
    await pool.execute(ADD_SELLER, SELLER)
    for origin_id, (province, ward) in (("K1", DA_LAT), ("K2", TAY_NINH)):
        await pool.execute(ADD_ORIGIN, origin_id, SELLER, ward, province)
    for sku in ("SKU-1", "SKU-2"):
        await pool.execute(ADD_PRODUCT, SELLER, sku)


async def certify(
    pool: Pool, sku: str, expires_on: date, *, kind: str = "OCOP", revoked_on: date | None = None
) -> None:
    """A certificate of the seller's product."""
    number = f"{kind}-{sku}-{expires_on}"
    issued_on = expires_on.replace(year=expires_on.year - 3)
    await pool.execute(
        ADD_CERTIFICATE, number, SELLER, sku, kind, issued_on, expires_on, revoked_on
    )
