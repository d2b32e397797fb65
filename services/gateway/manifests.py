"""Manifests: what goes with a courier, its paper, and the signature that hands it over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.channels.invalid import told
from services.gateway.idempotency import answer_once
from services.gateway.labels import PRINTED, pdf
from services.gateway.limits import ORDER_MAX_BYTES, read_body
from services.gateway.parts import Parts, Wired
from services.gateway.problems import Problem
from services.handover.manifest import (
    AT_MOST,
    UNKNOWN,
    Answer,
    Manifest,
    Opening,
    Refused,
    Signatures,
    Signing,
)
from services.handover.paper import Heading, Row, print_manifest
from services.store.manifests import READ_MANIFESTS

router = APIRouter(prefix="/v1/manifests", tags=["hand-over"])

EARLY = timedelta(minutes=10)
"""How far a station's clock may be ahead of ours."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Codes = Annotated[list[Code], Field(max_length=AT_MOST)]
Body = TypeVar("Body", bound=BaseModel)


class OpenBody(BaseModel):
    """Which carrier comes to which origin; without `parcels`, for all that are ready.

    `at` here and below: when the seller did it; now, if it is left out.
    """

    model_config = ConfigDict(extra="forbid")

    carrier: Name
    origin_id: Name
    parcels: Annotated[list[Code], Field(min_length=1, max_length=AT_MOST)] | None = None
    at: AwareDatetime | None = None


class ChangeBody(BaseModel):
    """Parcel ids to put on and to take off."""

    model_config = ConfigDict(extra="forbid")

    add: Codes = []
    remove: Codes = []
    at: AwareDatetime | None = None


class SignedBy(BaseModel):
    """The names of those who signed."""

    model_config = ConfigDict(extra="forbid")

    seller: Name
    courier: Name


class CloseBody(BaseModel):
    """What was scanned (parcel ids, tracking numbers or the labels' QR) and who signed, when."""

    model_config = ConfigDict(extra="forbid")

    scanned: Annotated[list[Code], Field(min_length=1, max_length=2 * AT_MOST)]
    signed_by: SignedBy
    at: AwareDatetime | None = None


@router.post("", status_code=201)
async def open_manifest(request: Request, parts: Wired) -> Response:
    """Open a manifest. The same Idempotency-Key opens it once. 201: its parcels await the courier."""
    seller_id = parts.seller_of(request)
    raw = await read_body(request, ORDER_MAX_BYTES)
    key = request.headers.get("idempotency-key")

    async def perform() -> bytes:
        body = readable(raw, OpenBody)
        wanted = Opening(seller_id, body.carrier, body.origin_id, body.parcels, key or "")
        return orjson.dumps(shown(await parts.handover.open(wanted, moment(body.at))))

    answer = await answer_once(parts.pool, seller_id, key, b"/v1/manifests\n" + raw, perform)
    return Response(answer, 201, media_type="application/json")


