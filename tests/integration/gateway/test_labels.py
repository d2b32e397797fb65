"""Labels over HTTP: for their seller alone, whole or with what is missing."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from tests.integration.gateway.conftest import MASTER_KEY
from tests.labelled import NAME, STREET, an_order_with_parcels, tracking_no_of
from tests.papers import scanned, sizes_of, text_of

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served


def an_order_id(seller_id: str = "S68-01") -> str:
    return f"direct:{seller_id}:T-{uuid.uuid4().hex[:10]}"


async def an_order(served: Served, **changes: Any) -> tuple[str, list[str]]:
    order_id = an_order_id()
    parcels = await an_order_with_parcels(served.pool, order_id, master_key=MASTER_KEY, **changes)
    return order_id, parcels


async def ask(
    served: Served, path: str, seller_id: str = "S68-01", **query: str
) -> tuple[int, bytes]:
    async with served.session.get(
        served.url + path, params=query, headers=served.bearer(seller_id)
    ) as answer:
        return answer.status, await answer.read()


async def test_a_seller_prints_its_order(served: Served) -> None:
    order_id, parcels = await an_order(served, parcels=2)
    status, document = await ask(served, f"/v1/orders/{order_id}/labels")
    assert status == 200
    assert sizes_of(document) == [(105, 148)] * 2
    first, second = text_of(document)
    assert "Kiện 1/2" in first
    assert "Kiện 2/2" in second
    for said in (
        *(NAME, "0900000002", f"{STREET}, Phường Cầu Giấy, Hà Nội", "Vietnam Post", "HN-07"),
        *("Trà sen × 2", "HÀNG DỄ VỠ", "Thu hộ (COD): 366.000 ₫", "25.500 ₫ (biểu giá mẫu"),
    ):
        assert said in first
    number = tracking_no_of(parcels[1])
    assert {text for _, text in scanned(document, 1)} == {number, f"{parcels[1]}|{number}"}
    assert await ask(served, f"/v1/orders/{order_id}/labels") == (status, document)


async def test_a_parcel_abroad_has_a_second_face_for_customs(served: Served) -> None:
    order_id, (parcel,) = await an_order(served, abroad=True, carrier="ems", cod_vnd=0)
    status, document = await ask(served, f"/v1/orders/{order_id}/labels")
    assert (status, sizes_of(document)) == (200, [(105, 148)] * 2)
    front, customs = text_of(document)
    for said in (f"{STREET}, 110 00 Praha 1, CZECH REPUBLIC", "+420601123456", "Không thu hộ"):
        assert said in front
    for said in (
        *("VN – CZ (Czech Republic)", "Lotus tea", "2 1000 g 200 000 VND 090210 VN"),
        *("Tổng / Total: 1000 g net · 1200 g gross · 200 000 VND", "Date, signature"),
    ):
        assert said in customs
    assert ("Code 128", tracking_no_of(parcel)) in scanned(document, 1)


async def test_many_parcels_come_on_sheets_in_the_order_they_are_asked_for(served: Served) -> None:
    (_, one), (_, two) = await an_order(served), await an_order(served, parcels=2)
    wanted = [*two, *one]
    status, document = await ask(served, "/v1/labels", parcels=",".join(wanted), format="a4")
    assert status == 200
    assert sizes_of(document) == [(210, 297)]
    (sheet,) = text_of(document)
    places = [sheet.index(f" {parcel} ") for parcel in wanted]
    assert places == sorted(places)


async def test_what_is_missing_is_said_for_each_parcel(served: Served) -> None:
    order_id, parcels = await an_order(served, parcels=2, state="requested")
    status, raw = await ask(served, f"/v1/orders/{order_id}/labels")
    problem = orjson.loads(raw)
    assert (status, problem["code"]) == (409, "not_booked")
    assert problem["missing"] == [
        {
            "what": one,
            "code": "not_booked",
            "reason": "its carrier has not answered the booking yet",
        }
        for one in parcels
    ]


async def test_a_shipment_that_is_not_packed_has_no_label(served: Served) -> None:
    order_id, _ = await an_order(served, parcels=0)
    status, raw = await ask(served, f"/v1/orders/{order_id}/labels")
    assert (status, orjson.loads(raw)["code"]) == (409, "not_packed")


async def test_a_platforms_parcel_has_the_platforms_label(served: Served) -> None:
    order_id, _ = await an_order(served, carrier="shopee")
    status, raw = await ask(served, f"/v1/orders/{order_id}/labels")
    problem = orjson.loads(raw)
    assert (status, problem["code"]) == (409, "platform_label")
    assert "print the platform's label" in problem["detail"]


async def test_an_erased_buyer_has_no_label_any_more(served: Served) -> None:
    order_id, _ = await an_order(served)
    await served.pool.execute("DELETE FROM intake.buyer_keys")
    status, raw = await ask(served, f"/v1/orders/{order_id}/labels")
    assert (status, orjson.loads(raw)["code"]) == (409, "buyer_erased")


async def test_other_sellers_parcels_do_not_exist(served: Served) -> None:
    order_id, (parcel,) = await an_order(served)
    for path, query in ((f"/v1/orders/{order_id}/labels", {}), ("/v1/labels", {"parcels": parcel})):
        status, raw = await ask(served, path, "S01-01", **query)
        assert (status, orjson.loads(raw)["code"]) == (404, "order_unknown")
        async with served.session.get(served.url + path, params=query) as answer:
            assert answer.status == 401


async def test_too_many_or_no_parcels_are_refused(served: Served) -> None:
    for parcels in (",", ",".join(f"direct:S68-01:X/1/{n}" for n in range(201))):
        status, raw = await ask(served, "/v1/labels", parcels=parcels)
        assert (status, orjson.loads(raw)["code"]) == (422, "invalid_request")


async def test_printing_does_not_stop_the_gateway(served: Served) -> None:
    _, parcels = await an_order(served, parcels=60)
    printing = asyncio.create_task(ask(served, "/v1/labels", parcels=",".join(parcels)))
    answered = 0
    while not printing.done():
        async with served.session.get(f"{served.url}/healthz") as answer:
            assert answer.status == 200
        answered += 1
    assert (await printing)[0] == 200
    assert answered > 5


async def test_units_are_numbered_once_and_only_for_a_company(served: Served) -> None:
    order_id, _ = await an_order(served)
    await ask(served, f"/v1/orders/{order_id}/labels")
    assert await served.pool.fetchval("SELECT count(*) FROM handover.units") == 0
    served.parts.desk._company_prefix = "8930000"
    printed = [await ask(served, f"/v1/orders/{order_id}/labels") for _ in range(2)]
    assert printed[0] == printed[1]
    assert "SSCC (00) 08930000" in text_of(printed[0][1])[0]
    assert await served.pool.fetchval("SELECT count(*) FROM handover.units") == 1
