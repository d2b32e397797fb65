"""What the sandboxes send is what our webhook formats read, and every parcel comes to its end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest
from aiohttp import web

from schemas.tracking import TrackingStatus
from services.carriers.ghn.webhook import TRANSFER
from services.carriers.webhook import CarrierEvent, Trusted
from services.carriers.webhooks import WEBHOOKS
from services.reference.status_map import read_status_map
from services.sandbox.ghn import GhnSandbox
from services.sandbox.ghtk import GhtkSandbox
from services.sandbox.key import signing_key
from services.sandbox.options import CALM, EVEN, Lives, Options, Webhooks
from services.sandbox.serving import serving, totals
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from services.carriers.webhook import WebhookFormat

    Carrier: TypeAlias = ViettelPostSandbox | VietnamPostSandbox | GhnSandbox | GhtkSandbox

FAST: Final = Options(mischief=CALM, lives=EVEN, speed=1_000_000.0)
READY: Final = datetime(2026, 10, 5, 3, 0, tzinfo=UTC)
ENDS: Final = {
    "viettelpost": {"101", "501", "503", "504"},
    "vnpost": {"9", "14", "19", "20"},
    "ghn": {"cancel", "delivered", "returned", "lost", "damage"},
    "ghtk": {"-1", "5", "13", "21"},
}
FORMATS: Final = {
    "viettelpost": WEBHOOKS["viettelpost", "partner_v2"],
    "vnpost": WEBHOOKS["vnpost", "myvnpost"],
    "ghn": WEBHOOKS["ghn", "v2"],
    "ghtk": WEBHOOKS["ghtk", "services"],
}
PEERS: Final[Mapping[str, Callable[[Options], Carrier]]] = {
    "viettelpost": ViettelPostSandbox,
    "vnpost": VietnamPostSandbox,
    "ghn": GhnSandbox,
    "ghtk": GhtkSandbox,
}
REPETITIONS: Final = {"viettelpost": 5, "vnpost": 5, "ghn": 10, "ghtk": 1}
MEANINGS: Final = read_status_map()
BAD_FATES: Final = Lives(0.2, 0.4, 0.3, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2)
UNDIVIDED: Final = replace(BAD_FATES, partial=0.0)
"""For carriers whose parts come back as another parcel."""


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
        self.unverified += not self.format.verify(raw, headers, self.trusted, request.query)
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


@pytest.fixture(params=[*FORMATS])
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_peer(carrier: str, options: Options) -> Carrier:
    return PEERS[carrier](options)


def fates(carrier: str) -> Lives:
    return BAD_FATES if carrier in {"viettelpost", "vnpost"} else UNDIVIDED


def trust_in(peer: Carrier) -> Trusted:
    if isinstance(peer, VietnamPostSandbox):
        return Trusted(public_keys=(peer.public_key_pem,))
    secrets = {Webhooks().secret, Webhooks().token}
    return Trusted(digests=tuple(hashlib.sha256(one.encode()).digest() for one in secrets))


async def live(
    carrier: str, options: Options, parcels: int, *, failing: int = 0, cod_vnd: int = 0
) -> Receiver:
    """Book parcels, let them live to their ends, and return what was received."""
    receiver = Receiver(FORMATS[carrier], failing=failing)
    async with receiver.listening():
        webhooks = replace(options.webhooks, url=receiver.url)
        peer = a_peer(carrier, replace(options, webhooks=webhooks))
        receiver.trusted = trust_in(peer)
        async with serving(peer), asyncio.timeout(30):
            for number in range(parcels):
                reference, at = f"OC-{number}-1", READY
                peer.yard.accept(reference, service="X", weight_g=500, cod_vnd=cod_vnd, at=at)
            # The sandbox tells when it is asked, as its admin call does.
            while (now := totals(peer))["open"] or now["waiting"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    return receiver


async def test_every_webhook_is_signed_and_readable(carrier: str) -> None:
    receiver = await live(carrier, replace(FAST, lives=fates(carrier)), 60)
    events = receiver.events()
    assert receiver.unverified == 0
    assert all(event.at is not None and event.reference for event in events)
    assert len(events) > 60 * 5


async def test_every_parcel_is_delivered_returned_lost_or_cancelled(carrier: str) -> None:
    receiver = await live(carrier, replace(FAST, lives=fates(carrier)), 60)
    codes: dict[str, set[str]] = defaultdict(set)
    for event in receiver.events():
        codes[event.tracking_no].add(event.code)
    assert len(codes) == 60
    assert all(len(seen & ENDS[carrier]) == 1 for seen in codes.values())


async def test_codes_are_the_documented_ones_and_the_unknown_ones_stay_unmapped(
    carrier: str,
) -> None:
    receiver = await live(carrier, replace(FAST, lives=fates(carrier)), 60)
    found = Counter(
        MEANINGS.meaning(event.carrier, event.api, event.code, event.reason_code).status
        for event in receiver.events()
    )
    expected = {"delivered", "returned", "delivery_failed", "return_pending", "unmapped"}
    expected -= {"return_pending"} if carrier == "ghtk" else set()
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


async def test_a_part_that_comes_back_to_ghn_runs_under_a_number_of_its_own() -> None:
    receiver = await live("ghn", replace(FAST, lives=replace(EVEN, partial=1.0)), 3)
    items = [receiver.format.parse(raw, n) for raw in receiver.bodies for _, n in keys_of(raw)]
    links = {event.tracking_no: event.reference for event in items if event.is_return_leg}
    legs = {event.tracking_no for event in items if event.reference is None}
    assert len(links) == 3
    assert links.keys() == legs
    assert {event.reference for event in items} - {None} == set(links.values())


async def test_ghn_tells_of_the_payout_in_a_later_webhook() -> None:
    receiver = await live("ghn", FAST, 2, cod_vnd=350_000)
    paid = [n for raw in receiver.bodies for _, n in keys_of(raw) if n == TRANSFER]
    assert len(paid) == 2


async def test_what_couriers_of_ghtk_say_comes_before_the_firm_status() -> None:
    receiver = await live("ghtk", FAST, 20)
    codes = [event.code for event in receiver.events()]
    assert {"123", "45"} <= {*codes}
    assert codes.count("5") == codes.count("6") == 20


def keys_of(raw: bytes) -> list[tuple[str, int]]:
    return FORMATS["ghn"].keys(raw)


async def test_duplicates_and_late_events_are_sent_and_none_is_left_out(carrier: str) -> None:
    mischief = replace(CALM, duplicate=0.3, out_of_order=0.3, late=0.1)
    receiver = await live(carrier, replace(FAST, mischief=mischief), 40)
    plain = await live(carrier, FAST, 40)
    assert len(receiver.bodies) > len(set(receiver.bodies)) == len(plain.bodies)
    order = [(e.tracking_no, e.at) for e in receiver.events()]
    assert order != sorted(order, key=lambda seen: seen[1] or 0)


async def test_a_webhook_is_sent_again_until_it_is_taken(carrier: str) -> None:
    webhooks = Webhooks(retry_s=0.01, retries=20)
    receiver = await live(carrier, replace(FAST, webhooks=webhooks), 5, failing=20)
    plain = await live(carrier, FAST, 5)
    assert len(receiver.bodies) == len(plain.bodies)
    assert receiver.attempts == len(plain.bodies) + 20


async def test_a_webhook_nobody_takes_is_repeated_as_often_as_the_carrier_says(
    carrier: str,
) -> None:
    webhooks = Webhooks(retry_s=0.0001)
    receiver = await live(carrier, replace(FAST, webhooks=webhooks), 1, failing=1_000)
    assert receiver.bodies == []
    assert receiver.attempts % (REPETITIONS[carrier] + 1) == 0


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
