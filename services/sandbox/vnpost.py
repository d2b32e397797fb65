"""A server that behaves like MyVNPost as three clients of it describe it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, Tokens, json_object, objection
from services.sandbox.clock import Clock
from services.sandbox.key import new_key, public_pem, signature
from services.sandbox.plans import Step, vnpost_plan
from services.sandbox.prices import VNPOST
from services.sandbox.statement import Ends
from services.sandbox.webhooks import Messenger
from services.sandbox.yard import Manner, Parcel, Yard, s10

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

ENDS: Final = Ends("VNP", frozenset({"14"}), frozenset({"23"}), frozenset({"19"}))
MANNER: Final = Manner(vnpost_plan, s10, "1", ENDS)
CANCELLABLE: Final = frozenset({"1", "2", "3", "4", "5"})
CORRECTABLE: Final = frozenset({*"12345678", "101"})
AFFAIRS: Final = frozenset({"01", "02", "04", "08"})
CANCELLED: Final = Step(0.05, "9")
CANCELLED_LATER: Final = Step(2.0, "9")
PHONE: Final = re.compile(r"0\d{9}")
COD: Final = re.compile(r"PROP0018:(\d+)")


class VietnamPostSandbox:
    """Gives out tokens, books, prices, cancels, answers questions, and signs its webhooks."""

    def __init__(self, options: Options, key: rsa.RSAPrivateKey | None = None) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._options = options
        self._key = key or new_key()
        self._tokens = Tokens()

    @property
    def public_key_pem(self) -> str:
        """What a customer checks the webhooks with."""
        return public_pem(self._key)

    def routes(self) -> list[web.RouteDef]:
        """The calls that we make."""
        return [
            web.post("/GetAccessToken", self.get_access_token),
            web.get("/getNewProvinceAll", self.get_new_province_all),
            web.post("/CreateOrder", self.create_order),
            web.post("/ServicesCharge", self.services_charge),
            web.post("/orderCancel", self.order_cancel),
            web.post("/orderCorrection", self.order_correction),
            web.get("/getOrder", self.get_order),
            web.get("/GetStatusHistoryOrder", self.get_status_history_order),
        ]

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""
        self._tokens.forget()

    def joining(self) -> Joining:
        """The public half of the key it signs with."""
        return {"secrets": [], "public_key": self.public_key_pem}

    async def get_access_token(self, request: web.Request) -> web.Response:
        """User name, password and customer code for a token."""
        body = await json_object(request)
        known = (self._options.username, self._options.password, self._options.customer_code)
        if (body.get("username"), body.get("password"), body.get("customerCode")) != known:
            return refusal("Tài khoản hoặc mật khẩu không đúng")
        token, _ends = self._tokens.give(self._options.token_s)
        return web.json_response({"success": True, "errorMessage": "", "token": token})

    async def get_new_province_all(self, request: web.Request) -> web.Response:
        """No list is known: an empty one, for whom the token is good."""
        return web.json_response([]) if self._authorised(request) else unauthorised()

    async def create_order(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it."""
        if not self._authorised(request):
            return unauthorised()
        body = await json_object(request)
        order = body.get("informationOrder")
        if not isinstance(order, dict) or body.get("orderCreationStatus") != 1:
            return refusal("Dữ liệu không hợp lệ")
        if complaint := self._complaint(order):
            return refusal(complaint)
        parcel = self.yard.accept(
            str(order.get("saleOrderCode") or ""),
            service=str(order["serviceCode"]),
            weight_g=int(order["weight"]),
            cod_vnd=_cod(order.get("addonService")),
            price_vnd=_price(order, str(order["serviceCode"])),
            recipient=str(order["receiverName"]),
        )
        return web.json_response(_view(parcel))

    async def services_charge(self, request: web.Request) -> web.Response:
        """Every service of the lane with its price."""
        if not self._authorised(request):
            return unauthorised()
        body = await json_object(request)
        data = body.get("data")
        if (
            not isinstance(data, dict)
            or body.get("scope") != 1
            or not data.get("senderProvinceCode")
        ):
            return refusal("Dữ liệu không hợp lệ")
        if self.yard.refuses(f"price|{json.dumps(data, sort_keys=True)}"):
            return refusal("Không hỗ trợ tuyến này")
        charged = _charged_g(data)
        return web.json_response(
            [
                {
                    "serviceCode": offer.product.code,
                    "serviceName": offer.product.name,
                    "mainFee": offer.price_vnd,
                    "vasfee": 0,
                    "totalFee": offer.price_vnd,
                    "priceWeight": charged,
                    "weightConvert": charged,
                }
                for offer in VNPOST.offers(*_lane(data), charged)
            ]
        )

    async def order_correction(self, request: web.Request) -> web.Response:
        """Change an order at status 1 to 8 or 101; what each AffairType means is not known."""
        if not self._authorised(request):
            return unauthorised()
        body = await json_object(request)
        parcel = self.yard.by_carrier_ref.get(str(body.get("OriginalId")))
        order = body.get("informationOrder")
        if parcel is None or parcel.code not in CORRECTABLE or not isinstance(order, dict):
            return refusal("Không thể hiệu chỉnh đơn hàng")
        if body.get("AffairType") not in AFFAIRS:
            return refusal("Dữ liệu không hợp lệ")
        parcel.weight_g = int(order["weight"])
        parcel.cod_vnd = _cod(order.get("addonService"))
        return web.json_response({"Type": "00", "Message": "", "CaseId": parcel.number})

    async def order_cancel(self, request: web.Request) -> web.Response:
        """Done ("00"), or noted ("02"): then status 9 comes later."""
        if not self._authorised(request):
            return unauthorised()
        wanted = str((await json_object(request)).get("OriginalId"))
        parcel = self.yard.by_carrier_ref.get(wanted)
        if parcel is None or not cancellable(parcel):
            return refusal("Không thể hủy đơn hàng")
        kind = cancel(self.yard, parcel)
        return web.json_response({"Type": kind, "Message": "", "CaseId": parcel.number})

    async def get_order(self, request: web.Request) -> web.Response:
        """An order by item code or by the customer's own code; phones come back masked."""
        if not self._authorised(request):
            return unauthorised()
        parcel = self.yard.find(request.query.get("code", ""))
        if parcel is None:
            return refusal("Không tìm thấy đơn hàng")
        return web.json_response(_view(parcel) | {"receiverPhone": "09++++++01"})

    async def get_status_history_order(self, request: web.Request) -> web.Response:
        """Everything that happened to an order: day and hour apart, without a zone."""
        if not self._authorised(request):
            return unauthorised()
        parcel = self.yard.find(request.query.get("code", ""))
        if parcel is None:
            return refusal("Không tìm thấy đơn hàng")
        told = [
            {
                "createdDate": f"{at:%d/%m/%Y}",
                "createdHour": f"{at:%H:%M:%S}",
                "statusCode": code,
                "statusName": "",
            }
            for at, code in parcel.history
        ]
        return web.json_response({"statusHistory": told})

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("saleOrderCode") or "")
        for side in ("sender", "receiver"):
            if not PHONE.fullmatch(str(order.get(f"{side}Phone"))):
                return "Số điện thoại không hợp lệ"
            if not order.get(f"{side}CommuneCode") or not order.get(f"{side}Name"):
                return "Thiếu thông tin người gửi hoặc người nhận"
        weight = order.get("weight")
        if not isinstance(weight, str) or not weight.isdigit() or not order.get("serviceCode"):
            return "Dữ liệu không hợp lệ"
        return objection(self.yard, reference)

    def _authorised(self, request: web.Request) -> bool:
        return self._tokens.holds(request.headers.get("token", ""))

    def _tell(self, parcel: Parcel, step: Step) -> None:
        sent = f"{parcel.at:%Y-%m-%d %H:%M:%S}"
        item = _view(parcel) | {"status": step.code, "weight": str(parcel.weight_g)}
        body = {
            "data": [item],
            "sendDate": sent,
            "signature": signature(self._key, f"MYVNP{sent}{parcel.number}{step.code}"),
        }
        self.messenger.send(
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json"},
            self.yard.chance(parcel.number, step.code, sent),
        )


