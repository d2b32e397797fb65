"""A server that behaves like partner.viettelpost.vn as its document of November 2025 says."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import Tokens, json_object
from services.sandbox.clock import Clock
from services.sandbox.options import VIETNAM_TIME
from services.sandbox.plans import (
    Step,
    viettelpost_plan,
    viettelpost_redelivery,
    viettelpost_return,
)
from services.sandbox.statement import Ends
from services.sandbox.viettelpost_places import provinces, wards
from services.sandbox.viettelpost_prices import price_rows, price_vnd, understood
from services.sandbox.webhooks import Messenger
from services.sandbox.yard import Manner, Parcel, Yard, eleven_digits

if TYPE_CHECKING:
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

ENDS: Final = Ends("VTP", frozenset({"501"}), returned=frozenset({"504"}), lost=frozenset({"503"}))
MANNER: Final = Manner(viettelpost_plan, eleven_digits, "100", ENDS)
TEXT_BYTES: Final = 150
SHORT_TOKEN_S: Final = 300.0
BEFORE_ACCEPTANCE: Final = 200
NOT_CANCELLABLE: Final = frozenset({"105", "107", "101"})
AWAITING_DECISION: Final = "505"
CANCELLED: Final = Step(0.05, "107")
APPROVED: Final = Step(0.1, "515")
REQUIRED: Final = ("FULLNAME", "PHONE", "ADDRESS")


class ViettelPostSandbox:
    """Logs in, books, prices, cancels, and tells of every step by webhook."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._options = options
        self._tokens = Tokens()

    def routes(self) -> list[web.RouteDef]:
        """The calls of the document that we make."""
        return [
            web.post("/v2/user/Login", self.login),
            web.post("/v2/user/ownerconnect", self.owner_connect),
            web.get("/v2/user/listInventory", self.list_inventory),
            web.post("/v2/order/createOrderNlp", self.create_order),
            web.post("/v2/order/createOrder", self.create_order),
            web.post("/v2/order/UpdateOrder", self.update_order),
            web.post("/v2/order/edit", self.edit),
            web.post("/v2/order/getPriceAll", self.price_all),
            web.post("/v2/order/getPriceAllNlp", self.price_all_by_text),
            web.get("/v3/categories/listProvinceNew", self.list_provinces),
            web.get("/v3/categories/listWardsNew", self.list_wards),
        ]

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""
        self._tokens.forget()

    def joining(self) -> Joining:
        """The header's secret and the body's token."""
        hooks = self._options.webhooks
        return {"secrets": sorted({hooks.secret, hooks.token}), "public_key": None}

    async def login(self, request: web.Request) -> web.Response:
        """User name and password for a short-lived token."""
        body = await json_object(request)
        known = (self._options.username, self._options.password)
        if (body.get("USERNAME"), body.get("PASSWORD")) != known:
            return refusal("Tài khoản hoặc mật khẩu không đúng")
        return success(self._new_token(SHORT_TOKEN_S))

    async def owner_connect(self, request: web.Request) -> web.Response:
        """A short-lived token for a long-lived one."""
        if not self._authorised(request):
            return refusal("Token invalid")
        return success(self._new_token(self._options.token_s))

    async def list_inventory(self, request: web.Request) -> web.Response:
        """The account's pick-up addresses: none."""
        return success([]) if self._authorised(request) else refusal("Token invalid")

    async def create_order(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it."""
        if not self._authorised(request):
            return refusal("Token invalid")
        order = await json_object(request)
        if complaint := self._complaint(order):
            return refusal(complaint)
        service = str(order["ORDER_SERVICE"])
        parcel = self.yard.accept(
            str(order.get("ORDER_NUMBER") or ""),
            service=service,
            weight_g=int(order.get("PRODUCT_WEIGHT") or 50),
            cod_vnd=int(order.get("MONEY_COLLECTION") or 0),
            price_vnd=price_vnd(order, service),
            recipient=str(order["RECEIVER_FULLNAME"]),
            at=_moment(order.get("DELIVERY_DATE")),
        )
        return success(_created(parcel))

    async def update_order(self, request: web.Request) -> web.Response:
        """Types 2 approve a return, 3 deliver again (both at 505), 4 cancel (below 200)."""
        if not self._authorised(request):
            return refusal("Token invalid")
        body = await json_object(request)
        parcel = self.yard.by_number.get(str(body.get("ORDER_NUMBER")))
        if parcel is None:
            return refusal("Đơn hàng không tồn tại")
        match body.get("TYPE"):
            case 4 if cancellable(parcel):
                self.yard.lead(parcel, ())
                self.yard.happen(parcel, CANCELLED)
                return success(None)
            case 2 if parcel.code == AWAITING_DECISION:
                self.yard.lead(parcel, [APPROVED, *viettelpost_return(self._chance(parcel))])
                return success(None)
            case 3 if parcel.code == AWAITING_DECISION:
                self.yard.lead(parcel, viettelpost_redelivery(self._chance(parcel)))
                return success(None)
            case _:
                return refusal("Trạng thái đơn hàng không hợp lệ")

    async def edit(self, request: web.Request) -> web.Response:
        """Change an order that was not collected; ORDER_NUMBER is the waybill here."""
        if not self._authorised(request):
            return refusal("Token invalid")
        order = await json_object(request)
        parcel = self.yard.by_number.get(str(order.get("ORDER_NUMBER")))
        if parcel is None or not cancellable(parcel):
            return refusal("Trạng thái đơn hàng không hợp lệ")
        parcel.weight_g = int(order.get("PRODUCT_WEIGHT") or parcel.weight_g)
        parcel.cod_vnd = int(order.get("MONEY_COLLECTION") or 0)
        parcel.service = str(order.get("ORDER_SERVICE") or parcel.service)
        parcel.freight_vnd = price_vnd(order, parcel.service)
        return success(_created(parcel))

    async def price_all(self, request: web.Request) -> web.Response:
        """Prices by ids: a bare array, unlike every other answer."""
        return await self._prices(request, by_text=False)

    async def price_all_by_text(self, request: web.Request) -> web.Response:
        """Prices by text, with the places it understood."""
        return await self._prices(request, by_text=True)

    async def _prices(self, request: web.Request, *, by_text: bool) -> web.Response:
        if not self._authorised(request):
            return refusal("Token invalid")
        body = await json_object(request)
        named = "ADDRESS" if by_text else "PROVINCE"
        if not body.get(f"SENDER_{named}") or not body.get(f"RECEIVER_{named}"):
            return refusal("Dữ liệu không hợp lệ")
        if self.yard.refuses(f"price|{json.dumps(body, sort_keys=True)}"):
            return refusal("Price does not apply to this itinerary!")
        rows = price_rows(body)
        return web.json_response(understood(body) | {"RESULT": rows} if by_text else rows)

    async def list_provinces(self, request: web.Request) -> web.Response:
        """The 34 provinces."""
        return success(provinces()) if self._authorised(request) else refusal("Token invalid")

    async def list_wards(self, request: web.Request) -> web.Response:
        """A province's communes."""
        if not self._authorised(request):
            return refusal("Token invalid")
        return success(wards().get(request.query.get("provinceId", ""), []))

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("ORDER_NUMBER") or "")
        for side in ("SENDER", "RECEIVER"):
            if not all(order.get(f"{side}_{name}") for name in REQUIRED):
                return "Thiếu thông tin người gửi hoặc người nhận"
            if len(str(order[f"{side}_ADDRESS"]).encode()) > TEXT_BYTES:
                return "Địa chỉ vượt quá 150 ký tự"
        if order.get("ORDER_PAYMENT") not in {1, 2, 3, 4} or not order.get("ORDER_SERVICE"):
            return "Dữ liệu không hợp lệ"
        if order.get("CHECK_UNIQUE") and reference in self.yard.by_reference:
            self.yard.totals["refused_repeated"] += 1
            return "Mã đơn hàng đã tồn tại"
        if self.yard.refuses(reference):
            return "Price does not apply to this itinerary!"
        return None

    def _chance(self, parcel: Parcel) -> Any:
        return self.yard.chance(parcel.number, "decision")

    def _authorised(self, request: web.Request) -> bool:
        return self._tokens.holds(request.headers.get("Token", ""))

    def _new_token(self, seconds: float) -> dict[str, Any]:
        token, ends = self._tokens.give(seconds)
        return {"userId": 1, "token": token, "expired": int(ends * 1000)}

    def _tell(self, parcel: Parcel, step: Step) -> None:
        hooks = self._options.webhooks
        body = {"DATA": _event(parcel, step), "TOKEN": hooks.token}
        self.messenger.send(
            json.dumps(body, ensure_ascii=False).encode(),
            {"Authorization": hooks.secret, "Content-Type": "application/json"},
            self.yard.chance(parcel.number, step.code, str(parcel.at)),
        )


