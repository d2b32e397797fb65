"""Shopee: its signatures, its pushes, and what its orders mean."""

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
from services.channels.neutral import NoticePayload, OrderPayload
from services.channels.port import Effect, Nothing, PushTrust, Unmapped, UnreadablePush
from services.channels.shopee.mapping import packages_of, parsed
from services.channels.shopee.signature import call_signature
from tests.channel_examples import (
    JSON,
    PARTNER_KEY,
    PUSH_URL,
    PUSHED_BODIES,
    SHOPEE_NO,
    SHOPEE_PUSH,
    a_shopee_order,
    raw,
)

SHOP = "100001"
UPDATED = datetime(2026, 7, 1, 0, 59, 55, tzinfo=UTC)
TRUST = PushTrust((PARTNER_KEY.encode(),), "2000001", PUSH_URL)
SIGNED = "faf9acab87ff1cf297552c70e802a6e259e733c6c8d3cb6b39f495459f66e925"
PUSH = PUSHES["shopee"]


def reading(**changes: Any) -> Any:
    return READINGS["shopee"](raw(a_shopee_order(**changes)), SHOP)


def an_order(**changes: Any) -> OrderPayload:
    order = reading(**changes)
    assert isinstance(order, OrderPayload)
    return order


def test_calls_are_signed_as_the_vectors_say() -> None:
    stamp = 1782867600
    assert call_signature(PARTNER_KEY, "2000001", "/api/v2/shop/auth_partner", stamp) == (
        "3ff02829334e02e10baedccc201b42ccb084ed7ee8dd5558cf6ea3fcc4674735"
    )
    path = "/api/v2/order/get_order_list"
    assert call_signature(PARTNER_KEY, "2000001", path, stamp, "sample-access-token", "100001") == (
        "44bf4ebf2ac0570d9a623ddf87d15048a6ad28a33c61b78219648c89e203db63"
    )


def test_a_push_is_believed_for_its_registered_url_alone() -> None:
    slash = PushTrust(TRUST.secrets, TRUST.app_id, PUSH_URL + "/")
    assert PUSH.verify(SHOPEE_PUSH, {"authorization": SIGNED}, TRUST)
    assert not PUSH.verify(SHOPEE_PUSH, {"authorization": SIGNED}, slash)
    assert not PUSH.verify(SHOPEE_PUSH + b" ", {"authorization": SIGNED}, TRUST)
    assert not PUSH.verify(SHOPEE_PUSH, {"authorization": "ký"}, TRUST)
    assert not PUSH.verify(SHOPEE_PUSH, {}, TRUST)


def test_both_keys_are_accepted_while_one_replaces_the_other() -> None:
    both = PushTrust((b"new-key", *TRUST.secrets), TRUST.app_id, PUSH_URL)
    assert PUSH.verify(SHOPEE_PUSH, {"authorization": SIGNED}, both)


def test_a_push_names_the_order_and_what_tells_it_from_the_next() -> None:
    [hint] = PUSH.hints(SHOPEE_PUSH)
    assert (hint.shop, hint.number, hint.at) == (SHOP, SHOPEE_NO, UPDATED)
    assert hint.about == "3:READY_TO_SHIP:1782867595"


@pytest.mark.parametrize("code", [4, 15, 29, 30, 47])
def test_other_pushes_about_an_order_are_hints_too(code: int) -> None:
    body = b'{"shop_id":100001,"code":%d,"data":{"order_sn":"260701TESTAA01","x":1}}' % code
    [hint] = PUSH.hints(body)
    assert (hint.number, hint.at) == (SHOPEE_NO, None)
    assert PUSH.hints(body.replace(b'"x":1', b'"x":2')) != (hint,)


def test_a_withdrawn_authority_is_for_a_person() -> None:
    body = b'{"code":2,"timestamp":1782867600,"data":{}}'
    assert PUSH.hints(body) == ()
    assert PUSH.notice(body) == "a shop withdrew its authority"
    assert PUSH.notice(SHOPEE_PUSH) is None


