"""The older Vietnam Post interface: what we send, what we read, and the signature vector."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from schemas.tracking import CodState
from services.carriers.account import Account
from services.carriers.port import (
    Booked,
    BookingRequest,
    Party,
    PricedService,
    Quoted,
    Refused,
    Unknown,
)
from services.carriers.rsa_keys import NotAnRsaKey, public_key_pem
from services.carriers.vnpost_legacy import answers, mapping
from services.carriers.vnpost_legacy.webhook import VietnamPostLegacyWebhook
from services.carriers.webhook import CarrierEvent, Trusted, UnreadableWebhook
from services.reference.status_map import read_status_map
from streams.rules.tracking import on_return_leg

MODULUS = (
    "9muqVEUsvcO2JcOMA9uRr9BfBH0h2H/KruE9g5VfGiZ++bq9B/5YXuWhWL0gcl8fK17fxN5znUUJIIZvx82V3L"
    "vsybQTz9sbcC77Py6qI08pU2A1SLTRe9kzCTiH+lEVfe5sxyd9jioYuWEUh42bUNh4139fvzofphKncgJu3yAg"
    "OkutUzEQIFNuBpvvCw1FwpjBhoNlBT9/XpgC66DztyN04bgt4wEo2P+2dCk1kKJziXDFcUEeeuQ60CZTQRs2xq"
    "gMYJoZer8GY9TxbInBNviMUjgiuK3FMxpiykSnzNPa15gc1fCZ4NkuehbDfJCEXwsNOiWTa8gV0Dhj8bbRTw=="
)
SIGNATURE = (
    "YDh0CeSUa2NVim7B6vceKrkzn8lsjUVKRs23+NLevwqQ+ACFPd+z5s96DtEVhTRpDPuGeCD+tPWWUuqLQfvnoo"
    "35kt4twr38MkMnQDA21jcvKIHjK6zNLLSqRHswB/ZsArokA4xxgpwgaIA6aik7hsKoySKCp1mRcf901pTyQ5Xv"
    "jMxvlQKRGTPH2oZa1UR/eg1P3+rrNCDDAS5/KjqujfM7uZVM2x6lXgaJwwEBysOQ/xeeRcP7MSz9hxXpTFzALl"
    "bMD43G42/pu07lyItwlVASwviV/ebPhLlRzTqTGISyCQfn13CvC9T5/AwXOJRuOwqsHfdBPATrcwTjEvSh1Q=="
)
DATA = (
    '{"Id":"00000000-0000-0000-0000-000000000001","ItemCode":"CA000000028VN",'
    '"OrderCode":"OCOP-0001-1","OrderStatusId":100,"CodAmount":350000,'
    '"LastUpdateTime":"01/07/2026 08:00:00"}'
)
SENT = "01/07/2026 08:00:05"
KEY = json.dumps({"modulus": MODULUS, "exponent": "AQAB"})
TRUSTED = Trusted(public_keys=(public_key_pem(KEY),))
WEBHOOK = VietnamPostLegacyWebhook()
MEANINGS = read_status_map()
ROWS = [row for row in MEANINGS.rows if (row["carrier"], row["api"]) == ("vnpost", "legacy")]


def signed(data: str = DATA, sent: str = SENT, signature: str = SIGNATURE) -> bytes:
    return json.dumps({"Data": data, "SendDate": sent, "SignData": signature}).encode()


def an_event(**fields: Any) -> CarrierEvent:
    return WEBHOOK.parse(signed(json.dumps(json.loads(DATA) | fields)))


def test_the_vector_of_the_facts_is_verified_and_read() -> None:
    assert WEBHOOK.verify(signed(), {}, TRUSTED)
    assert WEBHOOK.keys(signed()) == [("CA000000028VN", 0)]
    event = WEBHOOK.parse(signed())
    assert event[:6] == ("vnpost", "legacy", "CA000000028VN", "CA000000028VN", "OCOP-0001-1", "100")
    assert event.occurred_at == datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
    assert event.reported_at == int(datetime(2026, 7, 1, 1, 0, 5, tzinfo=UTC).timestamp())
    assert event.cod_collected_vnd == 350_000


@pytest.mark.parametrize(
    "raw",
    [
        signed(DATA.replace("100", "170")),
        signed(sent="01/07/2026 08:00:06"),
        signed(DATA + " "),
        signed(signature=SIGNATURE[4:]),
        signed(signature="no base64!"),
        b'{"Data":{},"SendDate":"","SignData":""}',
        b"not json",
    ],
)
def test_a_changed_body_is_not_vietnam_posts(raw: bytes) -> None:
    assert not WEBHOOK.verify(raw, {}, TRUSTED)


def test_another_way_to_check_can_be_put_in() -> None:
    seen: list[str] = []

    def check(_key: str, text: str, _signature: str) -> bool:
        seen.append(text)
        return True

    assert VietnamPostLegacyWebhook(check).verify(signed(signature="x"), {}, TRUSTED)
    assert seen == [DATA + SENT]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["code"])
def test_every_code_walks_from_the_webhook_to_its_status(row: dict[str, str]) -> None:
    event = an_event(OrderStatusId=int(row["code"]))
    meaning = MEANINGS.meaning(event.carrier, event.api, event.code, event.reason_code)
    told = (meaning.status, meaning.reason or "", meaning.finality)
    assert told == (row["status"], row["reason"], row["final"])


def test_ten_is_deleted_here_and_in_transit_in_the_newer_interface() -> None:
    here, there = (MEANINGS.meaning("vnpost", api, "10", None) for api in ("legacy", "myvnpost"))
    assert (here.status, here.cod) == ("cancelled", CodState.VOID)
    assert there.status == "in_transit"


def test_causes_and_delivery_counts_are_kept_whatever_they_mean() -> None:
    event = an_event(OrderStatusId=91, CauseCode=4, DeliveryTimes="2")
    assert (event.reason_code, event.delivery_times) == ("4", 2)
    assert MEANINGS.meaning("vnpost", "legacy", "91", "4").status == "delivery_failed"


@pytest.mark.parametrize("is_return", [True, "true", "True", 1, "1"])
def test_on_the_way_back_only_the_return_code_ends_it(is_return: object) -> None:
    statuses = {}
    for code in (70, 100, 161, 170):
        event = an_event(OrderStatusId=code, IsReturn=is_return)
        assert event.is_return_leg
        meaning = MEANINGS.meaning("vnpost", "legacy", event.code, None)
        statuses[code] = on_return_leg(meaning, MEANINGS).status.value
    assert statuses == {70: "returning", 100: "unmapped", 161: "returning", 170: "returned"}


@pytest.mark.parametrize("is_return", [False, None, 0, "0", "", "false"])
def test_other_values_are_no_return(is_return: object) -> None:
    assert not an_event(IsReturn=is_return).is_return_leg


@pytest.mark.parametrize("raw", [b"{}", b'{"Data":"["}', b'{"Data":"[]"}', b'{"Data":"{}"}', b"[]"])
def test_a_body_that_is_not_of_this_form_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableWebhook):
        WEBHOOK.parse(raw)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*json.loads(DATA), "DeliveryTimes", "IsReturn", "CauseCode"])
BODIES = st.dictionaries(NAMES, VALUES).map(lambda data: signed(json.dumps(data)))


@given(st.binary() | BODIES)
def test_any_bytes_are_read_or_unreadable(raw: bytes) -> None:
    assert not WEBHOOK.verify(raw, {}, TRUSTED)
    try:
        event = WEBHOOK.parse(raw)
    except UnreadableWebhook:
        return
    assert (event.carrier, event.api) == ("vnpost", "legacy")


@given(VALUES | st.dictionaries(st.sampled_from(["ItemCode", "Data", "IsSuccess"]), VALUES))
def test_no_answer_raises(body: object) -> None:
    assert isinstance(answers.read_booked(body), Booked | Refused | Unknown)
    assert isinstance(answers.read_prices(body), Quoted | Refused | Unknown)
    assert answers.read_token(body) is None


def test_an_answer_is_read_by_the_names_of_the_webhook_bare_or_under_data() -> None:
    order = {"Id": "G-1", "ItemCode": "CA000000028VN", "TotalFreightIncludeVat": 27_500}
    booked = Booked("CA000000028VN", "G-1", 27_500)
    assert answers.read_booked(order) == booked
    assert answers.read_booked({"IsSuccess": True, "Data": order}) == booked
    assert answers.read_booked({"IsSuccess": False, "Message": "sai"}) == Refused("sai")
    assert isinstance(answers.read_booked({"IsSuccess": True}), Unknown)


def test_prices_are_those_with_the_add_ons_in() -> None:
    rows = [{"MaDichVu": "BK", "TongCuocSauVAT": 20_000, "TongCuocBaoGomDVCT": "22000"}]
    assert answers.read_prices(rows) == Quoted((PricedService("BK", 22_000),))


def test_what_we_send_has_the_documented_names_and_no_others() -> None:
    place = ("Số 1 Đường Mẫu", "00166", "Phường Cầu Giấy", "01", "Hà Nội")
    party = Party("Trần Thị B", "+84900000002", *place)
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    request = BookingRequest(
        "OC-A-1", "BK", party, party, "Trà", 1, 1_200, 30, 20, 15, 320_000, 350_000, moment
    )
    body = mapping.create_order(request, Account("", district="D"))
    assert body["ReceiverTel"] == "0900000002"
    assert (body["SenderWardId"], body["SenderDistrictId"]) == ("00166", "D")
    assert (body["OrderCode"], body["ServiceName"], body["PickupType"]) == ("OC-A-1", "BK", 1)
    assert (body["CodAmountEvaluation"], body["OrderAmountEvaluation"]) == (350_000, 320_000)
    assert body["IsReceiverPayFreight"] is False


def test_a_key_is_taken_as_pem_as_modulus_and_exponent_and_as_dotnet_writes_it() -> None:
    pem = public_key_pem(KEY)
    xml = f"<RSAKeyValue><Modulus>{MODULUS}</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>"
    assert public_key_pem(pem) == public_key_pem(xml) == pem


def test_a_short_key_or_another_text_is_no_key() -> None:
    short = generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    pem = short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    half = json.dumps({"modulus": MODULUS, "exponent": "!"})
    one = base64.b64encode(b"\1").decode()
    tiny = json.dumps({"modulus": one, "exponent": one})
    for text in (pem, half, tiny, "{", "", "-----BEGIN PUBLIC KEY-----", '{"modulus": 1}'):
        with pytest.raises(NotAnRsaKey):
            public_key_pem(text)


@given(st.text() | st.text().map(lambda text: "{" + text))
def test_no_text_breaks_the_reader_of_keys(text: str) -> None:
    with pytest.raises(NotAnRsaKey):
        public_key_pem(text)
