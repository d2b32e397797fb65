"""Both carriers' webhooks: who may send them, which parcels they name, what they say."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from services.carriers.directory import INTERFACES
from services.carriers.viettelpost.webhook import ViettelPostWebhook
from services.carriers.vnpost.webhook import VietnamPostWebhook
from services.carriers.webhook import CarrierEvent, Trusted, UnreadableWebhook, unix_seconds
from services.carriers.webhooks import VERIFICATIONS, WEBHOOKS
from services.gateway.partners import STANDARD_WEBHOOKS
from services.registry.rows import PartnerRow
from streams.rules.tracking import event_key

if TYPE_CHECKING:
    from services.carriers.webhook import WebhookFormat

VTP, VNPOST = ViettelPostWebhook(), VietnamPostWebhook()
CURRENT, PREVIOUS = "current-secret", "previous-secret"
SECRETS = Trusted(digests=tuple(hashlib.sha256(s.encode()).digest() for s in (CURRENT, PREVIOUS)))


def a_vtp_body(token: object = CURRENT, **data: Any) -> bytes:
    said = {
        "ORDER_NUMBER": "VTP000000001",
        "ORDER_REFERENCE": "OCOP-0001-1",
        "ORDER_STATUSDATE": "01/07/2026 08:00:00",
        "ORDER_STATUS": 506,
        "MONEY_COLLECTION": 350_000,
        "IS_RETURNING": False,
        "REASON_CODE": 36,
        "RECEIVER_FULLNAME": "Trần Thị B",
    }
    return orjson.dumps({"DATA": said | data, "TOKEN": token})


def a_vnpost_body(*items: dict[str, Any], send_date: object = "2026-07-01 08:00:00") -> bytes:
    said = items or ({"itemCode": "EA000000059VN", "saleOrderCode": "OC-1", "status": "14"},)
    return orjson.dumps({"data": said, "sendDate": send_date, "signature": ""})


def test_viettel_posts_secret_must_stand_in_the_header_and_in_the_body() -> None:
    sent = {"authorization": CURRENT}
    assert VTP.verify(a_vtp_body(), sent, SECRETS)
    assert VTP.verify(a_vtp_body(PREVIOUS), sent, SECRETS)
    assert not VTP.verify(a_vtp_body("wrong"), sent, SECRETS)
    assert not VTP.verify(a_vtp_body(), {"authorization": "wrong"}, SECRETS)
    assert not VTP.verify(a_vtp_body(), {}, SECRETS)
    assert not VTP.verify(a_vtp_body(None), sent, SECRETS)
    assert not VTP.verify(a_vtp_body(), sent, Trusted())


def test_a_viettel_post_event_is_read_without_its_personal_data() -> None:
    event = VTP.parse(a_vtp_body())
    assert event.occurred_at == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert event.raw_time == "01/07/2026 08:00:00"
    assert (event.code, event.reason_code, event.cod_collected_vnd) == ("506", "36", 350_000)
    assert (event.tracking_no, event.reference) == ("VTP000000001", "OCOP-0001-1")
    assert not any("Trần" in str(part) for part in event)


@pytest.mark.parametrize("reason", [36, "36", " 36 "])
def test_a_reason_code_may_be_a_number_or_a_text(reason: object) -> None:
    assert VTP.parse(a_vtp_body(REASON_CODE=reason)).reason_code == "36"


@pytest.mark.parametrize("reason", [None, "", "  ", True, [36], 3.5])
def test_a_reason_code_may_be_missing_in_many_ways(reason: object) -> None:
    assert VTP.parse(a_vtp_body(REASON_CODE=reason)).reason_code is None


def test_the_return_leg_is_the_same_parcel() -> None:
    event = VTP.parse(a_vtp_body(ORDER_NUMBER="VTP0000000011P1"))
    assert (event.tracking_no, event.waybill_no) == ("VTP000000001", "VTP0000000011P1")
    assert event.is_return_leg
    assert VTP.keys(a_vtp_body(ORDER_NUMBER="VTP0000000011P1")) == [("VTP000000001", 0)]
    assert VTP.parse(a_vtp_body(IS_RETURNING=True)).is_return_leg
    assert VTP.parse(a_vtp_body(ORDER_NUMBER="1P1")).tracking_no == "1P1"


def test_either_spelling_of_the_location_is_left_out_of_the_event() -> None:
    both = a_vtp_body(LOCALION_CURRENTLY="BC Cầu Giấy", LOCATION_CURRENTLY="BC Cầu Giấy")
    assert VTP.parse(both) == VTP.parse(a_vtp_body())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("01/01/1970 07:00:00", None),
        ("01/07/2026 08:00:00", 1_782_867_600),
        ("2026-07-01 08:00:00", 1_782_867_600),
        ("2026-07-01T08:00:00", 1_782_867_600),
        ("2026-07-01T01:00:00Z", 1_782_867_600),
        ("2026-07-01T08:00:00.999+07:00", 1_782_867_600),
        ("0001-01-01T00:00:00", None),
        ("31/02/2026 08:00:00", None),
        ("01/07/2026 24:00:00", None),
        ("01/07/2026", None),
        ("", None),
        (None, None),
    ],
)
def test_times_without_a_zone_are_vietnams(text: str | None, seconds: int | None) -> None:
    assert unix_seconds(text) == seconds


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[]", b"{}", b'{"DATA":[]}', b'{"DATA":{}}', a_vtp_body(ORDER_STATUS=None)]
    + [a_vtp_body(ORDER_NUMBER=n) for n in (None, "", "VTP 1", "x" * 65, "VTP\0", ["V"])],
)
def test_what_viettel_post_never_sends_is_its_own_error(body: bytes) -> None:
    with pytest.raises(UnreadableWebhook):
        VTP.parse(body)


def signed(body: dict[str, Any], key: rsa.RSAPrivateKey, first: dict[str, Any]) -> bytes:
    text = f"MYVNP{body['sendDate']}{first['itemCode']}{first['status']}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return orjson.dumps(body | {"signature": base64.b64encode(signature).decode()})


def pem_of(key: rsa.RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form).decode()


PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA9muqVEUsvcO2JcOMA9uR
r9BfBH0h2H/KruE9g5VfGiZ++bq9B/5YXuWhWL0gcl8fK17fxN5znUUJIIZvx82V
3LvsybQTz9sbcC77Py6qI08pU2A1SLTRe9kzCTiH+lEVfe5sxyd9jioYuWEUh42b
UNh4139fvzofphKncgJu3yAgOkutUzEQIFNuBpvvCw1FwpjBhoNlBT9/XpgC66Dz
tyN04bgt4wEo2P+2dCk1kKJziXDFcUEeeuQ60CZTQRs2xqgMYJoZer8GY9TxbInB
NviMUjgiuK3FMxpiykSnzNPa15gc1fCZ4NkuehbDfJCEXwsNOiWTa8gV0Dhj8bbR
TwIDAQAB
-----END PUBLIC KEY-----
"""
SIGNATURE = (
    "jKkQOfGU3o/L/Zlunop0ecXAcm9gOoPvmE8haRH6FS2CPEbTN9tyERDUBDaGW/b6ofiqSw5QGhFaGkuJr9ai2P8AH3Vm"
    "c9BfUgaymWtW9NbH79GdCG4CEz6rzfhEu++ioJLM7PTIRxg0e15MmN7IW+diieq6T1efu1NgI505/zmevS+miwtiLUbd"
    "Gn/PdiGyTM/XgMsGEvwhsoHkNPrDbB9GAQm/3gwmoUunxvhUtfhMIJgqmxK0CRBTRni52njjCNxfDYXXExAqvTPpqHzJ"
    "/MQEYgmaEvKphAxCN723lSiJMrhru/qyzXFZNYO7lAtTnxGSwzhNSGjwidZWWII03A=="
)


