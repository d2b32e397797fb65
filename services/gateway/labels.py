"""Labels as PDF, for the seller whose parcels they are. Printing again is always allowed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from schemas.ids import order_of
from services.gateway.orders import require_own
from services.gateway.parts import Wired
from services.gateway.problems import Problem
from services.labels.content import Label
from services.labels.desk import Missing
from services.labels.pages import Paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.labels.desk import Wanted

router = APIRouter(tags=["labels"])

PDF = "application/pdf"
AT_ONCE = 200
"""Labels of one request: a few seconds of printing."""
PRINTED = {HTTPStatus.OK.value: {"content": {PDF: {}}, "description": "A PDF."}}


@router.get("/v1/orders/{order_id}/labels", response_class=Response, responses=PRINTED)  # type: ignore[arg-type]
async def print_order(
    request: Request,
    order_id: str,
    parts: Wired,
    paper: Annotated[Paper, Query(alias="format")] = Paper.A6,
) -> Response:
    """The labels of all parcels of an order, or 409 with what is missing for each of them."""
    require_own(order_id, parts.seller_of(request))
    found = await parts.desk.of_order(order_id)
    if not found:
        raise Problem(404, "order_unknown", "you have no order with this id that goes anywhere")
    return pdf(await parts.desk.print(all_ready(found), paper), "labels")


@router.get("/v1/labels", response_class=Response, responses=PRINTED)  # type: ignore[arg-type]
async def print_parcels(
    request: Request,
    parcels: Annotated[list[str], Query(min_length=1)],
    parts: Wired,
    paper: Annotated[Paper, Query(alias="format")] = Paper.A6,
) -> Response:
    """The labels of many parcels: `parcels` repeated, or one with commas."""
    seller_id = parts.seller_of(request)
    wanted = list(dict.fromkeys(one for some in parcels for one in some.split(",") if one))
    if not 0 < len(wanted) <= AT_ONCE:
        raise Problem(422, "invalid_request", f"ask for 1 to {AT_ONCE} parcels at a time")
    for parcel in wanted:
        require_own(order_of(parcel), seller_id)
    return pdf(
        await parts.desk.print(all_ready(await parts.desk.of_parcels(wanted)), paper), "labels"
    )


def all_ready(found: Sequence[Wanted]) -> list[Label]:
    """The labels, if none is missing: half a print would be taken for the whole.

    Raises:
        Problem: 409 with every parcel that has no label and why.
    """
    missing = [one for one in found if isinstance(one, Missing)]
    if missing:
        codes = {one.code for one in missing}
        code = codes.pop() if len(codes) == 1 else "labels_missing"
        detail = "; ".join(f"{one.what}: {one.reason}" for one in missing)
        raise Problem(409, code, detail, more={"missing": [one._asdict() for one in missing]})
    return [one for one in found if isinstance(one, Label)]


def pdf(document: bytes, name: str) -> Response:
    """A file to print. It names people, so nothing on its way may keep it."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(document, headers=headers, media_type=PDF)
