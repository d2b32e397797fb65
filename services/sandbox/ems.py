"""A server that behaves like EMS's MerchantSite as far as its documents go.

Its own news of parcels at home are codes 1, 2 and 4 in MerchantSite's form and 11000 in MyEMS's. The end of a parcel
it tells as EMSEVT events in our generic form: EMS's codes for that are not known, so this is ours.
A parcel abroad lives by EMSEVT from its posting on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aiohttp import web

from schemas.s10 import is_s10
from services.sandbox.callers import UNAUTHORISED, json_object, objection
from services.sandbox.clock import Clock
from services.sandbox.month.door import sign
from services.sandbox.post_plans import TO_HANDS, ems_plan, ems_plan_abroad
from services.sandbox.prices import PriceList, Product
from services.sandbox.statement import Ends
from services.sandbox.webhooks import Messenger
from services.sandbox.yard import NAMESPACE, Manner, Parcel, Yard, s10

if TYPE_CHECKING:
    import random

    from services.sandbox.options import Options
    from services.sandbox.plans import Step
    from services.sandbox.serving import Joining

ENDS: Final = Ends("EMS", frozenset({"EMI"}))
MANNER: Final = Manner(ems_plan, lambda serial: s10(serial, "EA"), "1", ENDS)
PRICES: Final = PriceList(
    "ems",
    (
        Product("EMS", "EMS", 1.6, 48),
        Product("ECO", "Eco", 1.0, 96),
        Product("EMS-QT", "EMS quốc tế", 40.0, 240),
    ),
    6000,
)
CANCELLABLE: Final = frozenset({"1", "2"})
JSON: Final = {"Content-Type": "application/json"}
REQUIRED: Final = ("name", "phone", "province", "ward", "address")
REQUIRED_ABROAD: Final = ("name", "phone", "address")
COUNTRY: Final = "to_country"
NUMBER: Final = "tracking_code"
"""Fields of our own making: EMS does not say how a parcel abroad and its number are told."""
NAMES: Final = {
    "1": "Đã tạo đơn hàng, chờ duyệt lấy hàng",
    "2": "Đã duyệt đơn hàng, chờ lấy hàng",
    "4": "Đang vận chuyển",
    TO_HANDS: "Đã giao cho bưu tá",
}


class EmsSandbox:
    """Books, prices with the booking, traces, cancels, and tells in three forms."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._options = options

    def routes(self) -> list[web.RouteDef]:
        """The documented calls, and a cancel call whose path is ours."""
        return [
            web.post("/orders/create-v2", self.create_order),
            web.get("/orders/tracking/{number}", self.tracking),
            web.post("/orders/cancel/{number}", self.cancel_order),
        ]

    def forget_tokens(self) -> None:
        """The merchant's token never changes."""

    def joining(self) -> Joining:
        """The secret in the URLs we send to, and the one EMSEVT events are signed with."""
        secrets = [self._options.webhooks.secret, self._signing_secret]
        return {"secrets": secrets, "public_key": None}

    @property
    def _signing_secret(self) -> str:
        made = hashlib.sha256(f"emsevt|{self._options.webhooks.secret}".encode()).digest()
        return f"whsec_{base64.b64encode(made).decode()}"

    async def create_order(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it."""
        if not self._authorised(request):
            return unauthorised()
        order = await json_object(request)
        if complaint := self._complaint(order):
            return refusal(complaint)
        weight, service = int(order["total_weight"]), str(order["service"])
        abroad, reference = str(order.get(COUNTRY) or ""), str(order.get("order_code") or "")
        lane = str(order["from_province"]), abroad or str(order["to_province"])
        parcel = self.yard.accept(
            reference,
            service=service,
            weight_g=weight,
            cod_vnd=int(order.get("money_collect") or 0),
            price_vnd=PRICES.price_vnd(service, *lane, weight),
            recipient=str(order["to_name"]),
            number=order.get(NUMBER) or None,
        )
        if abroad:
            chance = self.yard.chance(reference, "abroad")
            self.yard.lead(parcel, ems_plan_abroad(chance, self._options.lives))
        return success(_created(parcel))

    async def tracking(self, request: web.Request) -> web.Response:
        """A parcel's history by its tracking code alone, newest first."""
        if not self._authorised(request):
            return unauthorised()
        parcel = self.yard.by_number.get(request.match_info["number"])
        if parcel is None:
            return refusal("Không tìm thấy bưu gửi")
        lines = [
            {
                "status": code,
                "address": "BCP Mẫu",
                "description": NAMES.get(code, ""),
                "tracedate": f"{at:%Y-%m-%d %H:%M:%S}",
            }
            for at, code in reversed(parcel.history)
        ]
        data = {"tracking_code": parcel.number, "status": parcel.code, "__get_status": lines}
        return success(data | {"total_weight": parcel.weight_g})

    async def cancel_order(self, request: web.Request) -> web.Response:
        """Before anybody collected it. EMS's code for it is not known: no webhook tells."""
        if not self._authorised(request):
            return unauthorised()
        parcel = self.yard.by_number.get(request.match_info["number"])
        if parcel is None or parcel.code not in CANCELLABLE or not parcel.open:
            return refusal("Không thể hủy đơn hàng")
        self.yard.lead(parcel, ())
        self.yard.totals["cancelled"] += 1
        return success(None)

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("order_code") or "")
        needed = {"from": REQUIRED, "to": REQUIRED_ABROAD if order.get(COUNTRY) else REQUIRED}
        for side, names in needed.items():
            if not all(order.get(f"{side}_{name}") for name in names):
                return "Thiếu thông tin người gửi hoặc người nhận"
        if order.get(COUNTRY) and order.get("money_collect"):
            return "Không thu hộ ở nước ngoài"
        if (number := order.get(NUMBER)) and (number in self.yard.by_number or not is_s10(number)):
            return "Mã vận đơn không hợp lệ hoặc đã tồn tại"
        if not isinstance(order.get("total_weight"), int) or not order.get("service"):
            return "Dữ liệu không hợp lệ"
        return objection(self.yard, reference)

    def _authorised(self, request: web.Request) -> bool:
        return request.query.get("merchant_token") == self._options.password

    def _tell(self, parcel: Parcel, step: Step) -> None:
        if step.code.isdigit():
            self._tell_as_ems(parcel, step)
        else:
            self._tell_as_operator(parcel, step)

    def _tell_as_ems(self, parcel: Parcel, step: Step) -> None:
        """In the form a code is known in, until the transaction is echoed."""
        hooks = self._options.webhooks
        api = "myems" if step.code == TO_HANDS else "merchantsite"
        base = (hooks.url or "").replace("/merchantsite/", f"/{api}/")
        transaction = str(uuid.uuid5(NAMESPACE, f"{parcel.number}|{step.code}|{parcel.at}"))
        self.messenger.send(
            _bytes(_myems(parcel, step) if api == "myems" else _merchantsite(parcel, step)),
            {**JSON, "ems-transaction": transaction},
            self._chance(parcel, step),
            url=f"{base}?{urlencode({'key': hooks.secret})}",
            echo={"code": "success", "transaction": transaction},
        )

    def _tell_as_operator(self, parcel: Parcel, step: Step) -> None:
        """An EMSEVT event in our generic form, as a partner of its own."""
        gateway = (self._options.webhooks.url or "").partition("/v1/carriers/")[0]
        self.messenger.send(
            _bytes(_emsevt(parcel, step)),
            JSON,
            self._chance(parcel, step),
            url=f"{gateway}/v1/partners/ems-emsevt/events",
            sign=lambda body: sign(self._signing_secret, body),
        )

    def _chance(self, parcel: Parcel, step: Step) -> random.Random:
        return self.yard.chance(parcel.number, step.code, str(parcel.at))


