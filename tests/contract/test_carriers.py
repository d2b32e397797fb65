"""One exam for every carrier: the proxies against the HTTP sandboxes, and the doubles in process."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from services.carriers.account import Account
from services.carriers.port import (
    Booked,
    BookingRef,
    BookingRequest,
    CannotAsk,
    Carrier,
    CarrierUnreachable,
    Edited,
    Found,
    Locality,
    NotFound,
    Quoted,
    QuoteRequest,
    RedeliveryAccepted,
    Refused,
    ReturnAccepted,
    Unknown,
    Voided,
    VoidPending,
)
from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost
from services.sandbox.in_process import InProcessVietnamPost, InProcessViettelPost
from services.sandbox.options import CALM, Options
from services.sandbox.serving import serving
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
from tests.carrier_requests import LOCALITY, MIDNIGHT, REFERENCE, STILL, a_request_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.sandbox.yard import Yard


def a_request(reference: str = REFERENCE) -> BookingRequest:
    return a_request_for("VTK", reference)


def a_question(cod_vnd: int = 350_000, weight_g: int = 1_200) -> QuoteRequest:
    here, there = Locality(*LOCALITY), Locality("00166", "Phường Bến Thành", "79", "Hồ Chí Minh")
    return QuoteRequest(here, there, weight_g, 0, 0, 0, 320_000, cod_vnd, MIDNIGHT)


def an_account(url: str, timeout_s: float = 5.0) -> Account:
    return Account(url, "sandbox", "sandbox", timeout_s, customer_code="T000000001")


class Bench:
    """A carrier under examination and the parcels behind it."""

    def __init__(self, carrier: Carrier, yard: Yard) -> None:
        self.carrier = carrier
        self.yard = yard

    async def booked(self, reference: str = REFERENCE) -> BookingRef:
        answer = await self.carrier.book(a_request(reference))
        assert isinstance(answer, Booked)
        return BookingRef(reference, answer.tracking_no, answer.carrier_ref)


@pytest.fixture(params=["viettelpost", "vnpost", "viettelpost in process", "vnpost in process"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    options = STILL
    match request.param:
        case "viettelpost":
            peer = ViettelPostSandbox(options)
            async with serving(peer) as url:
                carrier = ViettelPost(an_account(url))
                yield Bench(carrier, peer.yard)
                await carrier.close()
        case "vnpost":
            other = VietnamPostSandbox(options)
            async with serving(other) as url:
                proxy = VietnamPost(an_account(url))
                yield Bench(proxy, other.yard)
                await proxy.close()
        case "viettelpost in process":
            double = InProcessViettelPost(options)
            yield Bench(double, double.yard)
            await double.close()
        case _:
            twin = InProcessVietnamPost(options)
            yield Bench(twin, twin.yard)
            await twin.close()


async def test_a_parcel_is_booked_under_our_reference_with_its_money(bench: Bench) -> None:
    ref = await bench.booked()
    parcel = bench.yard.by_number[ref.tracking_no]
    assert (parcel.reference, parcel.cod_vnd, parcel.weight_g) == (ref.reference, 350_000, 1_200)


async def test_a_second_order_of_one_reference_never_goes_unnoticed(bench: Bench) -> None:
    first = await bench.booked()
    match await bench.carrier.lookup(first.reference):
        case Found(booked=booked, ended=False):
            assert booked.tracking_no == first.tracking_no
        case CannotAsk():
            assert isinstance(await bench.carrier.book(a_request()), Refused)
        case other:
            pytest.fail(f"{other}")


async def test_an_unknown_reference_is_not_found_where_one_can_ask(bench: Bench) -> None:
    assert isinstance(await bench.carrier.lookup("OC-NEVER-1"), NotFound | CannotAsk)


async def test_a_booking_can_be_voided_before_the_carrier_has_the_parcel(bench: Bench) -> None:
    ref = await bench.booked()
    assert await bench.carrier.void(ref) == Voided()
    assert not bench.yard.by_number[ref.tracking_no].open


async def test_a_second_void_looks_like_a_refusal(bench: Bench) -> None:
    ref = await bench.booked()
    await bench.carrier.void(ref)
    assert isinstance(await bench.carrier.void(ref), Refused)


async def test_a_parcel_the_carrier_has_cannot_be_voided(bench: Bench) -> None:
    ref = await bench.booked()
    bench.yard.by_number[ref.tracking_no].code = "200" if "V" not in ref.tracking_no else "7"
    assert isinstance(await bench.carrier.void(ref), Refused)


async def test_a_return_is_granted_only_while_a_decision_is_awaited(bench: Bench) -> None:
    ref = await bench.booked()
    too_early = await bench.carrier.request_return(ref, "huỷ đơn")
    assert isinstance(too_early, Refused | CannotAsk)
    bench.yard.by_number[ref.tracking_no].code = "505"
    if isinstance(too_early, Refused):
        assert await bench.carrier.request_return(ref, "huỷ đơn") == ReturnAccepted()


async def test_prices_are_of_every_service_and_grow_with_the_weight(bench: Bench) -> None:
    light, heavy = [await bench.carrier.quote(a_question(weight_g=g)) for g in (1_000, 9_000)]
    assert isinstance(light, Quoted)
    assert isinstance(heavy, Quoted)
    assert len(light.services) > 1
    assert all(
        0 < one.price_vnd < two.price_vnd
        for one, two in zip(light.services, heavy.services, strict=True)
    )
    assert {one.charged_weight_g for one in heavy.services} == {9_000}


async def test_a_price_has_no_effect(bench: Bench) -> None:
    await bench.carrier.quote(a_question())
    assert not bench.yard.by_number


async def test_a_booking_costs_what_was_quoted_for_the_same_parcel(bench: Bench) -> None:
    request = replace(a_request(), length_cm=0, width_cm=0, height_cm=0)
    place = Locality(*LOCALITY)
    asked = QuoteRequest(place, place, 1_200, 0, 0, 0, 320_000, 350_000, request.ready_at)
    quoted = await bench.carrier.quote(asked)
    assert isinstance(quoted, Quoted)
    first = quoted.services[0]
    booked = await bench.carrier.book(replace(request, service=first.service))
    assert isinstance(booked, Booked)
    assert booked.freight_vnd == first.price_vnd


async def test_a_booking_can_be_edited_only_before_the_carrier_has_it(bench: Bench) -> None:
    ref = await bench.booked()
    parcel = bench.yard.by_number[ref.tracking_no]
    changed = replace(a_request(), weight_g=2_400, cod_vnd=0)
    answer = await bench.carrier.edit(ref, changed)
    assert isinstance(answer, Edited | CannotAsk)
    if isinstance(answer, Edited):
        assert (parcel.weight_g, parcel.cod_vnd) == (2_400, 0)
        parcel.code = "200"
        assert isinstance(await bench.carrier.edit(ref, changed), Refused)


async def test_a_redelivery_is_granted_only_while_a_decision_is_awaited(bench: Bench) -> None:
    ref = await bench.booked()
    too_early = await bench.carrier.request_redelivery(ref, "khách hẹn lại")
    assert isinstance(too_early, Refused | CannotAsk)
    if isinstance(too_early, Refused):
        bench.yard.by_number[ref.tracking_no].code = "505"
        assert await bench.carrier.request_redelivery(ref, "hẹn lại") == RedeliveryAccepted()


async def test_a_refusing_carrier_refuses_again(bench: Bench) -> None:
    bench.yard.options = replace(STILL, mischief=replace(CALM, refused=1.0))
    first, again = [await bench.carrier.book(a_request()) for _ in range(2)]
    assert isinstance(first, Refused)
    assert first == again
    assert not bench.yard.by_number


@pytest.fixture(params=["viettelpost", "vnpost"])
def made(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_peer(made: str, options: Options) -> ViettelPostSandbox | VietnamPostSandbox:
    return ViettelPostSandbox(options) if made == "viettelpost" else VietnamPostSandbox(options)


@contextlib.asynccontextmanager
async def connected(made: str, url: str, timeout_s: float = 5.0) -> AsyncIterator[Carrier]:
    account = an_account(url, timeout_s)
    carrier = ViettelPost(account) if made == "viettelpost" else VietnamPost(account)
    yield carrier
    await carrier.close()


def misbehave(peer: ViettelPostSandbox | VietnamPostSandbox, **rates: float) -> None:
    mischief = replace(CALM, **rates)
    peer.yard.options = replace(peer.yard.options, mischief=mischief)


async def test_a_token_that_is_no_good_any_more_is_renewed(made: str) -> None:
    peer = a_peer(made, STILL)
    async with serving(peer) as url, connected(made, url) as carrier:
        await carrier.book(a_request("OC-A-1"))
        peer.forget_tokens()
        assert isinstance(await carrier.book(a_request("OC-B-1")), Booked)


async def test_fifty_calls_at_once_log_in_once(made: str) -> None:
    peer = a_peer(made, STILL)
    async with serving(peer) as url, connected(made, url) as carrier:
        calls = (carrier.book(a_request(f"OC-{n}-1")) for n in range(50))
        answers = await asyncio.gather(*calls)
        assert all(isinstance(answer, Booked) for answer in answers)
        assert len(peer._tokens) == (2 if made == "viettelpost" else 1)


async def test_a_wrong_password_is_no_refusal_of_a_parcel(made: str) -> None:
    peer = a_peer(made, replace(STILL, password="other"))
    async with serving(peer) as url, connected(made, url) as carrier:
        with pytest.raises(CarrierUnreachable):
            await carrier.book(a_request())


async def test_a_carrier_that_is_not_there_was_not_asked(made: str) -> None:
    async with connected(made, "http://127.0.0.1:9") as carrier:
        with pytest.raises(CarrierUnreachable):
            await carrier.book(a_request())


@pytest.mark.parametrize("trouble", ["dropped", "server_error", "slow"])
async def test_a_lost_answer_leaves_open_what_became_of_the_call(made: str, trouble: str) -> None:
    peer = a_peer(made, STILL)
    async with serving(peer) as url, connected(made, url, timeout_s=0.4) as carrier:
        await carrier.book(a_request("OC-A-1"))
        misbehave(peer, slow_s=2.0, **{trouble: 1.0})
        assert isinstance(await carrier.book(a_request("OC-B-1")), Unknown)


async def test_a_login_whose_answer_is_lost_was_no_booking(made: str) -> None:
    peer = a_peer(made, STILL)
    misbehave(peer, dropped=1.0)
    async with serving(peer) as url, connected(made, url) as carrier:
        with pytest.raises(CarrierUnreachable):
            await carrier.book(a_request())
        assert not peer.yard.by_number


async def test_vietnam_post_may_only_take_note_of_a_void() -> None:
    peer = VietnamPostSandbox(STILL)
    misbehave(peer, cancel_pending=1.0)
    async with serving(peer) as url, connected("vnpost", url) as carrier:
        ref = await Bench(carrier, peer.yard).booked()
        assert isinstance(await carrier.void(ref), VoidPending)
        found = await carrier.lookup(ref.reference)
        assert isinstance(found, Found)
        assert not found.ended


async def test_the_admin_call_tells_what_is_open(made: str) -> None:
    peer = a_peer(made, STILL)
    async with (
        serving(peer) as url,
        connected(made, url) as carrier,
        aiohttp.ClientSession() as session,
    ):
        await carrier.book(a_request())
        async with session.get(f"{url}/admin/totals") as answer:
            told = await answer.json()
        assert (told["booked"], told["open"]) == (1, 1)


async def test_viettel_post_is_told_places_by_its_own_ids_where_the_account_wants_it() -> None:
    peer = ViettelPostSandbox(STILL)
    async with serving(peer) as url:
        by_text, by_id = (
            ViettelPost(replace(an_account(url), addresses=how)) for how in ("text", "ids")
        )
        request = a_request()
        there = replace(request.recipient, ward="Phường Cầu Giấy", province="Thành phố Hà Nội")
        assert isinstance(await by_id.book(replace(request, recipient=there)), Booked)
        assert await by_id.quote(a_question()) == await by_text.quote(a_question())
        await by_text.close()
        await by_id.close()


async def test_a_commune_viettel_post_has_no_id_for_is_told_by_text() -> None:
    peer = ViettelPostSandbox(STILL)
    async with serving(peer) as url:
        carrier = ViettelPost(replace(an_account(url), addresses="ids"))
        nowhere = replace(a_request().recipient, ward="Xã Không Có")
        assert isinstance(await carrier.book(replace(a_request(), recipient=nowhere)), Booked)
        await carrier.close()


async def test_vietnam_post_corrects_an_order_where_the_account_names_the_affair() -> None:
    peer = VietnamPostSandbox(STILL)
    async with serving(peer) as url:
        carrier = VietnamPost(replace(an_account(url), correction_affair="01"))
        ref = await Bench(carrier, peer.yard).booked()
        assert await carrier.edit(ref, replace(a_request(), weight_g=2_400)) == Edited()
        assert peer.yard.by_number[ref.tracking_no].weight_g == 2_400
        await carrier.close()


async def test_vietnam_post_tells_the_history_of_an_order() -> None:
    peer = VietnamPostSandbox(STILL)
    async with serving(peer) as url:
        carrier = VietnamPost(an_account(url))
        ref = await Bench(carrier, peer.yard).booked()
        await carrier.void(ref)
        history = await carrier.history(ref.reference)
        assert [one.code for one in history or ()] == ["1", "9"]
        assert await carrier.history("OC-NEVER-1") is None
        await carrier.close()


@pytest.mark.parametrize("trouble", ["dropped", "server_error"])
async def test_a_lost_price_is_no_price(made: str, trouble: str) -> None:
    peer = a_peer(made, STILL)
    async with serving(peer) as url, connected(made, url) as carrier:
        await carrier.quote(a_question())
        misbehave(peer, **{trouble: 1.0})
        assert isinstance(await carrier.quote(a_question()), Unknown)


async def test_a_lane_the_carrier_will_not_price_is_refused(made: str) -> None:
    peer = a_peer(made, STILL)
    misbehave(peer, refused=1.0)
    async with serving(peer) as url, connected(made, url) as carrier:
        assert isinstance(await carrier.quote(a_question()), Refused)