def test_vietnam_posts_published_recipe_verifies_the_vector() -> None:
    body = json.loads(a_vnpost_body()) | {"signature": SIGNATURE}
    trusted = Trusted(public_keys=(PUBLIC_KEY,))
    assert VNPOST.verify(orjson.dumps(body), {}, trusted)
    other = body | {"sendDate": "2026-07-01 08:00:01"}
    assert not VNPOST.verify(orjson.dumps(other), {}, trusted)
    assert not VNPOST.verify(orjson.dumps(body | {"signature": "!"}), {}, trusted)
    assert not VNPOST.verify(orjson.dumps(body), {}, Trusted(public_keys=("no key",)))
    assert not VNPOST.verify(orjson.dumps(body), {}, Trusted())


def test_either_of_two_keys_may_have_signed() -> None:
    old, new = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    trusted = Trusted(public_keys=(pem_of(old), pem_of(new)))
    first = {"itemCode": "EA1", "status": 14}
    for key in (old, new):
        raw = signed({"data": [first], "sendDate": "2026-07-01 08:00:00"}, key, first)
        assert VNPOST.verify(raw, {}, trusted)
    stranger = rsa.generate_private_key(65537, 2048)
    raw = signed({"data": [first], "sendDate": "2026-07-01 08:00:00"}, stranger, first)
    assert not VNPOST.verify(raw, {}, trusted)


