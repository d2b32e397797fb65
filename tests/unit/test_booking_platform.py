"""Parcels a marketplace carries: numbers are taken once, in order, and a shortage is told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from schemas.booking import BookingOutcome
from schemas.intake import LOGISTICS, Channel
from streams.rules.booking import Order, Parcel, Shipment, advance
from streams.rules.booking_attempt import State, Tracked
from streams.rules.booking_effects import Call, Effect, TellBooked, TellEnough, TellShort

if TYPE_CHECKING:
    from collections.abc import Iterable

AT = datetime(2026, 7, 2, 3, tzinfo=UTC)
ORDER = "shopee:S:1"


def a_parcel(number: int) -> Parcel:
    return Parcel(
        parcel_id=f"{ORDER}/1/{number}",
        shipment_id=f"{ORDER}/1",
        channel=Channel.SHOPEE,
        seller_id="S",
        packed_version=1,
        packed_at=AT,
        pieces=1,
        weight_g=500,
        length_cm=10,
        width_cm=10,
        height_cm=10,
        goods_vnd=1,
        cod_vnd=0,
    )


def an_order(parcels: int, packages: Iterable[str]) -> Order:
    shipment = Shipment("K1", "shopee", LOGISTICS, date(2026, 7, 5), AT, LOGISTICS)
    made = {parcel.parcel_id: parcel for parcel in map(a_parcel, range(1, parcels + 1))}
    return Order(
        order_id=ORDER,
        now=AT,
        shipments={f"{ORDER}/1": shipment},
        parcels=made,
        packages=tuple(packages),
        packages_version=1,
        packages_at=AT,
    )


def kinds(effects: Iterable[Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def numbers(order: Order) -> list[str | None]:
    return [parcel.last.tracking_no if parcel.last else None for parcel in order.parcels.values()]


def test_each_parcel_takes_the_next_number() -> None:
    order = an_order(2, ("A", "B", "C"))
    assert kinds(advance(order)) == ["TellBooked", "TellBooked"]
    assert numbers(order) == ["A", "B"]
    assert kinds(advance(order)) == []


def test_a_shortage_is_told_once_and_ends_with_more_numbers() -> None:
    order = an_order(2, ("A",))
    first = list(advance(order))
    assert kinds(first) == ["TellBooked", "TellShort"]
    assert kinds(advance(order)) == []
    order.packages = ("A", "B")
    assert kinds(advance(order)) == ["TellBooked", "TellEnough"]


def test_without_any_number_the_seller_is_told_to_arrange_the_shipment() -> None:
    [short] = advance(an_order(1, ()))
    assert isinstance(short, TellShort)
    assert short.detail.endswith("arrange the shipment there.")


def test_a_void_waits_for_the_platforms_own_word() -> None:
    order = an_order(1, ("A",))
    list(advance(order))
    order.void_version, order.void_why = 1, "cancelled"
    assert kinds(advance(order)) == []
    [parcel] = order.parcels.values()
    assert parcel.last is not None
    assert (parcel.last.state, parcel.last.void_outcome) == (
        State.VOID_PENDING,
        BookingOutcome.VOID_UNASKED,
    )
    parcel.last.tracked = Tracked.CANCELLED
    assert kinds(advance(order)) == ["TellVoided"]


def test_a_package_the_platform_cancelled_is_replaced_by_its_next_one() -> None:
    order = an_order(1, ("A",))
    list(advance(order))
    [parcel] = order.parcels.values()
    assert parcel.last is not None
    parcel.last.tracked = Tracked.CANCELLED
    assert kinds(advance(order)) == ["TellShort"]
    order.packages = ("B",)
    assert kinds(advance(order)) == ["TellBooked", "TellEnough"]
    assert numbers(order) == ["B"]


@given(
    st.integers(1, 4),
    st.lists(st.lists(st.sampled_from("ABCD"), unique=True, max_size=4), max_size=4),
)
def test_no_number_is_given_twice_and_no_carrier_is_called(
    parcels: int, said: list[list[str]]
) -> None:
    order, told = an_order(parcels, ()), list[Effect]()
    for packages in (*said, list("ABCD")):
        order.packages = tuple(packages)
        told += advance(order)
    booked = [effect.attempt.tracking_no for effect in told if isinstance(effect, TellBooked)]
    assert len(set(booked)) == len(booked) == parcels
    assert not any(isinstance(effect, Call) for effect in told)
    shorts = sum(isinstance(effect, TellShort) for effect in told)
    assert shorts == sum(isinstance(effect, TellEnough) for effect in told)


def test_another_stages_hold_stops_booking_and_our_own_does_not() -> None:
    order = an_order(1, ("A",))
    order.holds = {"intake": (1, True), "booking": (1, True)}
    assert kinds(advance(order)) == []
    order.holds = {"intake": (2, False), "booking": (1, True)}
    assert kinds(advance(replace(order))) == ["TellBooked"]
