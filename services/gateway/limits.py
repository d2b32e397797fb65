"""How much and how often: body size, and a token bucket for each sender."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.gateway.problems import Problem

if TYPE_CHECKING:
    from fastapi import Request

ORDER_MAX_BYTES = 128 * 1024
WEBHOOK_MAX_BYTES = 512 * 1024


async def read_body(request: Request, limit: int) -> bytes:
    """The raw body, refused as soon as it is longer than `limit` bytes.

    Raises:
        Problem: 413.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def too_large(limit: int) -> Problem:
    """413 with the limit in the text."""
    return Problem(413, "too_large", f"the body may have {limit} bytes at most")


@dataclass(slots=True)
class Bucket:
    """What a sender has left, as of a moment."""

    tokens: float
    at: float


class RateLimit:
    """`rate` requests a second for each sender, with a `burst` saved up while it is quiet."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}

    def take(self, sender: str, now: float) -> None:
        """Take one token; `now` is a monotonic time in seconds.

        Raises:
            Problem: 429 with the time until the next token.
        """
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) / self._rate)
            detail = f"more than {self._rate:g} requests a second; wait {wait} s"
            raise Problem(429, "too_many_requests", detail, retry_after_s=wait)
        bucket.tokens -= 1
