"""EMS and the older Vietnam Post interface: the proxies and webhook formats against the sandboxes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from schemas.s10 import is_s10
from services.carriers.account import Account
from services.carriers.directory import INTERFACES
from services.carriers.ems.proxy import Ems
from services.carriers.generic import carrier_event
from services.carriers.port import (
    Booked,
    BookingRef,
    BookingRequest,
    CannotAsk,
    CarrierUnreachable,
    Locality,
    Party,
    Quoted,
    QuoteRequest,
    Refused,
    Unknown,
    Voided,
)
from services.carriers.rsa_keys import public_key_pem
from services.carriers.vnpost_legacy.proxy import VietnamPostLegacy
from services.carriers.webhook import Trusted
from services.carriers.webhooks import ANSWERS, EVENT_ID_HEADERS, WEBHOOKS
from services.gateway.keyring import verified
from services.gateway.partners import read_batch
from services.reference.status_map import read_status_map
from services.sandbox.ems import EmsSandbox
from services.sandbox.options import CALM, EVEN, Lives, Options, Webhooks
from services.sandbox.serving import serving, totals
from services.sandbox.vnpost_legacy import VietnamPostLegacySandbox
from tests.carrier_requests import MIDNIGHT, REFERENCE, STILL, a_request_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.carriers.webhook import CarrierEvent

    Peer = EmsSandbox | VietnamPostLegacySandbox
    Proxy = Ems | VietnamPostLegacy

FAST: Final = Options(mischief=CALM, lives=EVEN, speed=1_000_000.0)
BAD_FATES: Final = Lives(0.2, 0.4, 0.3, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2)
MEANINGS: Final = read_status_map()
ENDS: Final = {"ems": {"EMI"}, "vnpost_legacy": {"60", "100", "170"}}
CANCEL_PATH: Final = "/orders/cancel/{tracking_code}"


def a_request(reference: str = REFERENCE, service: str = "EMS") -> BookingRequest:
    return a_request_for(service, reference)


def an_account(url: str, timeout_s: float = 5.0, **more: Any) -> Account:
    return Account(
        url, "sandbox", "sandbox", timeout_s, token="sandbox", **{"may_repeat": False} | more
    )


@pytest.fixture(params=["ems", "vnpost_legacy"])
def made(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_peer(made: str, options: Options) -> Peer:
    return EmsSandbox(options) if made == "ems" else VietnamPostLegacySandbox(options)


@contextlib.asynccontextmanager
async def connected(
    made: str, url: str, timeout_s: float = 5.0, **more: Any
) -> AsyncIterator[Proxy]:
    account = an_account(url, timeout_s, **more)
    proxy = Ems(account) if made == "ems" else VietnamPostLegacy(account)
    yield proxy
    await proxy.close()


@contextlib.asynccontextmanager
async def pair(made: str, options: Options = STILL, **more: Any) -> AsyncIterator[tuple[Any, Any]]:
    peer = a_peer(made, options)
    async with serving(peer) as url, connected(made, url, **more) as proxy:
        yield proxy, peer


def misbehave(peer: Peer, **rates: float) -> None:
    peer.yard.options = replace(peer.yard.options, mischief=replace(CALM, **rates))


async def booked(proxy: Proxy, reference: str = REFERENCE) -> BookingRef:
    answer = await proxy.book(a_request(reference))
    assert isinstance(answer, Booked)
    return BookingRef(reference, answer.tracking_no, answer.carrier_ref)


async def test_a_parcel_is_booked_under_our_reference_with_its_money(made: str) -> None:
    async with pair(made) as (proxy, peer):
        answer = await proxy.book(a_request())
        assert isinstance(answer, Booked)
        parcel = peer.yard.by_number[answer.tracking_no]
        assert (parcel.cod_vnd, parcel.weight_g, parcel.service) == (350_000, 1_200, "EMS")
        assert parcel.reference == a_request().reference
        assert answer.freight_vnd == parcel.freight_vnd > 0
        assert is_s10(answer.tracking_no)


def a_request_abroad(reference: str, number: str, **changes: Any) -> BookingRequest:
    abroad = Party(
        *("Jan Novák", "+420601123456", "Vodičkova 12", "", "", "", ""),
        country="CZ",
        city="Praha 1",
        postcode="110 00",
    )
    request = replace(a_request(reference, "EMS-QT"), recipient=abroad, cod_vnd=0, number=number)
    return replace(request, **changes)


async def test_ems_takes_a_parcel_abroad_under_a_number_of_ours_once_and_without_cash() -> None:
    named: dict[str, Any] = {"country_field": "to_country", "number_field": "tracking_code"}
    async with pair("ems", **named) as (proxy, peer):
        answer = await proxy.book(a_request_abroad("OC-1", "EA000000059VN"))
        assert isinstance(answer, Booked)
        assert answer.tracking_no == "EA000000059VN"
        plan = [step.code for step in peer.yard.by_number["EA000000059VN"].plan]
        assert (plan[1], plan[-1]) == ("EMA", "EMI")
        for refused in (
            a_request_abroad("OC-2", "EA000000059VN"),
            a_request_abroad("OC-3", "EA000000058VN"),
            a_request_abroad("OC-4", "EA000000014VN", cod_vnd=1),
        ):
            assert isinstance(await proxy.book(refused), Refused)


async def test_neither_can_be_asked_by_our_reference_nor_is_it_sent_twice(made: str) -> None:
    async with pair(made) as (proxy, _peer):
        ref = await booked(proxy)
        assert await proxy.lookup(ref.reference) == CannotAsk()
        assert await proxy.request_return(ref, "huỷ") == CannotAsk()
        assert not proxy.may_repeat
    async with connected(made, "http://127.0.0.1:9", may_repeat=True) as proxy:
        assert proxy.may_repeat


async def test_neither_has_a_cancel_call_that_is_known(made: str) -> None:
    async with pair(made) as (proxy, peer):
        ref = await booked(proxy)
        assert await proxy.void(ref) == CannotAsk()
        assert peer.yard.by_number[ref.tracking_no].open


async def test_ems_cancels_where_the_path_is_given() -> None:
    async with pair("ems", cancel_path=CANCEL_PATH) as (proxy, peer):
        ref = await booked(proxy)
        assert await proxy.void(ref) == Voided()
        assert not peer.yard.by_number[ref.tracking_no].open
        assert isinstance(await proxy.void(ref), Refused)


async def test_a_refusal_is_the_carriers_own(made: str) -> None:
    async with pair(made) as (proxy, peer):
        misbehave(peer, refused=1.0)
        assert isinstance(await proxy.book(a_request()), Refused)
        assert not peer.yard.by_number


async def test_a_reference_is_refused_a_second_time_where_the_carrier_does_that(made: str) -> None:
    async with pair(made, replace(STILL, unique_references=True)) as (proxy, _peer):
        await booked(proxy)
        assert isinstance(await proxy.book(a_request()), Refused)


async def test_a_wrong_secret_is_no_refusal_of_a_parcel(made: str) -> None:
    async with pair(made, replace(STILL, password="other")) as (proxy, _peer):
        with pytest.raises(CarrierUnreachable):
            await proxy.book(a_request())


async def test_a_carrier_that_is_not_there_was_not_asked(made: str) -> None:
    async with connected(made, "http://127.0.0.1:9") as proxy:
        with pytest.raises(CarrierUnreachable):
            await proxy.book(a_request())


@pytest.mark.parametrize("trouble", ["dropped", "server_error", "slow"])
async def test_a_lost_answer_leaves_open_what_became_of_the_call(made: str, trouble: str) -> None:
    async with pair(made, timeout_s=0.4) as (proxy, peer):
        await booked(proxy)
        misbehave(peer, slow_s=2.0, **{trouble: 1.0})
        assert isinstance(await proxy.book(a_request("OC-B-1")), Unknown)


async def test_the_older_interface_renews_a_token_that_is_no_good_any_more() -> None:
    async with pair("vnpost_legacy") as (proxy, peer):
        await booked(proxy)
        peer.forget_tokens()
        await booked(proxy, "OC-B-1")
        assert len(peer._tokens) == 1


async def test_fifty_calls_at_once_log_in_once() -> None:
    async with pair("vnpost_legacy") as (proxy, peer):
        answers = await asyncio.gather(*(proxy.book(a_request(f"OC-{n}-1")) for n in range(50)))
        assert all(isinstance(answer, Booked) for answer in answers)
        assert len(peer._tokens) == 1


async def test_the_older_interface_quotes_what_it_then_charges() -> None:
    place = Locality("00166", "Phường Cầu Giấy", "01", "Hà Nội")
    request = QuoteRequest(place, place, 1_200, 30, 20, 15, 320_000, 350_000, MIDNIGHT)
    async with pair("vnpost_legacy") as (proxy, _peer):
        quoted = await proxy.quote(request)
        answer = await proxy.book(a_request(service="BK"))
        assert isinstance(quoted, Quoted)
        assert isinstance(answer, Booked)
        prices = {one.service: one.price_vnd for one in quoted.services}
        assert answer.freight_vnd == prices["BK"] < prices["EMS"]


async def test_ems_tells_a_parcels_history_oldest_first_and_nothing_of_another() -> None:
    async with pair("ems") as (proxy, peer):
        ref = await booked(proxy)
        parcel = peer.yard.by_number[ref.tracking_no]
        peer.yard.happen(parcel, replace(parcel.plan[0], after_h=1.0))
        told = await proxy.history(ref.tracking_no)
        assert told is not None
        assert [trace.code for trace in told] == ["1", "2"]
        assert await proxy.history("EA000000059VN") is None


def test_both_are_in_the_directory_under_names_of_their_own() -> None:
    names = {(row.carrier, row.api): row.name for row in INTERFACES}
    assert names["vnpost", "legacy"] == "vnpost_legacy"
    assert names["ems", "merchantsite"] == "ems"


@dataclass
class Receiver:
    """A gateway that verifies, reads and answers every webhook by the path it comes to."""

    carrier: str
    answers_wrongly: int = 0
    trusted: Trusted = field(default_factory=Trusted)
    signing_secret: str = ""
    url: str = ""
    unverified: int = 0
    events: list[CarrierEvent] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        key = self.carrier, request.match_info["api"]
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.unverified += not WEBHOOKS[key].verify(raw, headers, self.trusted, request.query)
        event = WEBHOOKS[key].parse(raw)
        if name := EVENT_ID_HEADERS.get(key):
            event = event._replace(event_id=headers[name])
        self.events.append(event)
        form = ANSWERS.get(key)
        if form is not None and self.answers_wrongly:
            self.answers_wrongly -= 1
            return web.Response(body=form.failed(headers))
        return web.Response(body=form.stored(headers) if form else b"")

    async def receive_partner(self, request: web.Request) -> web.Response:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.unverified += not verified(Webhook(self.signing_secret), raw, headers)
        (event,) = read_batch(raw).events
        self.events.append(carrier_event(event, "ems", "emsevt_v3"))
        return web.Response()

    @contextlib.asynccontextmanager
    async def listening(self, api: str) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post(f"/v1/carriers/{self.carrier}/{{api}}/events", self.receive)
        app.router.add_post("/v1/partners/ems-emsevt/events", self.receive_partner)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1/carriers/{self.carrier}/{api}/events"
        yield
        await runner.cleanup()


def trust_in(peer: Peer) -> Trusted:
    given = peer.joining()
    digests = tuple(hashlib.sha256(one.encode()).digest() for one in given["secrets"])
    key = given["public_key"]
    return Trusted(digests, (public_key_pem(key),) if key else ())


async def live(made: str, options: Options, parcels: int, *, answers_wrongly: int = 0) -> Receiver:
    carrier, api = ("ems", "merchantsite") if made == "ems" else ("vnpost", "legacy")
    receiver = Receiver(carrier, answers_wrongly)
    async with receiver.listening(api):
        peer = a_peer(made, replace(options, webhooks=Webhooks(url=receiver.url, retry_s=0.01)))
        receiver.trusted = trust_in(peer)
        secrets = peer.joining()["secrets"]
        receiver.signing_secret = next((one for one in secrets if one.startswith("whsec_")), "")
        async with serving(peer), asyncio.timeout(60):
            for number in range(parcels):
                peer.yard.accept(
                    f"OC-{number}-1", service="X", weight_g=500, cod_vnd=90_000, at=MIDNIGHT
                )
            # The sandbox tells when it is asked, as its admin call does.
            while (now := totals(peer))["open"] or now["waiting"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    return receiver


async def test_every_webhook_is_verified_and_readable_and_every_parcel_comes_to_its_end(
    made: str,
) -> None:
    receiver = await live(made, replace(FAST, lives=BAD_FATES), 60)
    codes: dict[str, set[str]] = defaultdict(set)
    for event in receiver.events:
        codes[event.tracking_no].add(event.code)
    assert receiver.unverified == 0
    assert all(event.at is not None for event in receiver.events)
    assert len(codes) == 60
    assert all(len(seen & ENDS[made]) == 1 for seen in codes.values())


async def test_codes_are_the_documented_ones_and_the_unknown_ones_stay_unmapped(made: str) -> None:
    receiver = await live(made, replace(FAST, lives=BAD_FATES), 60)
    found = Counter(
        MEANINGS.meaning(event.carrier, event.api, event.code, event.reason_code).status.value
        for event in receiver.events
    )
    assert {"delivered", "delivery_failed", "unmapped"} <= set(found)
    assert ("returned" in found) == (made == "vnpost_legacy")


async def test_a_duplicate_is_known_by_the_id_ems_gave_it() -> None:
    options = replace(FAST, mischief=replace(CALM, duplicate=1.0))
    receiver = await live("ems", options, 5)
    times = Counter((event.tracking_no, event.event_id) for event in receiver.events)
    assert set(times.values()) == {2}
    assert all(event.event_id for event in receiver.events)


async def test_ems_sends_again_what_was_not_answered_with_its_transaction() -> None:
    receiver = await live("ems", FAST, 1, answers_wrongly=2)
    named = Counter(event.event_id for event in receiver.events)
    assert max(named.values()) > 1


async def test_the_older_interface_counts_deliveries() -> None:
    receiver = await live("vnpost_legacy", FAST, 3)
    assert {event.delivery_times for event in receiver.events if event.code == "100"} == {1}
