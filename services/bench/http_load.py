"""Keep a gateway busy with ready-made requests over many connections.

A process of its own, a few microseconds a request, so that the gateway is what is measured:

    BENCH_PORT=8480 BENCH_SECRET=… python -m services.bench.http_load webhooks

Prints `{"answered", "refused", "seconds", "began", "ended"}` as JSON; times are monotonic seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

import httptools
import orjson
import uvloop

from services.bench.orders import order_lines
from services.bench.parcels import AGO, BenchParcel, webhook_body
from services.sandbox.month.door import sign
from services.sandbox.plans import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTIONS: Final = 96
DIFFERENT: Final = 4_000
WARM_UP_S: Final = 2.0
OK: Final = range(200, 300)
HOST: Final = "127.0.0.1"


@dataclass(slots=True)
class Tally:
    """Answers by status, from the moment `counting` is set."""

    counting: bool = False
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int) -> None:
        """Count an answer."""
        if self.counting:
            self.statuses[status] += 1


class Client(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last is complete."""

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Read the answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Count the answer and send the next request."""
        self._tally.add(self._parser.get_status_code())
        if self._transport is None:
            return
        if self.stopping:
            self._transport.close()
        else:
            self._transport.write(next(self._requests))


def request(port: int, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a POST."""
    all_headers = {
        "Host": f"{HOST}:{port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def webhooks(port: int, secret: str) -> list[bytes]:
    """Viettel Post's webhooks, each about another parcel."""
    at = datetime.now(UTC) - AGO
    path = "/v1/carriers/viettelpost/partner_v2/events"
    made = []
    for number in range(DIFFERENT):
        parcel = BenchParcel(number)
        step = Step(0.0, "300")
        body = webhook_body(parcel.tracking_no, parcel.reference, step, at, secret)
        made.append(request(port, path, {"Authorization": secret}, orjson.dumps(body)))
    return made


def orders(port: int, secret: str) -> list[bytes]:
    """Postmart's orders, each signed on its own."""
    made = []
    for line in order_lines(DIFFERENT, channel="postmart"):
        raw = orjson.dumps(line["body"])
        made.append(request(port, "/v1/channels/postmart/orders", sign(secret, raw), raw))
    return made


KINDS: Final = {"webhooks": webhooks, "orders": orders}


async def load(port: int, requests: Sequence[bytes], seconds: float) -> dict[str, float]:
    """Send for `seconds` after a warm-up; what was answered meanwhile."""
    loop = asyncio.get_running_loop()
    tally, coming = Tally(), cycle(requests)
    clients = [Client(coming, tally) for _ in range(CONNECTIONS)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, HOST, port)  # type: ignore[misc]
    await asyncio.sleep(WARM_UP_S)
    tally.counting, began = True, monotonic()
    await asyncio.sleep(seconds)
    tally.counting, ended = False, monotonic()
    for client in clients:
        client.stopping = True
    await asyncio.sleep(1.0)
    answered = sum(count for status, count in tally.statuses.items() if status in OK)
    return {
        "answered": answered,
        "refused": tally.statuses.total() - answered,
        "seconds": ended - began,
        "began": began,
        "ended": ended,
    }


def main() -> None:
    """Read what to do from the command line and the environment, and do it."""
    kind, port = sys.argv[1], int(os.environ["BENCH_PORT"])
    requests = KINDS[kind](port, os.environ["BENCH_SECRET"])
    seconds = float(os.environ["BENCH_SECONDS"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        said = runner.run(load(port, requests, seconds))
    sys.stdout.write(orjson.dumps(said).decode() + "\n")


if __name__ == "__main__":
    main()
