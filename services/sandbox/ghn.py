"""A server that behaves like online-gateway.ghn.vn as its documents say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, json_object, objection
from services.sandbox.clock import Clock
from services.sandbox.ghn_life import LEG, PARTLY, ghn_plan, ghn_redelivery, ghn_return
from services.sandbox.ghn_places import province_of
from services.sandbox.plans import Step
from services.sandbox.prices import GHN
from services.sandbox.statement import Ends
from services.sandbox.webhooks import Messenger, with_secret_in_url
from services.sandbox.yard import Manner, Parcel, Yard

if TYPE_CHECKING:
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

RETRIES: Final = 10
BAD_REQUEST: Final = 400
CANCELLABLE: Final = frozenset({"ready_to_pick", "picking"})
RETURNABLE: Final = frozenset({"storing", "waiting_to_return"})
AWAITING_DECISION: Final = "waiting_to_return"
CANCELLED: Final = Step(0.05, "cancel")
NOTES: Final = frozenset({"CHOTHUHANG", "CHOXEMHANGKHONGTHU", "KHONGCHOXEMHANG"})
NEEDED: Final = (
    *("to_name", "to_phone", "to_address", "to_ward_name", "to_province_name"),
    *("from_name", "from_phone", "from_address", "weight", "service_type_id"),
)
SERVICES: Final = ((53320, "Hàng nhẹ", 2), (100039, "Hàng nặng", 5))
"""Id, short name, type."""
HEAVY: Final = "5"
HEAVY_LEAST_VND: Final = 60_000
"""Heavy goods cost at least this: invented, as every price here."""
NO_DATE: Final = "0001-01-01T00:00:00Z"
LEAD_H: Final = 60


def number(serial: int) -> str:
    """An order code: letters and digits."""
    return f"G{serial % 36**7:07X}"[:12]


ENDS: Final = Ends(
    "GHN",
    frozenset({"delivered"}),
    returned=frozenset({"returned"}),
    lost=frozenset({"lost", "damage"}),
)
MANNER: Final = Manner(ghn_plan, number, "ready_to_pick", ENDS)


class GhnSandbox:
    """Books, prices, switches states, and tells of every step by a webhook nobody signs."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self._hooks = with_secret_in_url(options.webhooks, "key", RETRIES)
        self.messenger = Messenger(self._hooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._token = options.password

    def routes(self) -> list[web.RouteDef]:
        """The calls of the documents that a booking needs."""
        order, switch = "/v2/shipping-order", "/v2/switch-status"
        return [
            web.post(f"{order}/create", self.create),
            web.post(f"{order}/detail-by-client-code", self.detail),
            web.post(f"{order}/detail", self.detail),
            web.post(f"{order}/available-services", self.available_services),
            web.post(f"{order}/fee", self.fee),
            web.post(f"{order}/leadtime", self.leadtime),
            web.post(f"{switch}/{{to}}", self.switch),
        ]

    def forget_tokens(self) -> None:
        """There are none: the token is the account's own."""

    def joining(self) -> Joining:
        """The secret in the URL that was registered by mail."""
        return {"secrets": [self._hooks.secret], "public_key": None}

    async def create(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it."""
        if complaint := self._stranger(request):
            return complaint
        order = await json_object(request)
        if said := self._complaint(order):
            return refusal(said)
        parcel = self.yard.accept(
            str(order.get("client_order_code") or ""),
            service=str(order["service_type_id"]),
            weight_g=int(order["weight"]),
            cod_vnd=int(order.get("cod_amount") or 0),
            price_vnd=price_vnd(
                order, str(order.get("from_province_name")), str(order["to_province_name"])
            ),
            recipient=str(order["to_name"]),
            at=_moment(order.get("pickup_time")),
        )
        return success(_created(parcel))

    async def detail(self, request: web.Request) -> web.Response:
        """An order by its code, or the newest under the client's."""
        if complaint := self._stranger(request):
            return complaint
        body = await json_object(request)
        parcel = self.yard.find(str(body.get("order_code") or body.get("client_order_code") or ""))
        return success(_detail(parcel)) if parcel else refusal("Không tìm thấy đơn hàng")

    async def available_services(self, request: web.Request) -> web.Response:
        """Two services, everywhere."""
        if complaint := self._stranger(request):
            return complaint
        names = ("service_id", "short_name", "service_type_id")
        return success([dict(zip(names, row, strict=True)) for row in SERVICES])

    async def fee(self, request: web.Request) -> web.Response:
        """An invented price with VAT."""
        if complaint := self._stranger(request):
            return complaint
        body = await json_object(request)
        ends = (body.get("from_district_id"), body.get("to_district_id"))
        if body.get("service_type_id") not in {kind for _, _, kind in SERVICES}:
            return refusal("Dịch vụ không hợp lệ")
        total = price_vnd(body, *(province_of(district) for district in ends))
        return success({"total": total, "service_fee": total})

    async def leadtime(self, request: web.Request) -> web.Response:
        """Unix seconds."""
        if complaint := self._stranger(request):
            return complaint
        now = int(self.yard.clock.now().timestamp())
        return success({"leadtime": now + LEAD_H * 3600, "order_date": now})

    async def switch(self, request: web.Request) -> web.Response:
        """Cancel, return or deliver again, each where the state allows it; one answer an order."""
        if complaint := self._stranger(request):
            return complaint
        codes = (await json_object(request)).get("order_codes")
        if not isinstance(codes, list) or not codes:
            return refusal("order_codes là bắt buộc")
        to = request.match_info["to"]
        return success([self._switched(to, str(code)) for code in codes])

    def _switched(self, to: str, code: str) -> dict[str, Any]:
        parcel = self.yard.by_number.get(code)
        done = parcel is not None and self._switch(to, parcel)
        said = "OK" if done else "Trạng thái đơn hàng không hợp lệ"
        return {"order_code": code, "result": done, "message": said}

    def _switch(self, to: str, parcel: Parcel) -> bool:
        chance = self.yard.chance(parcel.number, "decision")
        match to:
            case "cancel" if parcel.code in CANCELLABLE:
                self.yard.lead(parcel, ())
                self.yard.happen(parcel, CANCELLED)
            case "return" if parcel.code in RETURNABLE:
                self.yard.lead(parcel, ghn_return(chance))
            case "storing" if parcel.code == AWAITING_DECISION:
                self.yard.lead(parcel, ghn_redelivery(chance))
            case _:
                return False
        return True

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("client_order_code") or "")
        if missing := [name for name in NEEDED if not order.get(name)]:
            return f"Thiếu thông tin: {', '.join(missing)}"
        if order.get("required_note") not in NOTES or order.get("payment_type_id") not in {1, 2}:
            return "Dữ liệu không hợp lệ"
        return objection(self.yard, reference)

    def _stranger(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong token or shop."""
        if request.headers.get("Token") != self._token:
            return refusal("Token is not valid!", "UNAUTHORIZED", UNAUTHORISED)
        if not request.headers.get("ShopId", "").isdecimal():
            return refusal("Shop không tồn tại", "SHOP_NOT_FOUND")
        return None

    def _tell(self, parcel: Parcel, step: Step) -> None:
        body = _event(parcel, step)
        if step.code == "ready_to_pick" and step.reason is None:
            body["Type"] = "Create"
        self.messenger.send(
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json"},
            self.yard.chance(parcel.number, step.code, str(parcel.at)),
        )


def success(data: object) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"code": 200, "message": "Success", "data": data})


def refusal(
    message: str, code_message: str = "USER_ERR_COMMON", status: int = BAD_REQUEST
) -> web.Response:
    """The envelope when it did not; HTTP says so too."""
    body = {"code": status, "message": message, "data": None, "code_message": code_message}
    return web.json_response(body, status=status)


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def price_vnd(body: dict[str, Any], origin: str, destination: str) -> int:
    """An invented price with VAT."""
    service = str(body.get("service_type_id"))
    sides = (int(body.get(name) or 0) for name in ("length", "width", "height"))
    charged = GHN.charged_g(int(body.get("weight") or 1), *sides)
    price = GHN.price_vnd(service, origin, destination, charged)
    return max(price, HEAVY_LEAST_VND) if service == HEAVY else price


def utc(moment: datetime) -> str:
    """ISO 8601 with milliseconds and `Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _created(parcel: Parcel) -> dict[str, Any]:
    return {
        "order_code": parcel.number,
        "total_fee": str(parcel.freight_vnd),
        "expected_delivery_time": utc(parcel.at + timedelta(hours=LEAD_H)),
        "sort_code": f"0-000-{parcel.number[-4:]}",
        "trans_type": "truck",
    }


def _detail(parcel: Parcel) -> dict[str, Any]:
    return _created(parcel) | {
        "client_order_code": parcel.reference,
        "status": parcel.code,
        "weight": parcel.weight_g,
        "cod_amount": parcel.cod_vnd,
        "cod_collect_date": NO_DATE,
        "cod_transfer_date": NO_DATE,
        "is_cod_transferred": False,
        "is_cod_collected": parcel.code == "delivered",
    }


def _event(parcel: Parcel, step: Step) -> dict[str, Any]:
    partly = step.reason == PARTLY
    reason = None if partly else step.reason
    paid = step.code == "Update_fee" and parcel.cod_vnd
    return {
        "CODAmount": parcel.cod_vnd,
        "CODTransferDate": utc(parcel.at) if paid else None,
        "ClientOrderCode": "" if step.leg else parcel.reference,
        "ConvertedWeight": parcel.weight_g,
        "Description": "",
        "Fee": {"MainService": parcel.freight_vnd, "R2S": 0, "Total": parcel.freight_vnd},
        "Height": 15,
        "Length": 30,
        "Width": 20,
        "Weight": parcel.weight_g,
        "IsPartialReturn": partly,
        "PartialReturnCode": parcel.number + LEG if partly else "",
        "OrderCode": parcel.number + step.leg,
        "PaymentType": 1,
        "Reason": "",
        "ReasonCode": reason or "",
        "ShopID": 100001,
        "Status": step.code if step.moves else parcel.code,
        "Time": utc(parcel.at),
        "TotalFee": parcel.freight_vnd,
        "Type": "switch_status" if step.moves else step.code,
        "Warehouse": "Bưu Cục Mẫu",
    }
