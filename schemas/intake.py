"""Orders: what intake says of them once a channel's payload is understood."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import AwareDatetime, Field
from typing_extensions import override

from schemas.event import Event, Value
from schemas.place import CountryCode, Destination, ProvinceCode
from schemas.units import Centimetres, Dong, Grams, PositiveInt

LOGISTICS: Final = "logistics"
"""The api, and the one service, of a marketplace that ships by itself."""

StageName: TypeAlias = Literal["intake", "routing", "packing", "booking"]
Decision: TypeAlias = Literal["redeliver", "return"]
"""What a seller may have done with a parcel that could not be delivered."""


class Channel(StrEnum):
    """Where orders come from."""

    DIRECT = "direct"
    POSTMART = "postmart"
    VOSO = "voso"
    SHOPEE = "shopee"
    LAZADA = "lazada"
    TIKI = "tiki"
    SENDO = "sendo"


class OcopGroup(StrEnum):
    """The six product groups of the programme (Decision 148/QĐ-TTg)."""

    FOOD = "food"
    BEVERAGE = "beverage"
    HERBAL = "herbal"
    HANDICRAFT = "handicraft"
    ORNAMENTAL = "ornamental"
    TOURISM = "tourism"


class Handling(StrEnum):
    """Handling classes; each carrier service lists those it accepts."""

    DRY = "dry"
    LIQUID = "liquid"
    POWDER = "powder"
    FRAGILE = "fragile"
    FROZEN = "frozen"
    FRESH = "fresh"
    LIVE_PLANT = "live_plant"
    LIVE_ANIMAL = "live_animal"
    OVERSIZE = "oversize"
    HIGH_VALUE = "high_value"


class HoldReason(StrEnum):
    """Why an order waits for a person."""

    AWAITING_PAYMENT = "awaiting_payment"
    ADDRESS_INCORRECT = "address_incorrect"
    ADDRESS_AMBIGUOUS = "address_ambiguous"
    CERTIFICATE_EXPIRED = "certificate_expired"
    NOT_SHIPPABLE = "not_shippable"
    PRODUCT_UNKNOWN = "product_unknown"
    OUT_OF_STOCK = "out_of_stock"
    NO_ELIGIBLE_CARRIER = "no_eligible_carrier"
    FRAUD_RISK = "fraud_risk"
    CHANNEL_HOLD = "channel_hold"
    WEIGHT_MISMATCH = "weight_mismatch"
    OPS = "ops"


class Hold(Value):
    """One reason to wait, with what a seller can do about it and who set it."""

    reason: HoldReason
    detail: str
    by: str
    since: AwareDatetime


class PlatformShipping(Value):
    """The marketplace ships the order by its own logistics: it chose the carrier, and the label.

    `carrier` is its name as a carrier, whose only service is `logistics`. `ship_by`: when it wants
    the goods handed over, if it says so.
    """

    carrier: str
    ship_by: AwareDatetime | None = None


class OrderLine(Value):
    """One line. Star, group and certificate are the registry's, as they were at that moment.

    `star` is 0 where no certificate was valid. `weight_g` and the sizes are of one unit. What
    customs ask for, `hs_code`, `origin_country` and `name_en`, is there where the order goes abroad.
    """

    line_no: PositiveInt
    sku: str
    name: str
    quantity: PositiveInt
    unit_price_vnd: Dong
    weight_g: Grams
    length_cm: Centimetres | None = None
    width_cm: Centimetres | None = None
    height_cm: Centimetres | None = None
    origin_id: str
    origin_province: ProvinceCode | None = None
    group: OcopGroup
    star: int = Field(ge=0, le=5)
    certificate_no: str | None = None
    handling: tuple[Handling, ...]
    lot: str | None = None
    best_before: date | None = None
    transit_tolerance_h: PositiveInt | None = None
    hs_code: str | None = None
    origin_country: CountryCode | None = None
    name_en: str | None = None


class OrderEvent(Event):
    """An event about one order, keyed and counted by it."""

    order_id: str

    @property
    @override
    def key(self) -> str:
        return self.order_id

    @property
    @override
    def entity(self) -> str:
        return self.order_id


class OrderContent(OrderEvent):
    """The whole order as it stands after a version of it."""

    channel: Channel
    seller_id: str
    channel_order_no: str
    placed_at: AwareDatetime
    destination: Destination
    lines: tuple[OrderLine, ...] = Field(min_length=1)
    goods_vnd: Dong
    shipping_vnd: Dong
    discount_vnd: Dong
    total_vnd: Dong
    cod_vnd: Dong
    shipping_payer: Literal["buyer", "seller"]
    fixed_carrier: str | None = None
    platform: PlatformShipping | None = None


class OrderPlaced(OrderContent):
    """An order passed every check for the first time and may be routed."""

    topic_name: ClassVar[str] = "order.placed.v1"


class OrderAmended(OrderContent):
    """A placed order changed; this is all of it, checked again."""

    topic_name: ClassVar[str] = "order.amended.v1"


class OrderPackagesNamed(OrderEvent):
    """The package numbers a platform has issued for an order it ships: all of them."""

    topic_name: ClassVar[str] = "order.packages_named.v1"

    channel: Channel
    seller_id: str
    carrier: str
    packages: tuple[str, ...]


class OrderHeld(OrderEvent):
    """The holds a stage has on an order: the full set, so the newest version replaces older ones."""

    topic_name: ClassVar[str] = "order.held.v1"

    channel: Channel
    seller_id: str
    placed_at: AwareDatetime
    stage: StageName
    holds: tuple[Hold, ...] = Field(min_length=1)

    @property
    @override
    def entity(self) -> str:
        return f"{self.order_id}|{self.stage}"


class OrderReleased(OrderEvent):
    """A stage has no hold on the order any more; from intake also the call to look again."""

    topic_name: ClassVar[str] = "order.released.v1"

    channel: Channel
    seller_id: str
    stage: StageName
    by: str
    why: str

    @property
    @override
    def entity(self) -> str:
        return f"{self.order_id}|{self.stage}"


class OrderCancelRequested(OrderEvent):
    """Buyer, channel, seller or ops want the order ended; status decides what is still possible."""

    topic_name: ClassVar[str] = "order.cancel_requested.v1"

    channel: Channel
    seller_id: str
    by: str
    why: str
    command_id: str | None = None


ReturnOutcome: TypeAlias = Literal["restocked", "written_off"]
ReturnCondition: TypeAlias = Literal["intact", "opened", "damaged", "spoiled", "incomplete"]
"""How goods came back (our words)."""


class ReceivedParcel(Value):
    """A parcel somebody has back, and what becomes of the goods in it."""

    parcel_id: str
    outcome: ReturnOutcome = "restocked"
    condition: ReturnCondition | None = None


class OrderReceivedBack(OrderEvent):
    """The seller or the warehouse has goods back: these parcels, or (none named) those returned."""

    topic_name: ClassVar[str] = "order.received_back.v1"

    channel: Channel
    seller_id: str
    by: str
    why: str
    command_id: str | None = None
    parcels: tuple[ReceivedParcel, ...] = ()


class DeliveryDecided(OrderEvent):
    """The seller has decided what becomes of parcels that could not be delivered.

    `parcel_id` None: every parcel of the order that awaits a decision.
    """

    topic_name: ClassVar[str] = "delivery.decided.v1"

    seller_id: str
    by: str
    why: str
    command_id: str
    decision: Decision
    parcel_id: str | None = None


class CommandRefused(OrderEvent):
    """A command that cannot be carried out, with a reason a seller can act on."""

    topic_name: ClassVar[str] = "command.refused.v1"

    seller_id: str
    channel: Channel
    command_id: str
    command: str
    code: str
    reason: str

    @property
    @override
    def entity(self) -> str:
        return self.command_id