def success(data: object) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"code": "success", "message": "", "data": data})


def refusal(message: str) -> web.Response:
    """The envelope when it did not, with HTTP 200."""
    return web.json_response({"code": "error", "message": message, "data": None})


def unauthorised() -> web.Response:
    """The merchant token is not one of ours."""
    return web.json_response({"code": "error", "message": "merchant_token"}, status=UNAUTHORISED)


def _created(parcel: Parcel) -> dict[str, Any]:
    return {
        "tracking_code": parcel.number,
        "courier_code": f"EMS{parcel.number[2:5]}",
        "status_code": 1,
        "fee": {"fee": parcel.freight_vnd, "remote_fee": 0},
        "vas": {"total_vas": 0, "vas_detail": []},
        "money_collect": parcel.cod_vnd,
    }


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _merchantsite(parcel: Parcel, step: Step) -> dict[str, Any]:
    return {
        "tracking_code": parcel.number,
        "order_code": parcel.reference,
        "status_code": int(step.code),
        "status_name": NAMES.get(step.code, ""),
        "note": "",
        "locate": "KTC1 Mẫu",
        "datetime": f"{parcel.at:%d/%m/%Y %H:%M:%S}",
        "total_weight": parcel.weight_g,
        "money_collect": parcel.cod_vnd,
        "total_fee": parcel.freight_vnd,
    }


def _myems(parcel: Parcel, step: Step) -> dict[str, Any]:
    fees = {"shipping_fee": parcel.freight_vnd, "cod_fee": 0, "handling_fee": 0}
    return {
        "TrackingCode": parcel.number,
        "OrderCode": parcel.reference,
        "Weight": parcel.weight_g,
        "StatusCode": int(step.code),
        "StatusName": NAMES.get(step.code, ""),
        "Location": "BCP Mẫu",
        "Note": None,
        "CreatedAt": f"{parcel.at:%Y-%m-%d %H:%M:%S}",
        "Fee": [
            {"FeeCode": code, "FeeValue": vnd, "Currency": "VND"} for code, vnd in fees.items()
        ],
    }


def _emsevt(parcel: Parcel, step: Step) -> dict[str, Any]:
    event = {
        "event_id": str(uuid.uuid5(NAMESPACE, f"emsevt|{parcel.number}|{step.code}|{parcel.at}")),
        "tracking_no": parcel.number,
        "code": step.code,
        "reason_code": None,
        "occurred_at": parcel.at.isoformat(timespec="seconds"),
        "facility": {"code": "MAU01", "name": "BCP Mẫu"},
        "cod_collected_vnd": parcel.cod_vnd if step.code == "EMI" and parcel.cod_vnd else None,
    }
    stamp = parcel.at.isoformat(timespec="seconds")
    return {"type": "tracking.events", "timestamp": stamp, "data": event}
