"""Channels' pushes in: verified over the raw bytes, and made a durable job to fetch the order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import asyncpg
import structlog
from fastapi import APIRouter, Request, Response

from services.channels.formats import PUSHES
from services.channels.port import PushTrust, UnreadablePush
from services.gateway.limits import ORDER_MAX_BYTES, read_body
from services.gateway.parts import Parts, Wired
from services.gateway.problems import Problem, not_durable, unauthenticated
from services.jobs.channel_polls import hinted
from services.jobs.channel_queue import enqueue_channel_jobs
from services.telemetry import CHANNEL_CALLS

if TYPE_CHECKING:
    from services.channels.port import Hint

router = APIRouter(tags=["channels"])
log = structlog.get_logger()

TAKEN = b'{"status":"taken"}'


@router.post("/v1/channels/{channel}/push")
async def receive_push(request: Request, channel: str, parts: Wired) -> Response:
    """Take a channel's push. 200: what it hints at will be fetched; 503: send it again.

    A push that is signed and unreadable is answered 200 too: the channel's listings tell of the
    order all the same, and a channel that hears errors stops pushing.
    """
    push = PUSHES.get(channel)
    if push is None:
        raise Problem(404, "channel_unknown", f"{channel} does not push to us")
    parts.feed_limit.take(channel, time.monotonic())
    raw = await read_body(request, ORDER_MAX_BYTES)
    if not push.verify(raw, request.headers, trust(parts, channel)):
        CHANNEL_CALLS.labels(channel, "push", "refused").inc()
        raise unauthenticated("the push is not signed as agreed with this channel")
    try:
        hints, notice = push.hints(raw), push.notice(raw)
    except UnreadablePush as unreadable:
        CHANNEL_CALLS.labels(channel, "push", "unreadable").inc()
        log.warning("push_unreadable", channel=channel, why=str(unreadable))
        hints, notice = (), None
    if notice is not None:
        CHANNEL_CALLS.labels(channel, "push", "notice").inc()
        log.warning("channel_notice", channel=channel, notice=notice)
    await remember(parts, channel, hints)
    return Response(TAKEN, media_type="application/json")


def trust(parts: Parts, channel: str) -> PushTrust:
    """What this channel's pushes are checked against."""
    secrets = parts.keyring.secrets("channel", channel)
    account = parts.channels.get(channel)
    if account is None:
        return PushTrust(tuple(secrets))
    return PushTrust(tuple(secrets), account.app_id, account.push_url)


async def remember(parts: Parts, channel: str, hints: tuple[Hint, ...]) -> None:
    """Queue the fetches. Raises Problem: 503 while the database is away."""
    if not hints:
        return
    try:
        async with parts.pool.acquire() as connection:
            await enqueue_channel_jobs(connection, [hinted(channel, hint) for hint in hints])
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise not_durable() from error
    CHANNEL_CALLS.labels(channel, "push", "ok").inc()