def success(data: object) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"status": 200, "error": False, "message": "OK", "data": data})


def refusal(message: str) -> web.Response:
    """The envelope when it did not: HTTP says 200 all the same."""
    return web.json_response({"status": 204, "error": True, "message": message, "data": None})


def _moment(text: object) -> datetime | None:
    """`dd/MM/yyyy HH:mm:ss` without a zone: Vietnam's time."""
    try:
        return datetime.strptime(str(text), "%d/%m/%Y %H:%M:%S").replace(tzinfo=VIETNAM_TIME)
    except ValueError:
        return None


def cancellable(parcel: Parcel) -> bool:
    """Below status 200, not at 105 or 107 (nor at 101, which has ended it)."""
    return int(parcel.code) < BEFORE_ACCEPTANCE and parcel.code not in NOT_CANCELLABLE


def _created(parcel: Parcel) -> dict[str, Any]:
    return {
        "ORDER_NUMBER": parcel.number,
        "MONEY_COLLECTION": parcel.cod_vnd,
        "EXCHANGE_WEIGHT": parcel.weight_g,
        "MONEY_TOTAL": parcel.freight_vnd,
        "MONEY_TOTAL_FEE": parcel.freight_vnd,
        "MONEY_FEE": 0,
        "MONEY_VAT": 0,
        "KPI_HT": 72,
        "SORT_CODE": f"S{parcel.number[-4:]}",
    }