def cancellable(parcel: Parcel) -> bool:
    """Until somebody has collected it."""
    return parcel.code in CANCELLABLE


def cancel(yard: Yard, parcel: Parcel) -> str:
    """Cancel now ("00"), or take note and cancel later ("02")."""
    chance = yard.chance(parcel.number, "cancel")
    if chance.random() < yard.options.mischief.cancel_pending:
        yard.lead(parcel, [CANCELLED_LATER])
        return "02"
    yard.lead(parcel, ())
    yard.happen(parcel, CANCELLED)
    return "00"


def refusal(message: str) -> web.Response:
    """An answer without an order, with HTTP 200."""
    return web.json_response({"success": False, "errorMessage": message})


def unauthorised() -> web.Response:
    """The token is not, or not any more, a good one."""
    body = {"success": False, "errorMessage": "Unauthorized"}
    return web.json_response(body, status=UNAUTHORISED)


def _lane(order: dict[str, Any]) -> tuple[str, str]:
    return str(order.get("senderProvinceCode")), str(order.get("receiverProvinceCode"))


def _charged_g(order: dict[str, Any]) -> int:
    sides = [int(order.get(side) or 0) for side in ("length", "width", "height")]
    return VNPOST.charged_g(int(order.get("weight") or 0), *sides)


def _price(order: dict[str, Any], service: str) -> int:
    return VNPOST.price_vnd(service, *_lane(order), _charged_g(order))


def _cod(addons: object) -> int:
    found = COD.search(json.dumps(addons))
    return int(found[1]) if found else 0


def _view(parcel: Parcel) -> dict[str, Any]:
    return {
        "orderHdrID": parcel.carrier_ref,
        "originalID": parcel.carrier_ref,
        "itemCode": parcel.number,
        "saleOrderCode": parcel.reference,
        "status": parcel.code,
        "totalFee": parcel.freight_vnd,
    }
