"""The neutral order format `ocop.order/1` of the direct API, Postmart and Voso, understood.

A payload may carry fields we do not know; those we know are checked. Every failure is
`PayloadInvalid`, whose reason names fields and rules and never repeats what was sent.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from schemas.ids import ORDER_NUMBER
from schemas.intake import Channel, Handling
from schemas.place import HOME
from services.channels.contact import ContactProblem
from services.channels.countries import CountryText, HsCode, blank_is_home
from services.channels.invalid import PayloadInvalid, understood

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LINES: Final = 200
MOST_DONG: Final = 10**12
MOST_UNITS: Final = 10**5
MOST_GRAMS: Final = 10**7
MOST_VERSIONS: Final = 2**31 - 1
"""Until 2038 also the time of a marketplace's order in Unix s, which serves as its version."""
EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def _clean(text: str) -> str:
    """One Unicode form, no control characters (a NUL cannot be stored), no spaces around."""
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _in_our_time(moment: datetime) -> datetime:
    """In UTC, so that one moment is one text whatever its offset was."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"is not between the years {EARLIEST.year} and {LATEST.year}")
    return moment.astimezone(UTC)


def _blank_is_none(given: object) -> object:
    return None if given == "" else given


Short = Annotated[str, StringConstraints(max_length=64), AfterValidator(_clean)]
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(_clean)]
Money = Annotated[int, Field(ge=0, le=MOST_DONG)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Number = Annotated[str, StringConstraints(pattern=f"^{ORDER_NUMBER.pattern}$")]
Version = Annotated[int, Field(ge=1, le=MOST_VERSIONS)]
Sku = Annotated[
    str, StringConstraints(max_length=64), AfterValidator(_clean), StringConstraints(min_length=1)
]
CarrierName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]
NEUTRAL: Final = frozenset({Channel.DIRECT, Channel.POSTMART, Channel.VOSO})
"""Channels that speak this format themselves; the others' orders are put into it by us."""


class Part(BaseModel):
    """A frozen piece of a payload; fields we do not know are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Buyer(Part):
    """Personal data."""

    name: Text = ""
    phone: Text = ""


class GivenPlace(Part):
    """The commune as the channel names it; `vintage` says which map the codes belong to."""

    country: Annotated[CountryText, BeforeValidator(blank_is_home)] = HOME
    ward_code: Short | None = None
    ward_name: Text | None = None
    province_code: Short | None = None
    province_name: Text | None = None
    vintage: Short | None = None
    postcode: Short | None = None


class ShipTo(GivenPlace):
    """With street and town: personal data, as the postcode is abroad, where few share one."""

    street: Text = ""
    city: Text = ""


class Line(Part):
    """What was ordered. `unit_price` in VND, `weight_g` of one unit; None or 0 is unknown."""

    line_no: Annotated[int, Field(ge=1, le=10_000)]
    sku: Sku
    name: Text = ""
    quantity: Annotated[int, Field(ge=1, le=MOST_UNITS)]
    unit_price: Money
    weight_g: Annotated[int, Field(ge=0, le=MOST_GRAMS)] | None = None
    lot: Short | None = None
    best_before: date | None = None
    handling: tuple[Handling, ...] = ()
    name_en: Text = ""
    hs_code: Annotated[HsCode | None, BeforeValidator(_blank_is_none)] = None
    origin_country: Annotated[CountryText | None, BeforeValidator(_blank_is_none)] = None


class Platform(Part):
    """What the platform that ships the order says of it. Never believed of a neutral feed.

    `packages`: its own package numbers, which stand for tracking numbers.
    """

    ship_by: Moment | None = None
    packages: tuple[Short, ...] = ()
    as_of: int = 0
    """The version of the payload that last said so."""


class Totals(Part):
    """VND: grand total = goods + shipping − discount."""

    goods: Money
    shipping: Money = 0
    discount: Money = 0
    grand_total: Money
    currency: Literal["VND"] = "VND"


class Payment(Part):
    """`cod` collects `cod_amount`; any other method is paid to the channel before dispatch.

    `paid` False says that this has not happened yet.
    """

    method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]
    cod_amount: Money = 0
    shipping_payer: Literal["buyer", "seller"] = "buyer"
    paid: bool | None = None


class Cancel(Part):
    """Who cancels and why, in the channel's codes."""

    by: Short = ""
    reason: Text = ""


