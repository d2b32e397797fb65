"""What partners' bodies look like, for the API's own description; each format's parser decides.

Field names are the carriers' (facts/carriers.md); whatever else they send is taken too.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.partner import MOST_EVENTS, PartnerEvent

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer"}
TEXT_OR_NUMBER: Final[Schema] = {"anyOf": [TEXT, NUMBER, {"type": "null"}]}


def an_object(required: dict[str, Schema], **optional: Schema) -> Schema:
    """A JSON object that must have some fields and may have others."""
    return {"type": "object", "properties": required | optional, "required": list(required)}


VIETTELPOST: Final = an_object(
    {
        "DATA": an_object(
            {"ORDER_NUMBER": TEXT, "ORDER_STATUS": TEXT_OR_NUMBER, "ORDER_STATUSDATE": TEXT},
            ORDER_REFERENCE=TEXT_OR_NUMBER,
            REASON_CODE=TEXT_OR_NUMBER,
            LOCALION_CURRENTLY=TEXT,
            MONEY_COLLECTION=TEXT_OR_NUMBER,
            IS_RETURNING={"type": "boolean"},
        ),
        "TOKEN": TEXT,
    }
)
VNPOST: Final = an_object(
    {
        "data": {
            "type": "array",
            "items": an_object({"itemCode": TEXT, "status": TEXT_OR_NUMBER}, saleOrderCode=TEXT),
        },
        "sendDate": TEXT,
        "signature": TEXT,
    }
)
VNPOST_LEGACY: Final = an_object({"Data": TEXT, "SendDate": TEXT, "SignData": TEXT})
EMS: Final = an_object(
    {"tracking_code": TEXT, "status_code": TEXT_OR_NUMBER, "datetime": TEXT}, order_code=TEXT
)
MYEMS: Final = an_object(
    {"TrackingCode": TEXT, "StatusCode": TEXT_OR_NUMBER, "CreatedAt": TEXT}, OrderCode=TEXT
)
GHN: Final = an_object(
    {"OrderCode": TEXT, "Status": TEXT, "Time": TEXT, "Type": TEXT},
    ClientOrderCode=TEXT,
    ReasonCode=TEXT_OR_NUMBER,
    CODAmount=NUMBER,
    IsPartialReturn={"type": "boolean"},
    PartialReturnCode=TEXT,
)
GHTK: Final = an_object(
    {"label_id": TEXT, "status_id": TEXT_OR_NUMBER, "action_time": TEXT},
    partner_id=TEXT,
    reason_code=TEXT_OR_NUMBER,
    pick_money=TEXT_OR_NUMBER,
    return_part_package=TEXT_OR_NUMBER,
)
EVENT: Final = PartnerEvent.model_json_schema(ref_template="#/components/schemas/{model}")


def described(*bodies: Schema, form: Schema | None = None) -> dict[str, Any]:
    """FastAPI's `openapi_extra` for a route that reads the raw body itself."""
    content: dict[str, Any] = {"application/json": {"schema": {"anyOf": list(bodies)}}}
    if form is not None:
        content["application/x-www-form-urlencoded"] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


CARRIER_EVENTS: Final = described(VIETTELPOST, VNPOST, VNPOST_LEGACY, EMS, MYEMS, GHN, form=GHTK)

CHANNEL_ORDER: Final = described(
    an_object(
        {
            "format": {"const": "ocop.order/1"},
            "channel": {"enum": ["postmart", "voso"]},
            "channel_order_no": TEXT,
            "event": {"enum": ["placed", "amended", "cancel_requested", "cancelled", "returned"]},
            "version": NUMBER,
        },
        seller_ref=TEXT,
        placed_at=TEXT,
        lines={"type": "array", "items": {"type": "object"}},
        buyer={"type": "object"},
        ship_to={"type": "object"},
    )
)
"""`ocop.order/1` (facts/channels.md section 6), its head."""


def partner_events() -> dict[str, Any]:
    """One generic event, or a list of them, in a Standard Webhooks payload."""
    event = {name: part for name, part in EVENT.items() if name != "$defs"}
    inlined = _without_references(event, EVENT.get("$defs", {}))
    several = {"type": "array", "items": inlined, "minItems": 1, "maxItems": MOST_EVENTS}
    timestamp = {"type": "string", "format": "date-time"}
    payload = {"type": {"const": "tracking.events"}, "timestamp": timestamp}
    return described(an_object(payload | {"data": {"anyOf": [inlined, several]}}))


def _without_references(part: Any, known: dict[str, Schema]) -> Any:
    if isinstance(part, list):
        return [_without_references(one, known) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _without_references(known[part["$ref"].rpartition("/")[2]], known)
    return {name: _without_references(value, known) for name, value in part.items()}
