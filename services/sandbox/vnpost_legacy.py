"""A server that behaves like donhang.vnpost.vn's CustomerConnect as its clients describe it.

Its answer to `CreateOrder` is not documented; it has the names of the webhook here.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, Tokens, json_object, objection
from services.sandbox.clock import Clock
from services.sandbox.key import new_key, signature
from services.sandbox.options import VIETNAM_TIME
from services.sandbox.post_plans import legacy_plan
from services.sandbox.prices import PriceList, Product
from services.sandbox.statement import Ends
from services.sandbox.webhooks import Messenger
from services.sandbox.yard import Manner, Parcel, Yard, s10

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from services.sandbox.options import Options
    from services.sandbox.plans import Step
    from services.sandbox.serving import Joining

# Its item codes never meet those of the newer interface: they are the same carrier's.
ENDS: Final = Ends("VNP-CC", frozenset({"100"}), returned=frozenset({"170"}))
MANNER: Final = Manner(legacy_plan, lambda serial: s10(serial, "CC"), "20", ENDS)
PRICES: Final = PriceList(
    "vnpost_legacy", (Product("BK", "Bưu kiện", 0.9, 120), Product("EMS", "EMS", 1.7, 48)), 6000
)
PHONE: Final = re.compile(r"0\d{9}")
PARTY: Final = ("Fullname", "Address", "WardId", "ProvinceId")
PREFIX: Final = "/api/api"
TRIES: Final = frozenset({"91", "100"})


class VietnamPostLegacySandbox:
    """Gives out tokens, books, prices, and signs its webhooks. It cannot be asked or stopped."""

    def __init__(self, options: Options, key: rsa.RSAPrivateKey | None = None) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._options = options
        self._key = key or new_key()
        self._tokens = Tokens()

    def routes(self) -> list[web.RouteDef]:
        """The documented calls."""
        return [
            web.post(f"{PREFIX}/MobileAuthentication/GetAccessToken", self.get_access_token),
            web.post(f"{PREFIX}/CustomerConnect/CreateOrder", self.create_order),
            web.post(f"{PREFIX}/CustomerConnect/TinhCuocTatCaDichVu", self.prices),
        ]

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""
        self._tokens.forget()

    def joining(self) -> Joining:
        """Its public key, as modulus and exponent."""
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
        named = {"modulus": base64.b64encode(modulus).decode("ascii"), "exponent": "AQAB"}
        return {"secrets": [], "public_key": json.dumps(named)}

    async def get_access_token(self, request: web.Request) -> web.Response:
        """User name and password for a token."""
        body = await json_object(request)
        known = (self._options.username, self._options.password)
        if (body.get("TenDangNhap"), body.get("MatKhau")) != known:
            return refusal("Tài khoản hoặc mật khẩu không đúng")
        token, _ends = self._tokens.give(self._options.token_s)
        return web.json_response({"IsSuccess": True, "Token": token})

    async def create_order(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it."""
        if not self._authorised(request):
            return unauthorised()
        order = await json_object(request)
        if complaint := self._complaint(order):
            return refusal(complaint)
        weight, service = int(order["WeightEvaluation"]), str(order["ServiceName"])
        lane = str(order["SenderProvinceId"]), str(order["ReceiverProvinceId"])
        parcel = self.yard.accept(
            str(order.get("OrderCode") or ""),
            service=service,
            weight_g=weight,
            cod_vnd=int(order.get("CodAmountEvaluation") or 0),
            price_vnd=PRICES.price_vnd(service, *lane, weight),
            recipient=str(order["ReceiverFullname"]),
        )
        return web.json_response(_view(parcel))

    async def prices(self, request: web.Request) -> web.Response:
        """Every service of the lane with its price."""
        if not self._authorised(request):
            return unauthorised()
        body = await json_object(request)
        lane = str(body.get("SenderProvinceId")), str(body.get("ReceiverProvinceId"))
        offers = PRICES.offers(*lane, int(body.get("Weight") or 0))
        names = ("MaDichVu", "TongCuocSauVAT", "TongCuocBaoGomDVCT")
        rows = [(offer.product.code, offer.price_vnd, offer.price_vnd) for offer in offers]
        return web.json_response([dict(zip(names, row, strict=True)) for row in rows])

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("OrderCode") or "")
        for side in ("Sender", "Receiver"):
            if not PHONE.fullmatch(str(order.get(f"{side}Tel"))):
                return "Số điện thoại không hợp lệ"
            if not all(order.get(f"{side}{name}") for name in PARTY):
                return "Thiếu thông tin người gửi hoặc người nhận"
        weighed = isinstance(order.get("WeightEvaluation"), int)
        if order.get("ServiceName") not in {"BK", "EMS"} or not weighed:
            return "Dữ liệu không hợp lệ"
        return objection(self.yard, reference)

    def _authorised(self, request: web.Request) -> bool:
        return self._tokens.holds(request.headers.get("h-token", ""))

    def _tell(self, parcel: Parcel, step: Step) -> None:
        data = json.dumps(_event(parcel, step), ensure_ascii=False)
        sent = f"{parcel.at:%d/%m/%Y %H:%M:%S}"
        body = {"Data": data, "SendDate": sent, "SignData": signature(self._key, data + sent)}
        self.messenger.send(
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json"},
            self.yard.chance(parcel.number, step.code, sent),
        )


def refusal(message: str) -> web.Response:
    """An answer without an order, with HTTP 200."""
    return web.json_response({"IsSuccess": False, "ErrorMessage": message})


def unauthorised() -> web.Response:
    """The token is not, or not any more, a good one."""
    body = {"IsSuccess": False, "ErrorMessage": "Unauthorized"}
    return web.json_response(body, status=UNAUTHORISED)


def _view(parcel: Parcel) -> dict[str, Any]:
    return {
        "Id": parcel.carrier_ref,
        "ItemCode": parcel.number,
        "OrderCode": parcel.reference,
        "TotalFreightIncludeVat": parcel.freight_vnd,
    }


def _event(parcel: Parcel, step: Step) -> dict[str, Any]:
    return {
        **_view(parcel),
        "CustomerCode": "",
        "OrderStatusId": int(step.code),
        "ServiceName": parcel.service,
        "CodAmount": parcel.cod_vnd,
        "Weight": parcel.weight_g,
        "AcceptancePoscode": "100000",
        "DestinationPoscode": "700000",
        "CauseCode": step.reason,
        "CauseName": "",
        "DeliveryTimes": sum(code in TRIES for _at, code in parcel.history),
        "DeliveryNote": "",
        "IsReturn": step.returning or parcel.returning,
        "LastUpdateTime": f"{parcel.at.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M:%S}",
        "CreateTime": f"{parcel.history[0][0]:%d/%m/%Y %H:%M:%S}",
    }
