"""GHN and GHTK sit the exam of every carrier against their sandboxes, and that of their quirks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from services.carriers.account import CarrierSettings
from services.carriers.ghn.proxy import Ghn
from services.carriers.ghtk.proxy import Ghtk
from services.carriers.port import (
    Booked,
    BookingRef,
    CannotAsk,
    Carrier,
    CarrierUnreachable,
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
)
from services.sandbox.ghn import GhnSandbox
from services.sandbox.ghtk import GhtkSandbox
from services.sandbox.options import CALM, Options
from services.sandbox.serving import serving
from tests.carrier_requests import LOCALITY, REFERENCE, STILL, a_request_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HERE = Locality(*LOCALITY)
THERE = Locality("26740", "Phường Bến Thành", "79", "Hồ Chí Minh")
NOON = datetime(2026, 10, 1, 5, tzinfo=UTC)
SERVICES = {"ghn": "2", "ghtk": "road"}


@dataclass
class Bench:
    """A carrier under examination and its sandbox."""

    made: str
    carrier: Carrier
    peer: GhnSandbox | GhtkSandbox

    async def book(self, reference: str = REFERENCE) -> object:
        return await self.carrier.book(a_request_for(SERVICES[self.made], reference, NOON))

    async def booked(self, reference: str = REFERENCE) -> BookingRef:
        answer = await self.book(reference)
        assert isinstance(answer, Booked)
        return BookingRef(reference, answer.tracking_no, answer.carrier_ref)

    def is_at(self, ref: BookingRef, code: str) -> None:
        self.peer.yard.by_number[ref.tracking_no].code = code

    def misbehave(self, **rates: float) -> None:
        self.peer.yard.options = replace(STILL, mischief=replace(CALM, **rates))


def a_question(weight_g: int = 1_200) -> QuoteRequest:
    return QuoteRequest(HERE, THERE, weight_g, 30, 20, 15, 320_000, 350_000, NOON)


@contextlib.asynccontextmanager
async def a_bench(
    made: str, options: Options = STILL, timeout_s: float = 5.0, places: str = ""
) -> AsyncIterator[Bench]:
    peer = GhnSandbox(options) if made == "ghn" else GhtkSandbox(options)
    async with serving(peer) as url:
        account = replace(
            CarrierSettings().account(made), base_url=url, timeout_s=timeout_s, places_file=places
        )
        carrier = Ghn(account) if made == "ghn" else Ghtk(account)
        yield Bench(made, carrier, peer)
        await carrier.close()


@pytest.fixture(params=["ghn", "ghtk"])
def made(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def bench(made: str) -> AsyncIterator[Bench]:
    async with a_bench(made) as bench:
        yield bench


async def test_a_parcel_is_booked_under_our_reference_with_its_money(bench: Bench) -> None:
    ref = await bench.booked()
    parcel = bench.peer.yard.by_number[ref.tracking_no]
    assert (parcel.reference, parcel.cod_vnd, parcel.weight_g) == (REFERENCE, 350_000, 1_200)


async def test_a_second_order_of_one_reference_never_goes_unnoticed(bench: Bench) -> None:
    first = await bench.booked()
    match await bench.carrier.lookup(REFERENCE):
        case Found(booked=booked, ended=False):
            assert booked.tracking_no == first.tracking_no
        case CannotAsk():
            again = await bench.book()
            assert isinstance(again, Booked)
            assert again.tracking_no == first.tracking_no
        case other:
            pytest.fail(f"{other}")


async def test_an_unknown_reference_is_not_found_where_one_can_ask(bench: Bench) -> None:
    assert isinstance(await bench.carrier.lookup("OC-NEVER-1"), NotFound | CannotAsk)


async def test_a_booking_can_be_voided_before_the_carrier_has_the_parcel(bench: Bench) -> None:
    ref = await bench.booked()
    assert await bench.carrier.void(ref) == Voided()
    assert not bench.peer.yard.by_number[ref.tracking_no].open


async def test_a_parcel_the_carrier_has_cannot_be_voided(bench: Bench) -> None:
    ref = await bench.booked()
    bench.is_at(ref, {"ghn": "picked", "ghtk": "3"}[bench.made])
    assert isinstance(await bench.carrier.void(ref), Refused)


async def test_a_second_void_is_done_at_ghtk_and_refused_at_ghn(bench: Bench) -> None:
    ref = await bench.booked()
    await bench.carrier.void(ref)
    again = await bench.carrier.void(ref)
    assert isinstance(again, Voided if bench.made == "ghtk" else Refused)


async def test_a_refusing_carrier_refuses_again(bench: Bench) -> None:
    bench.misbehave(refused=1.0)
    first, again = await bench.book(), await bench.book()
    assert isinstance(first, Refused)
    assert first == again
    assert not bench.peer.yard.by_number


async def test_a_wrong_token_is_no_refusal_of_a_parcel(made: str) -> None:
    async with a_bench(made, replace(STILL, password="other")) as bench:
        with pytest.raises(CarrierUnreachable):
            await bench.book()


@pytest.mark.parametrize("trouble", ["dropped", "server_error", "slow"])
async def test_a_lost_answer_leaves_open_what_became_of_the_call(made: str, trouble: str) -> None:
    async with a_bench(made, timeout_s=0.4) as bench:
        await bench.booked("OC-A-1")
        bench.misbehave(slow_s=2.0, **{trouble: 1.0})
        assert isinstance(await bench.book("OC-B-1"), Unknown)


async def test_after_a_lost_answer_both_find_the_one_booking_again(made: str) -> None:
    async with a_bench(made) as bench:
        bench.misbehave(server_error=1.0)
        assert isinstance(await bench.book(), Unknown)
        bench.misbehave()
        match await bench.carrier.lookup(REFERENCE):
            case Found(booked=booked):
                number = booked.tracking_no
            case _:
                number = (await bench.booked()).tracking_no
        assert [*bench.peer.yard.by_number] == [number]


async def test_ghn_brings_back_only_what_is_stored_or_waits_for_a_decision() -> None:
    async with a_bench("ghn") as bench:
        ref = await bench.booked()
        assert isinstance(await bench.carrier.request_return(ref, "huỷ đơn"), Refused)
        for code in ("storing", "waiting_to_return"):
            bench.is_at(ref, code)
            assert await bench.carrier.request_return(ref, "huỷ đơn") == ReturnAccepted()


async def test_ghn_delivers_again_only_inside_its_window() -> None:
    async with a_bench("ghn") as bench:
        ref = await bench.booked()
        assert isinstance(await bench.carrier.request_redelivery(ref, "hẹn lại"), Refused)
        bench.is_at(ref, "waiting_to_return")
        assert await bench.carrier.request_redelivery(ref, "hẹn lại") == RedeliveryAccepted()


async def test_ghtk_has_no_call_for_a_decision() -> None:
    async with a_bench("ghtk") as bench:
        ref = await bench.booked()
        assert await bench.carrier.request_return(ref, "huỷ đơn") == CannotAsk()
        assert await bench.carrier.request_redelivery(ref, "hẹn lại") == CannotAsk()


async def test_ghtk_cancels_by_our_own_id_where_the_label_was_never_told() -> None:
    async with a_bench("ghtk") as bench:
        await bench.booked()
        assert await bench.carrier.void(BookingRef(REFERENCE, "")) == Voided()


async def test_ghtk_tells_of_a_label_with_dots() -> None:
    async with a_bench("ghtk") as bench:
        ref = await bench.booked()
        assert isinstance(bench.carrier, Ghtk)
        assert "." in ref.tracking_no
        found = await bench.carrier.status_of(ref.tracking_no)
        assert isinstance(found, Found)
        assert found.booked.tracking_no == ref.tracking_no
        assert isinstance(await bench.carrier.status_of("S1.A.B.1"), NotFound)


async def test_prices_are_of_every_service_and_grow_with_the_weight(
    made: str, tmp_path: Path
) -> None:
    async with a_bench(made, places=places_file(tmp_path)) as bench:
        light, heavy = [await bench.carrier.quote(a_question(g)) for g in (1_000, 20_000)]
        assert isinstance(light, Quoted)
        assert isinstance(heavy, Quoted)
        assert SERVICES[made] in {one.service for one in light.services}
        pairs = zip(light.services, heavy.services, strict=True)
        assert all(0 < one.price_vnd < two.price_vnd for one, two in pairs)
        assert not bench.peer.yard.by_number


async def test_ghn_cannot_price_places_whose_numbers_nobody_wrote_down() -> None:
    async with a_bench("ghn") as bench:
        assert await bench.carrier.quote(a_question()) == CannotAsk()


def places_file(folder: Path) -> str:
    places = folder / "places.csv"
    rows = f"{HERE.ward_code},3001,1A0607\n{THERE.ward_code},3030,20101\n"
    places.write_text(f"ward_code,ghn_district_id,ghn_ward_code\n{rows}")
    return str(places)


async def test_both_book_for_the_price_they_quoted(made: str, tmp_path: Path) -> None:
    async with a_bench(made, places=places_file(tmp_path)) as bench:
        quoted = await bench.carrier.quote(replace(a_question(), destination=HERE))
        booked = await bench.book()
        assert isinstance(quoted, Quoted)
        assert isinstance(booked, Booked)
        assert booked.freight_vnd == quoted.services[0].price_vnd