def test_the_documented_order_is_understood() -> None:
    order = an_order()
    [line] = order.lines
    assert (line.sku, line.quantity, line.unit_price, line.weight_g) == (
        "OCOP-TS-01-600",
        2,
        175_000,
        600,
    )
    assert (order.seller_ref, order.version, order.at) == (SHOP, 1782867595, UPDATED)
    assert (order.ship_to.province_name, order.ship_to.ward_name) == ("Hà Nội", "Phường Cầu Giấy")
    assert (order.payment.method, order.payment.cod_amount) == ("cod", 366_000)
    assert (order.totals.goods, order.totals.shipping, order.totals.discount) == (
        350_000,
        16_000,
        0,
    )


def test_the_platform_ships_it_under_its_own_number() -> None:
    order = an_order()
    assert order.fixed_carrier == "shopee"
    assert order.platform is not None
    assert order.platform.packages == ("OFG000000000000001",)
    assert order.platform.ship_by == datetime(2026, 7, 3, tzinfo=UTC)


def test_everything_masked_is_seen_to_be() -> None:
    _, problems = read_contact(an_order())
    assert set(problems) == MASKED


@pytest.mark.parametrize(
    ("total", "fee", "totals"),
    [(340_000, 16_000, (16_000, 26_000)), (390_000, 16_000, (40_000, 0)), (0, 0, (0, 350_000))],
)
def test_what_is_between_goods_and_total_is_fee_or_voucher(
    total: int, fee: int, totals: tuple[int, int]
) -> None:
    order = an_order(total_amount=total, estimated_shipping_fee=fee)
    assert (order.totals.shipping, order.totals.discount) == totals


@pytest.mark.parametrize(("kg", "grams"), [(0.01, 10), ("0.60", 600), (0, None), (1.234, 1234)])
def test_weights_are_kilograms(kg: object, grams: int | None) -> None:
    [item] = a_shopee_order()["item_list"]
    assert an_order(item_list=[item | {"weight": kg}]).lines[0].weight_g == grams


@pytest.mark.parametrize(
    ("status", "effect"),
    [("UNPAID", Effect.WAIT), ("SHIPPED", Effect.INFO), ("COMPLETED", Effect.INFO)],
)
def test_some_statuses_ask_for_nothing(status: str, effect: Effect) -> None:
    assert reading(order_status=status) == Nothing(effect, status)


@pytest.mark.parametrize(
    ("status", "event"),
    [("CANCELLED", "cancelled"), ("IN_CANCEL", "cancel_requested"), ("TO_RETURN", "returned")],
)
def test_an_end_is_a_notice(status: str, event: str) -> None:
    notice = reading(order_status=status)
    assert isinstance(notice, NoticePayload)
    assert (notice.event, notice.cancel.reason) == (event, status.lower())


def test_an_unknown_status_is_never_guessed() -> None:
    assert reading(order_status="TELEPORTED") == Unmapped("TELEPORTED")


def test_a_cancelled_package_carries_nothing() -> None:
    [package] = a_shopee_order()["package_list"]
    gone = package | {"package_number": "OFG2", "logistics_status": "LOGISTICS_INVALID"}
    order = a_shopee_order(package_list=[package, gone])
    platform = an_order(**order).platform
    assert platform is not None
    assert platform.packages == ("OFG000000000000001",)
    assert len(packages_of(parsed(raw(order)))) == 2


@given(st.binary() | st.dictionaries(st.sampled_from(sorted(a_shopee_order())), JSON).map(
    lambda changes: raw(a_shopee_order(**changes))
))  # fmt: skip
def test_whatever_comes_is_understood_or_refused_in_words(body: bytes) -> None:
    with contextlib.suppress(PayloadInvalid):
        READINGS["shopee"](body, SHOP)


@given(PUSHED_BODIES)
def test_whatever_push_comes_is_read_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(UnreadablePush):
        PUSH.hints(body)
        PUSH.notice(body)
