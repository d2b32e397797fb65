"""Carriers as senders of webhooks: facts/carriers.md, a section each."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.conform.sender import Event, Sender, Wire, as_json, local, offset, replacing, utc
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG: Final = "not-the-secret-that-was-agreed"
REFERENCE: Final = "OCCONFORMANCEKIT01-1"
ISO_LOCAL: Final = "%Y-%m-%d %H:%M:%S"


def viettelpost(secret: str) -> Sender:
    """Section 1.6: the secret in a header and in the body."""

    def write(event: Event) -> bytes:
        data = {
            "ORDER_NUMBER": event.number,
            "ORDER_REFERENCE": REFERENCE,
            "ORDER_STATUSDATE": local(event.at),
            "ORDER_STATUS": int(event.code),
            "STATUS_NAME": "",
            "LOCALION_CURRENTLY": "BC Mẫu",
            "NOTE": "",
            "MONEY_COLLECTION": 350_000,
            "MONEY_COLLECTION_ORIGIN": None,
            "EXPECTED_DELIVERY_DATE": None,
            "PRODUCT_WEIGHT": 1200,
            "IS_RETURNING": False,
            "REASON_CODE": None,
        }
        return as_json({"DATA": data, "TOKEN": secret})

    def sign(raw: bytes) -> Wire:
        return Wire(raw, {"Authorization": secret})

    def forge(raw: bytes) -> Wire:
        return Wire(raw, {"Authorization": WRONG})

    path = "/v1/carriers/viettelpost/partner_v2/events"
    return Sender(
        *("viettelpost", path, write, sign, forge, "200", "501", "998"),
        unreadable=None,
        spoil_time=replacing("ORDER_STATUSDATE", "yesterday"),
    )


def vnpost(key: rsa.RSAPrivateKey) -> Sender:
    """Section 2.1: RSA over `MYVNP`, sendDate, itemCode and status of the first item."""

    def write(event: Event) -> bytes:
        item = {"itemCode": event.number, "saleOrderCode": REFERENCE, "status": event.code}
        return as_json({"data": [item], "sendDate": local(event.at, ISO_LOCAL)})

    def sign(raw: bytes, *, wrong: bool = False) -> Wire:
        body = orjson.loads(raw)
        first = body["data"][0]
        text = f"MYVNP{body['sendDate']}{first['itemCode']}{first['status']}"
        return Wire(as_json(body | {"signature": signed(key, text + "x" * wrong)}))

    path = "/v1/carriers/vnpost/myvnpost/events"
    return Sender(
        *("vnpost", path, write, sign, lambda raw: sign(raw, wrong=True), "10", "14", "998"),
        unreadable=None,
        spoil_time=replacing("sendDate", "yesterday"),
    )


def vnpost_legacy(key: rsa.RSAPrivateKey) -> Sender:
    """Section 2.2: JSON inside a JSON string, RSA over Data and SendDate."""

    def write(event: Event) -> bytes:
        data = {
            "Id": str(uuid.uuid4()),
            "ItemCode": event.number,
            "OrderCode": REFERENCE,
            "OrderStatusId": int(event.code),
            "CodAmount": 350_000,
            "LastUpdateTime": local(event.at),
        }
        return as_json({"Data": as_json(data).decode(), "SendDate": local(event.at)})

    def sign(raw: bytes, *, wrong: bool = False) -> Wire:
        body = orjson.loads(raw)
        text = body["Data"] + body["SendDate"] + "x" * wrong
        return Wire(as_json(body | {"SignData": signed(key, text)}))

    def spoil_time(raw: bytes) -> bytes:
        body = orjson.loads(raw)
        data = orjson.loads(body["Data"]) | {"LastUpdateTime": "yesterday"}
        return as_json(body | {"Data": as_json(data).decode()})

    path = "/v1/carriers/vnpost/legacy/events"
    return Sender(
        *("vnpost_legacy", path, write, sign, lambda raw: sign(raw, wrong=True)),
        *("70", "100", "998"),
        unreadable=None,
        spoil_time=spoil_time,
    )


def ems(secret: str) -> Sender:
    """Section 2.3, MerchantSite: unsigned, a secret in the URL, an id in a header."""

    def write(event: Event) -> bytes:
        return as_json(
            {
                "tracking_code": event.number,
                "order_code": REFERENCE,
                "status_code": int(event.code),
                "status_name": "",
                "note": "",
                "locate": "KTC1 Mẫu",
                "datetime": local(event.at),
                "total_weight": 1200,
                "money_collect": 350_000,
            }
        )

    def sent(raw: bytes, key: str) -> Wire:
        transaction = str(uuid.uuid5(uuid.NAMESPACE_OID, raw.hex()))
        return Wire(raw, {"ems-transaction": transaction}, in_query("key", key))

    path = "/v1/carriers/ems/merchantsite/events"
    return Sender(
        *("ems", path, write, lambda raw: sent(raw, secret), lambda raw: sent(raw, WRONG)),
        *("1", "4", "998"),
        spoil_time=replacing("datetime", "yesterday"),
    )


def ghn(secret: str) -> Sender:
    """Section 3: unsigned, a secret in the URL, times in UTC."""

    def write(event: Event) -> bytes:
        return as_json(
            {
                "CODAmount": 350_000,
                "CODTransferDate": None,
                "ClientOrderCode": REFERENCE,
                "OrderCode": event.number,
                "IsPartialReturn": False,
                "PartialReturnCode": "",
                "Reason": "",
                "ReasonCode": "",
                "Status": event.code,
                "Time": utc(event.at),
                "Type": "switch_status",
                "Weight": 1200,
            }
        )

    path = "/v1/carriers/ghn/v2/events"
    return Sender(
        *("ghn", path, write, in_url("key", secret), in_url("key", WRONG)),
        *("picked", "delivered", "abducted"),
        spoil_time=replacing("Time", "yesterday"),
    )


def ghtk(secret: str) -> Sender:
    """Section 4: a form whose `+07:00` is not escaped, a secret in the URL."""

    def write(event: Event) -> bytes:
        fields = {
            "label_id": event.number,
            "partner_id": REFERENCE,
            "action_time": offset(event.at),
            "status_id": event.code,
            "reason_code": "",
            "reason": "",
            "weight": "1.2",
            "fee": "15000",
            "return_part_package": "0",
        }
        return urlencode(fields, safe="+:").encode()

    def spoil_time(raw: bytes) -> bytes:
        parts = raw.split(b"&")
        return b"&".join(
            b"action_time=yesterday" if part.startswith(b"action_time=") else part for part in parts
        )

    path = "/v1/carriers/ghtk/services/events"
    return Sender(
        *("ghtk", path, write, in_url("hash", secret), in_url("hash", WRONG)),
        *("3", "5", "998"),
        spoil_time=spoil_time,
    )


def in_url(name: str, secret: str) -> Callable[[bytes], Wire]:
    """A carrier whose only proof is a secret in its URL."""
    return lambda raw: Wire(raw, {}, in_query(name, secret))


def in_query(name: str, secret: str) -> str:
    """`?name=secret`, escaped."""
    return f"?{name}={quote(secret, safe='')}"


def signed(key: rsa.RSAPrivateKey, text: str) -> str:
    """RSA-SHA256, PKCS#1 v1.5, base64."""
    raw = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(raw).decode()


def private_key(pem: str) -> rsa.RSAPrivateKey:
    """The key a carrier signs with. Raises OperatorError if it is none."""
    try:
        found: Any = serialization.load_pem_private_key(pem.encode(), password=None)
    except ValueError as error:
        raise OperatorError(f"The secret is no RSA private key as PEM: {error}.") from None
    if not isinstance(found, rsa.RSAPrivateKey):
        raise OperatorError("The secret is a key, but not an RSA key.")
    return found
