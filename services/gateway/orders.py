"""Orders in: from sellers with their key, from channels with their signature; commands about them."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.catalogue import ORDER_RECEIVED
from schemas.ids import ORDER_NUMBER, channel_key, order_channel_key
from schemas.ids import order_id as order_id_of
from schemas.intake import Channel, ReceivedParcel
from services.channels.invalid import PayloadInvalid, told
from services.channels.neutral import OrderPayload, parse_order
from services.gateway.bodies import CHANNEL_ORDER
from services.gateway.idempotency import answer_once
from services.gateway.ingest import trace_of
from services.gateway.limits import ORDER_MAX_BYTES, read_body
from services.gateway.parts import Wired
from services.gateway.problems import Problem, unauthenticated
from services.store.journey import order_journey

router = APIRouter(tags=["orders"])

UNREADABLE_KEY = "unreadable"


class FeedChannel(StrEnum):
    """Channels that send us a signed feed in the neutral format."""

    POSTMART = "postmart"
    VOSO = "voso"


class Command(StrEnum):
    """What a seller may ask of an order."""

    CANCEL = "cancel"
    AMEND = "amend"
    HOLD = "hold"
    RELEASE = "release"
    RECEIVE_BACK = "receive_back"
    REDELIVER = "redeliver"
    RETURN = "return"


DECISIONS = frozenset({Command.REDELIVER, Command.RETURN})


class CommandBody(BaseModel):
    """Why, and what else a command needs.

    `order`, for `amend`: the whole order as it should be (`ocop.order/1`). `parcels`, for
    `receive_back`: which came back and what becomes of them; none named: all the carrier returned.
    `redeliver` and `return` are about parcels that could not be delivered: the one in `parcel_id`,
    or all of the order that await a decision. `at` is when the seller decided; now, if it is left out.
    """

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    at: datetime | None = None
    order: dict[str, Any] | None = None
    parcel_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    parcels: tuple[ReceivedParcel, ...] = Field((), max_length=200)


@router.post("/v1/orders", status_code=202)
async def place_order(request: Request, parts: Wired) -> Response:
    """Place a direct order (`ocop.order/1`, channel `direct`). 202: stored durably."""
    seller_id = parts.seller_of(request)
    raw = await read_body(request, ORDER_MAX_BYTES)
    key = request.headers.get("idempotency-key")

    async def perform() -> bytes:
        number = direct_order_number(raw, seller_id)
        command_id = str(uuid.uuid4())
        ours = {
            "ocop_channel": "direct",
            "ocop_kind": "order",
            "ocop_command_id": command_id,
            "ocop_actor": f"seller:{seller_id}",
            "ocop_seller": seller_id,
        }
        topic_key = channel_key("direct", number)
        await parts.ingest.append(ORDER_RECEIVED, topic_key, raw, ours, trace_of(request))
        order = order_id_of("direct", seller_id, number)
        return orjson.dumps({"order_id": order, "command_id": command_id})

    answer = await answer_once(parts.pool, seller_id, key, raw, perform)
    return accepted(answer)


def direct_order_number(raw: bytes, seller_id: str) -> str:
    """The order's number, once the payload is one we can take from this seller.

    Raises:
        Problem: 422 with everything that is wrong.
    """
    try:
        order = parse_order(raw)
    except PayloadInvalid as invalid:
        raise Problem(422, invalid.code, invalid.reason) from invalid
    if not isinstance(order, OrderPayload) or order.event != "placed":
        detail = "`event` must be `placed`: amend and cancel have calls of their own"
        raise Problem(422, "wrong_event", detail)
    if order.channel is not Channel.DIRECT:
        raise Problem(422, "wrong_channel", "`channel` must be `direct` here")
    if order.seller_ref not in (None, seller_id):
        raise Problem(422, "wrong_seller", "`seller_ref` is not the seller of this key")
    return order.channel_order_no


@router.post("/v1/channels/{channel}/orders", status_code=202, openapi_extra=CHANNEL_ORDER)
async def receive_channel_order(request: Request, channel: FeedChannel, parts: Wired) -> Response:
    """Take one payload of a channel's signed feed (Standard Webhooks over the raw body).

    A payload we cannot read is answered 422 and kept all the same, as a dead letter.
    """
    parts.feed_limit.take(channel, time.monotonic())
    raw = await read_body(request, ORDER_MAX_BYTES)
    if not parts.keyring.is_signed("channel", channel, raw, request.headers):
        raise unauthenticated("the webhook signature, its timestamp or its secret is not valid")
    number, problem = readable_number(raw, channel)
    ours = {
        "ocop_channel": channel.value,
        "ocop_kind": "order",
        "ocop_command_id": str(uuid.uuid4()),
        "ocop_actor": f"channel:{channel}",
    }
    key = channel_key(channel, number)
    record_id = await parts.ingest.append(ORDER_RECEIVED, key, raw, ours, trace_of(request))
    if problem is not None:
        raise problem
    return accepted(orjson.dumps({"channel_order_no": number, "command_id": record_id}))


def readable_number(raw: bytes, channel: str) -> tuple[str, Problem | None]:
    """The order's number, or a stand-in and what to tell the sender."""
    try:
        order = orjson.loads(raw)
        number = str(order["channel_order_no"])
        named = order["channel"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        detail = "the body is not an `ocop.order/1` object with channel and channel_order_no"
        return UNREADABLE_KEY, Problem(422, "unreadable", detail)
    if not ORDER_NUMBER.fullmatch(number):
        detail = f"channel_order_no must match {ORDER_NUMBER.pattern}"
        return UNREADABLE_KEY, Problem(422, "unreadable", detail)
    if named != channel:
        detail = f"this feed is {channel}, the body names another channel"
        return number, Problem(422, "wrong_channel", detail)
    return number, None


@router.post("/v1/orders/{order_id}/{command}", status_code=202)
async def command_order(
    request: Request, order_id: str, command: Command, parts: Wired
) -> Response:
    """Ask for a change of an order. 202: the question is stored; a refusal reaches the feed."""
    seller_id = parts.seller_of(request)
    raw = await read_body(request, ORDER_MAX_BYTES)
    require_own(order_id, seller_id)
    body = command_body(raw, command)
    command_id = str(uuid.uuid4())
    at = (body.at or datetime.now(UTC)).isoformat()
    stored: dict[str, Any] = {"order_id": order_id, "why": body.why, "at": at}
    if body.parcels:
        stored["parcels"] = [one.model_dump() for one in body.parcels]
    if body.order is not None:
        stored["order"] = body.order
    if body.parcel_id is not None:
        stored["parcel_id"] = body.parcel_id
    ours = {
        "ocop_channel": order_id.partition(":")[0],
        "ocop_kind": command.value,
        "ocop_command_id": command_id,
        "ocop_actor": f"seller:{seller_id}",
        "ocop_seller": seller_id,
    }
    key = order_channel_key(order_id)
    await parts.ingest.append(ORDER_RECEIVED, key, orjson.dumps(stored), ours, trace_of(request))
    return accepted(orjson.dumps({"order_id": order_id, "command_id": command_id}))


def command_body(raw: bytes, command: Command) -> CommandBody:
    """The command's body.

    Raises:
        Problem: 422.
    """
    try:
        body = CommandBody.model_validate_json(raw)
    except ValidationError as invalid:
        raise Problem(422, "invalid_command", told(invalid)) from invalid
    if (command is Command.AMEND) != (body.order is not None):
        raise Problem(422, "invalid_command", "`order` is needed for amend, and only there")
    if body.parcel_id is not None and command not in DECISIONS:
        raise Problem(422, "invalid_command", "`parcel_id` is for redeliver and return only")
    if body.parcels and command is not Command.RECEIVE_BACK:
        raise Problem(422, "invalid_command", "`parcels` is for receive_back only")
    if body.at is not None and body.at.tzinfo is None:
        raise Problem(422, "invalid_command", "`at` needs an offset, such as +07:00")
    return body


def require_own(order_id: str, seller_id: str) -> None:
    """Other sellers' orders do not exist for this one.

    Raises:
        Problem: 404.
    """
    parts = order_id.split(":")
    if len(parts) != len(("channel", "seller", "number")) or parts[1] != seller_id:
        raise Problem(404, "order_unknown", "you have no order with this id")


@router.get("/v1/orders/{order_id}")
async def show_order(request: Request, order_id: str, parts: Wired) -> Response:
    """The order's whole journey: holds, routing decision, parcels, bookings, tracking, statuses."""
    seller_id = parts.seller_of(request)
    require_own(order_id, seller_id)
    async with parts.pool.acquire() as connection:
        journey = await order_journey(connection, order_id)
    if journey is None:
        raise Problem(404, "order_unknown", "you have no order with this id")
    return Response(orjson.dumps(journey, default=str), media_type="application/json")


def accepted(answer: bytes) -> Response:
    """202 with a JSON body."""
    return Response(answer, 202, media_type="application/json")
