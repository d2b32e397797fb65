"""Manifests over HTTP: opened, changed, printed, signed; every change a fact of its orders."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.catalogue import HANDOVER_REPORTED
from schemas.handover import HandoverReported
from services.gateway.problems import Problem
from services.sandbox.clock import Clock
from services.sandbox.month.couriers import Couriers
from services.sandbox.month.door import Door
from tests.integration.gateway.conftest import MASTER_KEY
from tests.integration.gateway.test_labels import an_order, an_order_id, ask
from tests.labelled import ORIGIN, an_order_with_parcels, tracking_no_of
from tests.papers import scanned, text_of

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served

SIGNED = {"seller": "Phạm Văn C", "courier": "Lê Văn D"}


async def post(
    served: Served, path: str, body: dict[str, Any], seller_id: str = "S68-01", key: str = ""
) -> tuple[int, Any]:
    headers = {**served.bearer(seller_id), "Idempotency-Key": key or uuid.uuid4().hex}
    url = f"{served.url}/v1/manifests{path}"
    async with served.session.post(url, data=orjson.dumps(body), headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def a_manifest(served: Served, *parcels: str) -> str:
    body: dict[str, Any] = {"carrier": "vnpost", "origin_id": ORIGIN}
    status, answer = await post(served, "", body | ({"parcels": parcels} if parcels else {}))
    assert status == 201, answer
    return str(answer["manifest_no"])


async def facts_of(served: Served, order_id: str) -> list[HandoverReported]:
    records = await served.records(HANDOVER_REPORTED, order_id.encode())
    assert all(record.key == order_id.encode() for record in records)
    return [HandoverReported.model_validate_json(record.value or b"") for record in records]


async def test_all_that_is_ready_comes_on_a_manifest(served: Served) -> None:
    (order_id, (one,)), (_, two), (_, other) = [
        await an_order(served),
        await an_order(served, parcels=2),
        await an_order(served, carrier="viettelpost"),
    ]
    await an_order(served, state="requested")
    status, answer = await post(served, "", {"carrier": "vnpost", "origin_id": ORIGIN})
    assert status == 201
    assert {parcel["parcel_id"] for parcel in answer["parcels"]} == {one, *two}
    assert answer["totals"] == {"parcels": 3, "weight_g": 3600, "cod_vnd": 1_098_000}
    (fact,) = await facts_of(served, order_id)
    assert (fact.version, fact.manifest_no) == (1, answer["manifest_no"])
    assert [(one.parcel_id, one.handed_over_at) for one in fact.parcels] == [(one, None)]
    assert other[0] not in orjson.dumps(answer).decode()
    status, problem = await post(served, "", {"carrier": "vnpost", "origin_id": ORIGIN})
    assert (status, problem["code"]) == (409, "nothing_ready")


async def test_what_was_signed_for_is_handed_over_and_the_rest_stays_behind(served: Served) -> None:
    order_id, (one, two, three) = await an_order(served, parcels=3)
    number = await a_manifest(served)
    body = {
        "scanned": [one, tracking_no_of(two), f"{one}|{tracking_no_of(one)}"],
        "signed_by": SIGNED,
        "at": "2026-10-02T08:15:00+07:00",
    }
    status, answer = await post(served, f"/{number}/close", body)
    assert status == 200
    assert answer["closed_at"].startswith("2026-10-02T01:15:00")
    standings = {parcel["parcel_id"]: parcel["standing"] for parcel in answer["parcels"]}
    assert standings == {one: "handed_over", two: "handed_over", three: "left_behind"}
    first, last = sorted(await facts_of(served, order_id), key=lambda fact: fact.version)
    assert {parcel.parcel_id for parcel in first.parcels} == {one, two, three}
    assert {parcel.parcel_id for parcel in last.parcels} == {one, two}
    assert {str(parcel.handed_over_at) for parcel in last.parcels} == {"2026-10-02 01:15:00+00:00"}
    assert await post(served, f"/{number}/close", body) == (status, answer)
    assert len(await facts_of(served, order_id)) == 2
    # What stayed behind goes on the next one.
    status, answer = await post(served, "", {"carrier": "vnpost", "origin_id": ORIGIN})
    assert [parcel["parcel_id"] for parcel in answer["parcels"]] == [three]


async def test_names_of_signers_are_on_the_paper_alone(served: Served) -> None:
    order_id, (parcel,) = await an_order(served)
    number = await a_manifest(served)
    await post(served, f"/{number}/close", {"scanned": [parcel], "signed_by": SIGNED})
    status, document = await ask(served, f"/v1/manifests/{number}.pdf")
    assert status == 200
    (page,) = text_of(document)
    for said in (*SIGNED.values(), number, "Vietnam Post", "1 kiện · 1,2 kg", "366.000 ₫", parcel):
        assert said in page
    assert {text for _, text in scanned(document)} == {number, tracking_no_of(parcel)}
    assert SIGNED["courier"] not in (await ask(served, f"/v1/manifests/{number}"))[1].decode()
    assert all("Văn D" not in fact.model_dump_json() for fact in await facts_of(served, order_id))
    sealed = await served.pool.fetchval("SELECT signed FROM handover.manifests")
    assert b"V\xc4\x83n" not in sealed


async def test_parcels_come_on_and_off_until_it_is_signed(served: Served) -> None:
    (order_id, (one, two)), (_, (three,)) = [
        await an_order(served, parcels=2),
        await an_order(served),
    ]
    number = await a_manifest(served, one, two)
    for _ in range(2):
        status, answer = await post(served, f"/{number}/parcels", {"add": [three], "remove": [two]})
        assert status == 200
        assert answer["totals"]["parcels"] == 2
    facts = sorted(await facts_of(served, order_id), key=lambda fact: fact.version)
    assert [[p.parcel_id for p in fact.parcels] for fact in facts] == [[one, two], [one]]
    await post(served, f"/{number}/close", {"scanned": [one], "signed_by": SIGNED})
    status, problem = await post(served, f"/{number}/parcels", {"add": [two]})
    assert (status, problem["code"]) == (409, "manifest_closed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "requested"}, "not_booked"),
        ({"carrier": "viettelpost"}, "other_carrier"),
        ({"origin_id": "S68-01-K2"}, "other_origin"),
    ],
)
async def test_a_parcel_that_cannot_go_is_named_with_the_reason(
    served: Served, changes: dict[str, str], code: str
) -> None:
    _, (parcel,) = await an_order(served, **changes)
    body = {"carrier": "vnpost", "origin_id": ORIGIN, "parcels": [parcel]}
    status, problem = await post(served, "", body)
    assert (status, problem["code"]) == (409, "parcels_not_ready")
    assert [(one["what"], one["code"]) for one in problem["missing"]] == [(parcel, code)]


async def test_held_and_scanned_parcels_and_those_of_another_manifest_stay_off(
    served: Served,
) -> None:
    (held, (one,)), (_, (two,)), (_, (three,)) = [await an_order(served) for _ in range(3)]
    await served.pool.execute("UPDATE booking.orders SET held = true WHERE order_id = $1", held)
    scan = "UPDATE booking.bookings SET tracked = 'custody' WHERE parcel_id = $1"
    await served.pool.execute(scan, two)
    await a_manifest(served)
    body = {"carrier": "vnpost", "origin_id": ORIGIN, "parcels": [one, two, three]}
    _, problem = await post(served, "", body)
    assert [x["code"] for x in problem["missing"]] == ["on_hold", "with_carrier", "on_manifest"]


async def test_a_strange_scan_stops_the_signing(served: Served) -> None:
    _, (parcel,) = await an_order(served)
    number = await a_manifest(served)
    body = {"scanned": [parcel, "VTP-STRANGE"], "signed_by": SIGNED}
    status, problem = await post(served, f"/{number}/close", body)
    assert (status, problem["code"]) == (409, "not_on_manifest")
    assert [one["what"] for one in problem["missing"]] == ["VTP-STRANGE"]
    assert await served.pool.fetchval("SELECT closed_at FROM handover.manifests") is None


async def test_the_same_key_opens_one_manifest(served: Served) -> None:
    await an_order(served)
    body = {"carrier": "vnpost", "origin_id": ORIGIN}
    first = await post(served, "", body, key="K")
    assert await post(served, "", body, key="K") == first
    # Even where the first answer was lost with the request.
    await served.pool.execute("DELETE FROM gateway.idempotency_keys")
    assert await post(served, "", body, key="K") == first


async def test_a_fact_that_could_not_be_told_is_told_later_and_is_the_same(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, (parcel,) = await an_order(served)
    ingest = type(served.parts.ingest)

    async def lost(*_: object) -> str:
        raise Problem(503, "not_stored", "the log is away")

    with monkeypatch.context() as away:
        away.setattr(ingest, "append", lost)
        status, _ = await post(served, "", {"carrier": "vnpost", "origin_id": ORIGIN}, key="L")
        assert status == 503
    assert await facts_of(served, order_id) == []
    status, answer = await post(served, "", {"carrier": "vnpost", "origin_id": ORIGIN}, key="L")
    assert status == 201
    assert [one["parcel_id"] for one in answer["parcels"]] == [parcel]
    assert [fact.version for fact in await facts_of(served, order_id)] == [1]
    # A crash between the log and our note of it: told again as the same event.
    await served.pool.execute("UPDATE handover.facts SET told = false, made_at = '2026-01-01'")
    assert await served.parts.handover.tell() == 1
    one, two = await served.records(HANDOVER_REPORTED, order_id.encode())
    ids = [dict(record.headers)["ce_id"] for record in (one, two)]
    assert ids[0] == ids[1]
    assert one.value == two.value


async def test_other_sellers_manifests_do_not_exist(served: Served) -> None:
    order_id = an_order_id("S01-01")
    changes = {"seller_id": "S01-01", "origin_id": "S01-01-K1"}
    (parcel,) = await an_order_with_parcels(
        served.pool, order_id, master_key=MASTER_KEY, seller_id="S01-01", origin_id="S01-01-K1"
    )
    body = {"carrier": "vnpost", "origin_id": changes["origin_id"]}
    status, answer = await post(served, "", body, "S01-01")
    assert status == 201
    number = answer["manifest_no"]
    assert (await post(served, "", body))[1]["code"] == "nothing_ready"
    assert (await post(served, "", body | {"parcels": [parcel]}))[1]["code"] == "parcels_not_ready"
    close = {"scanned": [parcel], "signed_by": SIGNED}
    for path, sent in ((f"/{number}/close", close), (f"/{number}/parcels", {"add": [parcel]})):
        status, problem = await post(served, path, sent)
        assert (status, problem["code"]) == (404, "manifest_unknown")
    for path in (f"/v1/manifests/{number}", f"/v1/manifests/{number}.pdf"):
        status, raw = await ask(served, path)
        assert (status, orjson.loads(raw)["code"]) == (404, "manifest_unknown")
    _, listed = await ask(served, "/v1/manifests")
    assert orjson.loads(listed) == {"manifests": []}


async def test_a_courier_of_the_sample_month_takes_what_is_ready(served: Served) -> None:
    await an_order(served, parcels=3)
    door = Door(served.url, served.keys, served.session)
    couriers = Couriers(door, Clock(datetime(2026, 10, 2, tzinfo=UTC), 1.0))
    couriers.expect("S68-01", {"carrier": "vnpost", "origin_id": ORIGIN})
    for _ in range(2):  # the second time nothing waits, and nobody is asked again and again
        await couriers.take("S68-01", "vnpost", ORIGIN)
    assert (couriers.manifests, door.answers) == (1, {201: 1, 200: 1, 409: 1})


async def test_a_long_manifest_runs_over_several_pages(served: Served) -> None:
    await an_order(served, parcels=40)
    number = await a_manifest(served)
    _, document = await ask(served, f"/v1/manifests/{number}.pdf")
    pages = text_of(document)
    assert [f"Trang {n}/{len(pages)}" in page for n, page in enumerate(pages, 1)] == [True] * 3
    assert "Tổng cộng: 40 kiện" in pages[-1]