def test_another_check_can_be_plugged_in() -> None:
    def as_sent(key: str, text: str, signature: str) -> bool:
        return (key, text, signature) == ("key", "MYVNP2026-07-01 08:00:00EA000000059VN14", "")

    plugged = VietnamPostWebhook(as_sent)
    assert plugged.verify(a_vnpost_body(), {}, Trusted(public_keys=("key",)))
    assert not plugged.verify(a_vnpost_body(), {}, Trusted(public_keys=("other",)))


def test_every_item_of_a_vietnam_post_body_is_named_and_read() -> None:
    raw = a_vnpost_body({"itemCode": "A1", "status": "6"}, {"itemCode": "A2", "status": -8})
    assert VNPOST.keys(raw) == [("A1", 0), ("A2", 1)]
    assert [VNPOST.parse(raw, n).code for n in (0, 1)] == ["6", "-8"]
    assert VNPOST.parse(raw, 1).at == 1_782_867_600
    assert VNPOST.signed_items == 1


@pytest.mark.parametrize("item", [-1, 1, 7])
def test_an_item_that_is_not_there_is_the_formats_own_error(item: int) -> None:
    with pytest.raises(UnreadableWebhook, match="no item"):
        VNPOST.parse(a_vnpost_body(), item)


def test_a_body_without_a_readable_date_is_an_event_without_a_time() -> None:
    event = VNPOST.parse(a_vnpost_body(send_date="soon"))
    assert (event.at, event.occurred_at, event.raw_time) == (None, None, "soon")


def test_every_verification_the_registry_knows_has_a_format() -> None:
    known = set(get_args(PartnerRow.model_fields["verification"].annotation))
    assert set(VERIFICATIONS) == known - {STANDARD_WEBHOOKS}
    assert {(row.carrier, row.api) for row in INTERFACES} <= set(WEBHOOKS)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
VTP_NAMES = ["ORDER_NUMBER", "ORDER_STATUS", "ORDER_STATUSDATE", "REASON_CODE", "ORDER_REFERENCE"]
VTP_NAMES += ["MONEY_COLLECTION", "IS_RETURNING"]
ITEM_NAMES = ["itemCode", "status", "saleOrderCode", "codAmount"]


@st.composite
def some_bodies(draw: st.DrawFn) -> bytes:
    """Noise, and bodies whose every field may hold anything that JSON can."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=60))
    data = draw(st.dictionaries(st.sampled_from(VTP_NAMES), VALUES) | VALUES)
    items = draw(st.lists(st.dictionaries(st.sampled_from(ITEM_NAMES), VALUES) | VALUES) | VALUES)
    body = {"DATA": data, "TOKEN": draw(VALUES), "data": items, "sendDate": draw(VALUES)}
    return json.dumps(body | {"signature": draw(VALUES)}).encode("utf-8", "surrogatepass")


@given(raw=some_bodies(), item=st.integers(-2, 3))
@pytest.mark.parametrize("reads", [VTP, VNPOST], ids=["viettelpost", "vnpost"])
def test_no_body_makes_a_format_raise_anything_but_its_own_error(
    reads: WebhookFormat, raw: bytes, item: int
) -> None:
    trusted = Trusted(SECRETS.digests, (PUBLIC_KEY,))
    assert reads.verify(raw, {"authorization": CURRENT}, trusted) in {True, False}
    with contextlib.suppress(UnreadableWebhook):
        assert all(number for number, _ in reads.keys(raw))
        event = reads.parse(raw, item)
        assert "\0" not in "".join(str(part) for part in event)
        assert event.tracking_no
        assert event.code


def test_an_event_with_an_id_of_the_carriers_is_known_by_it_alone() -> None:
    number, none = "EA000000059VN", None
    named = ("ems", "merchantsite", number, number, none, "4")
    event = CarrierEvent(*named, none, 1, none, none, none, none, False, event_id="T-1")
    again = event._replace(code="2", facility="BC2")
    assert event_key(event, 1) == event_key(again, 2)
    assert event_key(event, 1) != event_key(event._replace(event_id="T-2"), 1)
    assert event_key(event, 1) != event_key(event._replace(event_id=None), 1)
