"""What the sandboxes send is what our webhook formats read, and every parcel comes to its end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import web

from schemas.tracking import TrackingStatus
from services.carriers.webhook import CarrierEvent, Trusted
from services.carriers.webhooks import WEBHOOKS
from services.reference.status_map import read_status_map
from services.sandbox.key import signing_key
from services.sandbox.options import CALM, EVEN, Lives, Options, Webhooks
from services.sandbox.serving import serving, totals
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.carriers.webhook import WebhookFormat
    from services.sandbox.serving import Peer

FAST: Final = Options(mischief=CALM, lives=EVEN, speed=1_000_000.0)
READY: Final = datetime(2026, 10, 5, 3, 0, tzinfo=UTC)
ENDS: Final = {
    "viettelpost": {"101", "501", "503", "504"},
    "vnpost": {"9", "14", "19", "20"},
}
FORMATS: Final = {
    "viettelpost": WEBHOOKS["viettelpost", "partner_v2"],
    "vnpost": WEBHOOKS["vnpost", "myvnpost"],
}
MEANINGS: Final = read_status_map()
BAD_FATES: Final = Lives(0.2, 0.4, 0.3, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2)


@dataclass
class Receiver:
    """A gateway that checks and reads every webhook. `failing` requests are answered 503 first."""

    format: WebhookFormat
    trusted: Trusted = field(default_factory=Trusted)
    url: str = ""
    failing: int = 0
    attempts: int = 0
    bodies: list[bytes] = field(default_factory=list)
    unverified: int = 0

    async def receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.attempts += 1
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.unverified += not self.format.verify(raw, headers, self.trusted)
        self.bodies.append(raw)
        return web.Response()

    def events(self) -> list[CarrierEvent]:
        return [self.format.parse(raw) for raw in self.bodies]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/", self.receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield
        await runner.cleanup()


@pytest.fixture(params=["viettelpost", "vnpost"])
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_peer(carrier: str, options: Options) -> ViettelPostSandbox | VietnamPostSandbox:
    return ViettelPostSandbox(options) if carrier == "viettelpost" else VietnamPostSandbox(options)


def trust_in(peer: Peer) -> Trusted:
    if isinstance(peer, VietnamPostSandbox):
        return Trusted(public_keys=(peer.public_key_pem,))
    secrets = {Webhooks().secret, Webhooks().token}
    return Trusted(digests=tuple(hashlib.sha256(one.encode()).digest() for one in secrets))


async def live(carrier: str, options: Options, parcels: int, *, failing: int = 0) -> Receiver:
    """Book parcels, let them live to their ends, and return what was received."""
    receiver = Receiver(FORMATS[carrier], failing=failing)
    async with receiver.listening():
        webhooks = replace(options.webhooks, url=receiver.url)
        peer = a_peer(carrier, replace(options, webhooks=webhooks))
        receiver.trusted = trust_in(peer)
        async with serving(peer), asyncio.timeout(30):
            for number in range(parcels):
                reference, at = f"OC-{number}-1", READY
                peer.yard.accept(reference, service="X", weight_g=500, cod_vnd=0, at=at)
            # The sandbox tells when it is asked, as its admin call does.
            while (now := totals(peer))["open"] or now["waiting"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    return receiver


async def test_every_webhook_is_signed_and_readable(carrier: str) -> None:
    receiver = await live(carrier, replace(FAST, lives=BAD_FATES), 60)
    events = receiver.events()
    assert receiver.unverified == 0
    assert all(event.at is not None and event.reference for event in events)
    assert len(events) > 60 * 5


async def test_every_parcel_is_delivered_returned_lost_or_cancelled(carrier: str) -> None:
    receiver = await live(carrier, replace(FAST, lives=BAD_FATES), 60)
    codes: dict[str, set[str]] = defaultdict(set)
    for event in receiver.events():
        codes[event.tracking_no].add(event.code)
    assert len(codes) == 60
    assert all(len(seen & ENDS[carrier]) == 1 for seen in codes.values())


async def test_codes_are_the_documented_ones_and_the_unknown_ones_stay_unmapped(
    carrier: str,
) -> None:
    receiver = await live(carrier, replace(FAST, lives=BAD_FATES), 60)
    found = Counter(
        MEANINGS.meaning(event.carrier, event.api, event.code, event.reason_code).status
        for event in receiver.events()
    )
    expected = {"delivered", "returned", "delivery_failed", "return_pending", "unmapped"}
    assert {status.value for status in found} >= expected
    assert found[TrackingStatus.UNMAPPED] < found[TrackingStatus.DELIVERED]


async def test_events_start_where_the_carrier_was_told_and_never_go_back(carrier: str) -> None:
    receiver = await live(carrier, FAST, 20)
    times: dict[str, list[datetime]] = defaultdict(list)
    for event in receiver.events():
        assert event.occurred_at is not None
        times[event.tracking_no].append(event.occurred_at)
    for seen in times.values():
        assert min(seen) > READY
        assert (min(seen) - READY).total_seconds() < 3600


async def test_the_return_leg_of_viettel_post_has_the_flag_and_the_suffix() -> None:
    receiver = await live("viettelpost", replace(FAST, lives=replace(EVEN, returned=1.0)), 3)
    legs = [event for event in receiver.events() if event.waybill_no.endswith("1P1")]
    assert {event.code for event in legs} == {"502", "300", "400", "504"}
    assert all(event.is_return_leg for event in legs)
    assert {event.tracking_no for event in legs} == {e.tracking_no for e in receiver.events()}


async def test_duplicates_and_late_events_are_sent_and_none_is_left_out(carrier: str) -> None:
    mischief = replace(CALM, duplicate=0.3, out_of_order=0.3, late=0.1)
    receiver = await live(carrier, replace(FAST, mischief=mischief), 40)
    plain = await live(carrier, FAST, 40)
    assert len(receiver.bodies) > len(set(receiver.bodies)) == len(plain.bodies)
    order = [(e.tracking_no, e.at) for e in receiver.events()]
    assert order != sorted(order, key=lambda seen: seen[1] or 0)


async def test_a_webhook_is_sent_again_until_it_is_taken(carrier: str) -> None:
    webhooks = Webhooks(retry_s=0.01)
    receiver = await live(carrier, replace(FAST, webhooks=webhooks), 5, failing=20)
    plain = await live(carrier, FAST, 5)
    assert len(receiver.bodies) == len(plain.bodies)
    assert receiver.attempts == len(plain.bodies) + 20


async def test_a_webhook_nobody_takes_is_given_up_after_five_repetitions(carrier: str) -> None:
    webhooks = Webhooks(retry_s=0.001)
    receiver = await live(carrier, replace(FAST, webhooks=webhooks), 1, failing=1_000)
    assert receiver.bodies == []
    assert receiver.attempts % 6 == 0


async def test_the_same_seed_gives_the_same_fates(carrier: str) -> None:
    options = replace(FAST, lives=BAD_FATES)
    first, again = await live(carrier, options, 20), await live(carrier, options, 20)
    other = await live(carrier, replace(options, seed=2), 20)
    assert _story(first) == _story(again) != _story(other)


def _story(receiver: Receiver) -> set[tuple[str | None, str, int | None]]:
    return {(event.reference, event.code, event.at) for event in receiver.events()}


def test_a_signing_key_is_made_once_and_its_public_half_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "vnpost.pem"
    first, again = signing_key(path), signing_key(path)
    assert first.private_numbers() == again.private_numbers()
    assert path.stat().st_mode & 0o077 == 0
    public = path.with_name("vnpost.pem.pub").read_text("ascii")
    assert VietnamPostSandbox(FAST, first).public_key_pem == public