def _event(parcel: Parcel, step: Step) -> dict[str, Any]:
    return {
        "ORDER_NUMBER": parcel.number + step.leg,
        "ORDER_REFERENCE": parcel.reference,
        "ORDER_STATUSDATE": f"{parcel.at:%d/%m/%Y %H:%M:%S}",
        "ORDER_STATUS": int(step.code),
        "STATUS_NAME": "",
        "LOCALION_CURRENTLY": "BC Mẫu",
        "LOCATION_CURRENTLY": "BC Mẫu",
        "NOTE": "",
        "MONEY_COLLECTION": parcel.cod_vnd,
        "MONEY_COLLECTION_ORIGIN": parcel.cod_vnd if int(step.code) >= BEFORE_ACCEPTANCE else None,
        "MONEY_TOTAL": parcel.freight_vnd,
        "EXPECTED_DELIVERY": "Khoảng 3 ngày làm việc",
        "EXPECTED_DELIVERY_DATE": None,
        "PRODUCT_WEIGHT": parcel.weight_g,
        "ORDER_SERVICE": parcel.service,
        "ORDER_SERVICE_ADD": "",
        "ORDER_PAYMENT": 3 if parcel.cod_vnd else 1,
        "DETAIL": [],
        "EMPLOYEE_NAME": "",
        "EMPLOYEE_PHONE": "",
        "IS_RETURNING": step.returning or parcel.returning,
        "POD": {"IMAGES": []},
        "REASON_CODE": step.reason,
        "RECEIVER_FULLNAME": parcel.recipient,
        "ORDER_NOTE": "",
        "GROUPADDRESS_ID": 0,
    }
