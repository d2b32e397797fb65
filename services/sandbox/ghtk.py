"""A server that behaves like services.giaohangtietkiem.vn as its documents say."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, json_object
from services.sandbox.clock import Clock
from services.sandbox.ghtk_life import PARTLY, ghtk_plan
from services.sandbox.options import VIETNAM_TIME
from services.sandbox.plans import Step
from services.sandbox.prices import GHTK
from services.sandbox.statement import Ends
from services.sandbox.webhooks import Messenger, with_secret_in_url
from services.sandbox.yard import Manner, Parcel, Yard

if TYPE_CHECKING:
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

RETRIES: Final = 1
CANCELLABLE: Final = frozenset({"1", "2", "12"})
CANCELLED: Final = Step(0.05, "-1")
NEEDED: Final = (
    *("pick_name", "pick_address", "pick_province", "pick_tel"),
    *("name", "tel", "address", "province", "ward", "hamlet"),
)
OPENS: Final = time(7, 30)


def label(serial: int) -> str:
    """`S<digits>.<hub>.<hub>.<digits>`: with dots."""
    return f"S{serial % 10**7:07d}.SGP{serial % 30:02d}.BO{serial % 7}.{serial % 10**10:010d}"


ENDS: Final = Ends("GHTK", frozenset({"5"}), returned=frozenset({"21"}), lost=frozenset({"13"}))
MANNER: Final = Manner(ghtk_plan, label, "1", ENDS)


class GhtkSandbox:
    """Books, prices, cancels, answers questions about labels, and tells of steps by a form."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self._hooks = with_secret_in_url(options.webhooks, "hash", RETRIES)
        self.messenger = Messenger(self._hooks, options.mischief, clock)
        self.yard = Yard(options, clock, MANNER, self._tell)
        self._token = options.password

    def routes(self) -> list[web.RouteDef]:
        """The calls of the documents that a booking needs."""
        return [
            web.post("/services/shipment/order/", self.create),
            web.get("/services/shipment/fee", self.fee),
            web.post("/services/shipment/cancel/{named}", self.cancel),
            web.get("/services/shipment/v2/{label}", self.status),
        ]

    def forget_tokens(self) -> None:
        """There are none: the token is the account's own."""

    def joining(self) -> Joining:
        """The secret in the URL that was entered in the account."""
        return {"secrets": [self._hooks.secret], "public_key": None}

    async def create(self, request: web.Request) -> web.Response:
        """Take an order on, unless a rule or chance is against it; an id is taken once."""
        if not self._authorised(request):
            return unauthorised()
        body = await json_object(request)
        order, products = body.get("order"), body.get("products")
        if not isinstance(order, dict) or not isinstance(products, list) or not products:
            return refusal("Dữ liệu không hợp lệ")
        reference = str(order.get("id") or "")
        if (known := self.yard.find(reference)) is not None and reference:
            self.yard.totals["refused_repeated"] += 1
            return _exists(known)
        if said := self._complaint(order):
            return refusal(said)
        by, grams = transport(order.get("transport")), _grams(products)
        parcel = self.yard.accept(
            reference,
            service=by,
            weight_g=grams,
            cod_vnd=int(order["pick_money"]),
            price_vnd=GHTK.price_vnd(by, order["pick_province"], order["province"], grams),
            recipient=str(order["name"]),
            at=self._collected_at(order.get("pick_date")),
        )
        return success(order=_created(parcel))

    async def fee(self, request: web.Request) -> web.Response:
        """An invented price with VAT; the weight is in grams here."""
        if not self._authorised(request):
            return unauthorised()
        told = request.query
        if not told.get("pick_province") or not told.get("province") or not told.get("weight"):
            return refusal("Thiếu thông tin")
        lane = (told["pick_province"], told["province"])
        fee = GHTK.price_vnd(transport(told.get("transport")), *lane, int(told["weight"]))
        return success(fee={"name": "area1", "fee": fee, "insurance_fee": 0, "delivery": True})

    async def cancel(self, request: web.Request) -> web.Response:
        """By label or by `partner_id:<id>`; one that is cancelled already is "not a success"."""
        if not self._authorised(request):
            return unauthorised()
        named = request.match_info["named"].removeprefix("partner_id:")
        parcel = self.yard.find(named)
        if parcel is None:
            return refusal("Không tìm thấy đơn hàng")
        if parcel.code == CANCELLED.code:
            return refusal("Đơn hàng Đã ở trạng thái hủy")
        if parcel.code not in CANCELLABLE:
            return refusal("Trạng thái đơn hàng không cho phép hủy")
        self.yard.lead(parcel, ())
        self.yard.happen(parcel, CANCELLED)
        return success(log_id="1")

    async def status(self, request: web.Request) -> web.Response:
        """An order by its label: grams, numbers as text, local times."""
        if not self._authorised(request):
            return unauthorised()
        parcel = self.yard.by_number.get(request.match_info["label"])
        return success(order=_view(parcel)) if parcel else refusal("Không tìm thấy đơn hàng")

    def _complaint(self, order: dict[str, Any]) -> str | None:
        reference = str(order.get("id") or "")
        if not reference or "pick_money" not in order:
            return "Thiếu mã đơn hàng hoặc số tiền CoD"
        if missing := [name for name in NEEDED if not order.get(name)]:
            return f"Thiếu thông tin: {', '.join(missing)}"
        return "Địa chỉ ngoài vùng phục vụ" if self.yard.refuses(reference) else None

    def _collected_at(self, day: object) -> datetime | None:
        """Pick-up is asked for by day: the morning of that day, or now on the same day."""
        now = self.yard.clock.now()
        try:
            wanted = date.fromisoformat(str(day))
        except ValueError:
            return now
        return max(now, datetime.combine(wanted, OPENS, VIETNAM_TIME))

    def _authorised(self, request: web.Request) -> bool:
        return request.headers.get("Token") == self._token

    def _tell(self, parcel: Parcel, step: Step) -> None:
        self.messenger.send(
            form(_event(parcel, step)),
            {"Content-Type": "application/x-www-form-urlencoded"},
            self.yard.chance(parcel.number, step.code, str(parcel.at)),
        )