@router.get("")
async def list_manifests(
    request: Request,
    parts: Wired,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The seller's manifests by number; `after` pages on."""
    rows = await parts.pool.fetch(READ_MANIFESTS, parts.seller_of(request), after, limit)
    return as_json({"manifests": [dict(row) for row in rows]})


@router.get("/{manifest_no}.pdf", response_class=Response, responses=PRINTED)  # type: ignore[arg-type]
async def print_one(request: Request, manifest_no: str, parts: Wired) -> Response:
    """The paper: every parcel with its barcode, totals, and lines to sign on."""
    seller_id = parts.seller_of(request)
    manifest = granted(await parts.handover.show(seller_id, manifest_no))
    heading, rows = paper_of(parts, manifest)
    document = await parts.desk.press(lambda: print_manifest(heading, rows))
    return pdf(document, manifest.row["manifest_no"])


@router.get("/{manifest_no}")
async def show_one(request: Request, manifest_no: str, parts: Wired) -> Response:
    """A manifest, its parcels and totals."""
    seller_id = parts.seller_of(request)
    return as_json(shown(await parts.handover.show(seller_id, manifest_no)))


@router.post("/{manifest_no}/parcels")
async def change_one(request: Request, manifest_no: str, parts: Wired) -> Response:
    """Put parcels on an open manifest and take others off; doing it again changes nothing."""
    seller_id = parts.seller_of(request)
    body = readable(await read_body(request, ORDER_MAX_BYTES), ChangeBody)
    at = moment(body.at)
    return as_json(
        shown(await parts.handover.change(seller_id, manifest_no, body.add, body.remove, at))
    )


@router.post("/{manifest_no}/close")
async def close_one(request: Request, manifest_no: str, parts: Wired) -> Response:
    """The courier signed: what was scanned is handed over, the rest stays behind.

    200: it is in the log for every order. Closing again answers the same.
    """
    seller_id = parts.seller_of(request)
    body = readable(await read_body(request, ORDER_MAX_BYTES), CloseBody)
    signed = Signatures(body.signed_by.seller, body.signed_by.courier)
    signing = Signing(body.scanned, signed, moment(body.at))
    return as_json(shown(await parts.handover.close(seller_id, manifest_no, signing)))


def moment(at: datetime | None) -> datetime:
    """When it was done, UTC.

    Raises:
        Problem: 422 for a time that has not come.
    """
    now = datetime.now(UTC)
    if at is not None and at > now + EARLY:
        raise Problem(422, "invalid_request", "`at` is in the future")
    return (at or now).astimezone(UTC)


def readable(raw: bytes, model: type[Body]) -> Body:
    """The body.

    Raises:
        Problem: 422 with everything that is wrong.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as invalid:
        raise Problem(422, "invalid_request", told(invalid)) from invalid


def granted(answer: Answer) -> Manifest:
    """The manifest.

    Raises:
        Problem: 404 where there is none, 409 where it cannot be done.
    """
    if isinstance(answer, Refused):
        more = {"missing": [one._asdict() for one in answer.missing]} if answer.missing else {}
        raise Problem(404 if answer is UNKNOWN else 409, answer.code, answer.reason, more=more)
    return answer


def shown(answer: Answer) -> dict[str, Any]:
    """A manifest as JSON. Who signed is on the paper only. Raises Problem as `granted`."""
    manifest = granted(answer)
    row, on_it = manifest.row, manifest.on_it
    fields = ("parcel_id", "tracking_no", "weight_g", "cod_vnd", "standing")
    return {
        **{name: row[name] for name in ("manifest_no", "carrier", "origin_id")},
        "opened_at": row["opened_at"],
        "closed_at": row["closed_at"],
        "parcels": [{name: one[name] for name in fields} for one in manifest.parcels],
        "totals": {
            "parcels": len(on_it),
            "weight_g": sum(one["weight_g"] for one in on_it),
            "cod_vnd": sum(one["cod_vnd"] for one in on_it),
        },
    }


def paper_of(parts: Parts, manifest: Manifest) -> tuple[Heading, list[Row]]:
    """What its paper says."""
    row = manifest.row
    signed = parts.handover.signatures(manifest)
    heading = Heading(
        manifest_no=row["manifest_no"],
        carrier=parts.desk.names.carrier(row["carrier"]),
        seller=row["seller"],
        origin=parts.desk.address(row["street"], row["ward_code"]),
        phone=row["phone"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        signed_by_seller=signed.seller if signed else "",
        signed_by_courier=signed.courier if signed else "",
    )
    rows = [
        Row(one["tracking_no"], one["parcel_id"], one["weight_g"], one["cod_vnd"])
        for one in manifest.on_it
    ]
    return heading, rows


def as_json(document: dict[str, Any]) -> Response:
    """200 with a JSON body."""
    return Response(orjson.dumps(document), media_type="application/json")