class Heading(Part):
    """What every payload begins with."""

    format: Literal["ocop.order/1"]
    channel: Channel
    channel_order_no: Number
    version: Version
    seller_ref: Short | None = None


class WantedOrder(Heading):
    """An order as its channel wants it, without personal data: this may be stored in the clear."""

    event: Literal["placed", "amended"]
    placed_at: Moment
    updated_at: Moment | None = None
    ship_to: GivenPlace
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_LINES)]
    totals: Totals
    payment: Payment
    fixed_carrier: Annotated[CarrierName | None, BeforeValidator(_blank_is_none)] = None
    platform: Platform | None = None
    related_no: Short = ""
    """What ties the parts of a split order together at the channel; each part is an order."""
    channel_hold: Short = ""
    """Why the channel itself wants the order to wait, in its own code; empty: it does not."""

    @property
    def at(self) -> datetime:
        """The payload's own time: "today" for every check."""
        return self.updated_at or self.placed_at

    def wanted_json(self) -> str:
        """The order without personal data, even where this is the whole payload."""
        place = {"street", "city", *(() if self.ship_to.country == HOME else {"postcode"})}
        return self.model_dump_json(exclude={"buyer": True, "note": True, "ship_to": place})

    @model_validator(mode="after")
    def _numbers_lines_once(self) -> Self:
        if len({line.line_no for line in self.lines}) < len(self.lines):
            raise ValueError("two lines have one line_no")
        return self


class OrderPayload(WantedOrder):
    """A new or changed order with its buyer."""

    buyer: Buyer
    ship_to: ShipTo
    note: Text = ""
    doubts: Annotated[tuple[ContactProblem, ...], Field(exclude=True)] = ()
    """What whoever put the order into this format was not sure of."""


class NoticePayload(Heading):
    """Something happened to an order; what it holds is not repeated, nor always whose it is."""

    event: Literal["cancel_requested", "cancelled", "returned"]
    placed_at: Moment | None = None
    updated_at: Moment
    cancel: Cancel = Cancel()

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.updated_at


OURS: Final[Mapping[str, object]] = MappingProxyType(
    {"platform": None, "channel_hold": "", "related_no": "", "doubts": ()}
)
"""Fields no sender may fill, and what they are without us."""

Payload: TypeAlias = OrderPayload | NoticePayload
_PAYLOAD: TypeAdapter[Payload] = TypeAdapter(Annotated[Payload, Field(discriminator="event")])


def parse_order(raw: bytes) -> Payload:
    """Understand a payload of any channel that speaks the neutral format.

    Raises:
        PayloadInvalid: it is not JSON, or not an `ocop.order/1`.
    """
    with understood():
        payload = _PAYLOAD.validate_json(raw)
    if payload.channel not in NEUTRAL:
        raise PayloadInvalid("payload_invalid", "channel: has a format of its own")
    return _as_sent(payload) if isinstance(payload, OrderPayload) else payload


def read_order(given: object) -> OrderPayload:
    """Understand the order inside a command, already decoded from JSON.

    Raises:
        PayloadInvalid: it is not an `ocop.order/1` with the whole order.
    """
    with understood():
        return _as_sent(OrderPayload.model_validate(given))


def _as_sent(payload: OrderPayload) -> OrderPayload:
    """Only what we fetched from a platform and put into this format ourselves says any of OURS."""
    if not any(getattr(payload, name) for name in OURS):
        return payload
    return payload.model_copy(update=dict(OURS))
