"""Carriers that send webhooks through the gateway, and sellers who wait for them on their streams.

A process of its own, so that one clock times both ends. Prints `{"sent"}` a second and at the end
`{"waits_s", "unseen", "rate"}` as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from schemas.catalogue import SHIPMENT_BOOKED
from services.bench.parcels import SECRET
from services.bench.scans import APIS, VISIBLE, scan_body
from services.sandbox.key import signing_key
from services.sandbox.month.onboarding import read_keys
from services.settings import read_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from services.sandbox.month.door import Keys

Booked = dict[str, Any]

SETTLE_S: Final = 5.0
"""Streams first send what happened before; then it is quiet."""
AFTERWARDS_S: Final = 10.0
POLL_S: Final = 0.2
LINE: Final = b"data: "
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request, made beforehand, and the change it brings about."""

    path: str
    headers: dict[str, str]
    body: bytes
    change: tuple[str, str]


@dataclass(slots=True)
class Times:
    """When each change (parcel, status) was accepted, and when it was seen; monotonic seconds."""

    accepted: dict[tuple[str, str], float] = field(default_factory=dict)
    seen: dict[tuple[str, str], float] = field(default_factory=dict)
    sent: int = 0

    def waits(self) -> list[float]:
        """Seconds from acceptance to sight of every change that was seen."""
        return [
            max(0.0, self.seen[change] - at)
            for change, at in self.accepted.items()
            if change in self.seen
        ]


async def run(gateway: str, keys: Keys, signer: Path, rate: float) -> None:
    """Listen, send, wait, tell."""
    booked = await bookings(read_settings().kafka)
    webhooks = webhooks_of(booked, signing_key(signer))
    sellers = {one["seller_id"] for one in booked}
    times = Times()
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(gateway, timeout=timeout, connector=connector) as session:
        streams = [
            asyncio.create_task(listen(session, keys.sellers[seller], times)) for seller in sellers
        ]
        await asyncio.sleep(SETTLE_S)
        began = monotonic()
        await send_all(session, webhooks, rate, times)
        took = monotonic() - began
        await until_quiet(times)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    waits = times.waits()
    unseen = len(times.accepted) - len(waits)
    say({"waits_s": waits, "unseen": unseen, "rate": len(webhooks) / took})


async def bookings(kafka: str) -> list[Booked]:
    """Every booking there is, each once."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(SHIPMENT_BOOKED.name, number)
            for number in range(SHIPMENT_BOOKED.partitions)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[str, Booked] = {}
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    event = orjson.loads(record.value)
                    found[event["reference"]] = event
    finally:
        await consumer.stop()
    return list(found.values())


def webhooks_of(booked: list[Booked], key: RSAPrivateKey) -> list[Webhook]:
    """All visible steps of all parcels, step by step."""
    steps = range(len(VISIBLE["vnpost"]))
    return [webhook(one, step, key) for step in steps for one in booked]


def webhook(booked: Booked, number: int, key: RSAPrivateKey) -> Webhook:
    """A request as its carrier signs it."""
    carrier = booked["carrier"]
    step, status = VISIBLE[carrier][number]
    at = datetime.fromisoformat(booked["occurred_at"])
    body = scan_body(booked, step, at)
    headers = {"Content-Type": "application/json"}
    if carrier == "viettelpost":
        headers["Authorization"] = SECRET
    else:
        item = body["data"][0]
        text = f"MYVNP{body['sendDate']}{item['itemCode']}{item['status']}"
        signature = key.sign(text.encode(), PKCS1v15(), SHA256())
        body["signature"] = base64.b64encode(signature).decode()
    path = f"/v1/carriers/{carrier}/{APIS[carrier]}/events"
    return Webhook(path, headers, orjson.dumps(body), (booked["parcel_id"], status))


async def listen(session: aiohttp.ClientSession, key: str, times: Times) -> None:
    """Follow a seller's stream and note when each change of a parcel was first seen."""
    headers = {"Authorization": f"Bearer {key}"}
    async with session.get("/v1/events/stream", headers=headers) as stream:
        stream.raise_for_status()
        async for line in stream.content:
            if line.startswith(LINE):
                now = monotonic()
                for change in changes_in(orjson.loads(line[len(LINE) :])):
                    times.seen.setdefault(change, now)


def changes_in(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """(parcel, status) of every parcel an entry shows."""
    return [
        (parcel["parcel_id"], parcel["status"])
        for shipment in entry["data"]["shipments"]
        for parcel in shipment["parcels"]
    ]


async def send_all(
    session: aiohttp.ClientSession, webhooks: list[Webhook], rate: float, times: Times
) -> None:
    """Send at a steady rate, whether or not answers come."""
    began = told = monotonic()
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(webhooks):
            late = began + number / rate - monotonic()
            if late > 0:
                await asyncio.sleep(late)
            group.create_task(send(session, one, times))
            if monotonic() - told > 1:
                told = monotonic()
                say({"sent": times.sent})


async def send(session: aiohttp.ClientSession, one: Webhook, times: Times) -> None:
    """Send a webhook; a refusal ends the measurement."""
    async with session.post(one.path, data=one.body, headers=one.headers) as answer:
        if answer.status != OK:
            raise RuntimeError(f"{one.path} was answered {answer.status}: {await answer.text()}")
        times.accepted[one.change] = monotonic()
        times.sent += 1


async def until_quiet(times: Times) -> None:
    """Return once everything was seen, or nothing more is to be expected."""
    for _ in range(round(AFTERWARDS_S / POLL_S)):
        if len(times.waits()) == len(times.accepted):
            return
        await asyncio.sleep(POLL_S)


def say(what: dict[str, Any]) -> None:
    """A line for whoever measures."""
    sys.stdout.write(orjson.dumps(what).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read what to do from the environment, and do it."""
    told = os.environ
    keys = read_keys(Path(told["BENCH_KEYS"]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            run(
                told["BENCH_GATEWAY"],
                keys,
                Path(told["BENCH_SIGNER"]),
                float(told["BENCH_RATE"]),
            )
        )


if __name__ == "__main__":
    main()
