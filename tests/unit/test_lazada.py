"""Lazada: its signatures, its pushes, and what its orders mean."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.channels.contact import MASKED, read_contact
from services.channels.formats import PUSHES, READINGS
from services.channels.invalid import PayloadInvalid
from services.channels.lazada.mapping import packages_of, parsed
from services.channels.lazada.signature import call_signature
from services.channels.neutral import NoticePayload, OrderPayload
from services.channels.port import Effect, Nothing, PushTrust, Unmapped, UnreadablePush
from tests.channel_examples import (
    APP_SECRET,
    JSON,
    LAZADA_NO,
    LAZADA_PUSH,
    PUSHED_BODIES,
    a_lazada_item,
    a_lazada_order,
    raw,
)

SHOP = "200000000001"
UPDATED = datetime(2026, 7, 1, 1, 0, 12, tzinfo=UTC)
SIGNED = "573a97399b3c42a988f1a7d321f4c1d4fba8312d3bee0c628491470c9c006ce9"
PUSH = PUSHES["lazada"]


def reading(*items: dict[str, Any], **changes: Any) -> Any:
    return READINGS["lazada"](raw(a_lazada_order(*items, **changes)), SHOP)


def an_order(*items: dict[str, Any], **changes: Any) -> OrderPayload:
    order = reading(*items, **changes)
    assert isinstance(order, OrderPayload)
    return order


def test_calls_are_signed_as_the_vectors_say() -> None:
    vendors = {
        "access_token": "test",
        "app_key": "123456",
        "order_id": "1234",
        "sign_method": "sha256",
        "timestamp": "1517820392000",
    }
    assert call_signature("helloworld", "/order/get", vendors) == (
        "4190D32361CFB9581350222F345CB77F3B19F0E31D162316848A2C1FFD5FAB4A"
    )
    ours = {
        "app_key": "100001",
        "access_token": "sample-access-token",
        "timestamp": "1782867600000",
        "sign_method": "sha256",
        "update_after": "2026-07-01T00:00:00+07:00",
        "limit": "100",
        "sort_by": "updated_at",
        "sign": "never signed itself",
    }
    assert call_signature(APP_SECRET, "/orders/get", ours) == (
        "EA99C84026131745D23EDEA375A062FC74EAFE859DB67AAAC4A0F06871C41D49"
    )


def test_a_push_is_signed_over_our_app_key_and_the_raw_body() -> None:
    trust = PushTrust((APP_SECRET.encode(),), "100001")
    assert PUSH.verify(LAZADA_PUSH, {"authorization": SIGNED}, trust)
    assert not PUSH.verify(LAZADA_PUSH, {"authorization": SIGNED}, PushTrust(trust.secrets, "1"))
    assert not PUSH.verify(LAZADA_PUSH[:-1], {"authorization": SIGNED}, trust)


@pytest.mark.parametrize("unit", [1, 1000])
def test_a_push_names_the_order_whatever_unit_its_time_has(unit: int) -> None:
    stamp = 1782867612
    body = LAZADA_PUSH.replace(b"%d" % stamp, b"%d" % (stamp * unit))
    [hint] = PUSH.hints(body)
    assert (hint.shop, hint.number, hint.at) == (SHOP, LAZADA_NO, UPDATED)
    assert hint.about == f"400000000000101:ready_to_ship:{stamp * unit}"


def test_the_documented_order_is_understood() -> None:
    order = an_order()
    [line] = order.lines
    assert (line.sku, line.quantity, line.unit_price, line.weight_g) == (
        "OCOP-TS-01-600",
        2,
        175_000,
        None,
    )
    assert (order.seller_ref, order.channel_order_no, order.at) == (SHOP, LAZADA_NO, UPDATED)
    assert (order.ship_to.province_name, order.ship_to.ward_name) == ("Hà Nội", "Phường Cầu Giấy")
    assert (order.payment.cod_amount, order.totals.grand_total) == (366_000, 366_000)


def test_both_forms_of_a_time_are_one_moment() -> None:
    assert an_order(updated_at="2026-07-01T08:00:12+07:00").at == an_order().at


def test_numbers_may_be_text() -> None:
    item = a_lazada_item(item_price="175000.00", order_id=LAZADA_NO)
    order = an_order(item, a_lazada_item(2), order_id=LAZADA_NO, shipping_fee="16000")
    assert (order.totals.goods, order.totals.shipping) == (350_000, 16_000)


def test_a_cancelled_unit_is_no_longer_in_the_order() -> None:
    order = an_order(a_lazada_item(1), a_lazada_item(2, status="canceled"))
    assert (order.lines[0].quantity, order.totals.goods, order.payment.cod_amount) == (
        1,
        175_000,
        191_000,
    )


def test_an_order_ends_when_every_unit_is_cancelled() -> None:
    notice = reading(a_lazada_item(1, status="canceled"), a_lazada_item(2, status="canceled"))
    assert isinstance(notice, NoticePayload)
    assert notice.event == "cancelled"


def test_units_of_other_prices_are_lines_of_their_own() -> None:
    order = an_order(a_lazada_item(1), a_lazada_item(2, item_price=150_000), a_lazada_item(3))
    assert [(line.quantity, line.unit_price) for line in order.lines] == [
        (2, 175_000),
        (1, 150_000),
    ]


def test_vouchers_are_what_the_buyer_does_not_pay() -> None:
    order = an_order(voucher_platform="10000", voucher_seller=5_000.0)
    assert (order.totals.discount, order.payment.cod_amount) == (15_000, 351_000)


def test_the_platform_ships_it_under_its_own_number() -> None:
    platform = an_order().platform
    assert platform is not None
    assert platform.packages == ("FP000000001",)
    assert platform.ship_by == datetime(2026, 7, 2, 17, tzinfo=UTC)
    [package] = packages_of(parsed(raw(a_lazada_order())))
    assert (package.number, package.status, package.at) == (
        "FP000000001",
        "ready_to_ship",
        UPDATED,
    )


def test_everything_masked_is_seen_to_be() -> None:
    _, problems = read_contact(an_order())
    assert set(problems) == MASKED


def test_the_misspelt_district_is_read() -> None:
    address = a_lazada_order()["order"]["address_shipping"]
    changed = address | {"address5": "", "addressDsitrict": "Phường Láng"}
    assert an_order(address_shipping=changed).ship_to.ward_name == "Phường Láng"


def test_what_lazada_fulfils_itself_is_not_ours() -> None:
    assert isinstance(reading(a_lazada_item(is_fbl="1")), Nothing)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("unpaid",), Nothing(Effect.WAIT, "unpaid")),
        (("delivered", "canceled"), Nothing(Effect.INFO, "delivered")),
        (("teleported",), Unmapped("teleported")),
    ],
)
def test_units_decide_together(statuses: tuple[str, ...], expected: object) -> None:
    items = [a_lazada_item(n, status=status) for n, status in enumerate(statuses)]
    assert reading(*items) == expected


@given(
    st.binary()
    | st.dictionaries(st.sampled_from(sorted(a_lazada_order()["order"])), JSON).map(
        lambda changes: raw(a_lazada_order(**changes))
    )
    | st.dictionaries(st.sampled_from(sorted(a_lazada_item())), JSON).map(
        lambda changes: raw(a_lazada_order(a_lazada_item(1, **changes)))
    )
)
def test_whatever_comes_is_understood_or_refused_in_words(body: bytes) -> None:
    with contextlib.suppress(PayloadInvalid):
        READINGS["lazada"](body, SHOP)


@given(PUSHED_BODIES)
def test_whatever_push_comes_is_read_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(UnreadablePush):
        PUSH.hints(body)
        PUSH.notice(body)