def transport(wanted: object) -> str:
    """A wrong value silently becomes the default."""
    return "fly" if wanted == "fly" else "road"


def form(fields: dict[str, object]) -> bytes:
    """A form as GHTK writes it: colons and the plus of the zone are not escaped."""
    pairs = (f"{name}={quote(str(value), safe=':+')}" for name, value in fields.items())
    return "&".join(pairs).encode()


def success(**more: object) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"success": True, "message": "", **more})


def refusal(message: str) -> web.Response:
    """The envelope when it did not: HTTP says 200 all the same."""
    return web.json_response({"success": False, "message": message})


def unauthorised() -> web.Response:
    """The token is not ours."""
    body = {"success": False, "message": "Token không hợp lệ"}
    return web.json_response(body, status=UNAUTHORISED)


def _exists(parcel: Parcel) -> web.Response:
    error = {"code": "ORDER_ID_EXIST", "partner_id": parcel.reference, "ghtk_label": parcel.number}
    said = "Đơn hàng đã tồn tại trên hệ thống"
    return web.json_response({"success": False, "message": said, "error": error})


def _grams(products: list[dict[str, Any]]) -> int:
    """Products weigh kilograms."""
    kg = sum(float(row["weight"]) * int(row.get("quantity", 1)) for row in products)
    return round(kg * 1000)


def _created(parcel: Parcel) -> dict[str, Any]:
    return {
        "partner_id": parcel.reference,
        "label": parcel.number,
        "area": 1,
        "fee": parcel.freight_vnd,
        "insurance_fee": 0,
        "estimated_pick_time": f"Sáng {parcel.at:%Y-%m-%d}",
        "estimated_deliver_time": f"Chiều {parcel.at:%Y-%m-%d}",
        "status_id": int(parcel.code),
        "tracking_id": int(parcel.number[-10:]),
        "sorting_code": parcel.number.split(".")[1],
    }


def _view(parcel: Parcel) -> dict[str, Any]:
    return {
        "label_id": parcel.number,
        "partner_id": parcel.reference,
        "status": parcel.code,
        "status_text": "",
        "modified": f"{parcel.at:%Y-%m-%d %H:%M:%S}",
        "ship_money": str(parcel.freight_vnd),
        "weight": str(parcel.weight_g),
        "pick_money": parcel.cod_vnd,
        "is_freeship": "1",
    }


def _event(parcel: Parcel, step: Step) -> dict[str, object]:
    partly = step.reason == PARTLY
    return {
        "label_id": parcel.number,
        "partner_id": parcel.reference,
        "action_time": f"{parcel.at:%Y-%m-%dT%H:%M:%S}+07:00",
        "status_id": step.code,
        "reason_code": "" if partly else step.reason or "",
        "reason": "",
        "weight": parcel.weight_g / 1000,
        "fee": parcel.freight_vnd,
        # A parcel without COD may leave the field out.
        **({"pick_money": parcel.cod_vnd} if parcel.cod_vnd else {}),
        "return_part_package": int(partly),
    }
