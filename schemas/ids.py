"""Ids: how they are built and taken apart."""

import base64
import hashlib
import re

ORDER_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a channel's order number or a seller's id may hold, so that ids need no escaping."""


def order_id(channel: str, seller_id: str, number: str) -> str:
    """`postmart:HTX-MAU-01:PM-0000001`."""
    return f"{channel}:{seller_id}:{number}"


def channel_key(channel: str, number: str) -> str:
    """The Kafka key of raw order input: a cancellation may come without its seller."""
    return f"{channel}:{number}"


def order_channel_key(order: str) -> str:
    """The raw input key of a known order, so that commands queue behind its payloads."""
    channel, _, number = order.split(":", 2)
    return channel_key(channel, number)


def shipment_id(order: str, sequence: int) -> str:
    """`…:PM-0000001/1`: the order's first origin."""
    return f"{order}/{sequence}"


def parcel_id(shipment: str, sequence: int) -> str:
    """`…:PM-0000001/1/1`: the shipment's first parcel."""
    return f"{shipment}/{sequence}"


def return_id(parcel: str) -> str:
    """`…:PM-0000001/1/1/R`: the leg on which a parcel comes back, a shipment of its own."""
    return f"{parcel}/R"


def shipment_of(parcel: str) -> str:
    """The shipment a parcel belongs to."""
    return parcel.rpartition("/")[0]


def order_of(shipment_or_parcel: str) -> str:
    """The order a shipment or a parcel belongs to."""
    return shipment_or_parcel.partition("/")[0]


def seller_of(order: str) -> str:
    """The seller an order belongs to."""
    return order.split(":", 2)[1]


def booking_reference(parcel: str, attempt: int) -> str:
    """Our reference for one booking attempt, stable over retries: 18 characters and the attempt."""
    digest = hashlib.sha256(parcel.encode()).digest()
    return f"OC{base64.b32encode(digest[:10]).decode()}-{attempt}"


def tracking_key(carrier: str, tracking_no: str) -> str:
    """The Kafka key of everything a carrier says about one number."""
    return f"{carrier}:{tracking_no}"
