"""One model a registry file: what a row may hold. Empty cells are None."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, StringConstraints

from schemas.ids import ORDER_NUMBER
from schemas.intake import Handling, OcopGroup
from schemas.place import ProvinceCode, WardCode

Id = Annotated[str, StringConstraints(pattern=f"^{ORDER_NUMBER.pattern}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def split_words(cell: object) -> object:
    """`"1 2 3"` is a list of three."""
    return cell.split() if isinstance(cell, str) else cell


Words = BeforeValidator(split_words)
WorkingDay = Annotated[int, Field(ge=1, le=7)]


class Row(BaseModel):
    """A line of a registry CSV; a column we do not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]


class SellerRow(Row):
    """sellers.csv."""

    table: ClassVar[str] = "sellers"
    keys: ClassVar[tuple[str, ...]] = ("seller_id",)

    seller_id: Id
    name: Text
    kind: Literal["household", "cooperative", "company"]


class OriginRow(Row):
    """origins.csv; codes of the 34-province map, `working_days` ISO numbers."""

    table: ClassVar[str] = "origins"
    keys: ClassVar[tuple[str, ...]] = ("origin_id",)

    origin_id: Id
    seller_id: Id
    contact_name: Text
    phone: Annotated[str, StringConstraints(pattern=r"^\+?\d{8,12}$")]
    street: Text
    ward_code: WardCode
    province_code: ProvinceCode
    working_days: Annotated[list[WorkingDay], Words] = [1, 2, 3, 4, 5, 6]
    cut_off: time = time(16, 0)


class ShopRow(Row):
    """shops.csv: how a channel names a seller."""

    table: ClassVar[str] = "shops"
    keys: ClassVar[tuple[str, ...]] = ("channel", "shop_ref")

    channel: Id
    shop_ref: Text
    seller_id: Id


class ProductRow(Row):
    """products.csv; sizes and weight are of one unit as it is sold.

    `name_en` and `hs_code`: for customs, of goods that go abroad.
    """

    table: ClassVar[str] = "products"
    keys: ClassVar[tuple[str, ...]] = ("seller_id", "sku")

    seller_id: Id
    sku: Text
    origin_id: Id
    name: Text
    ocop_group: OcopGroup
    weight_g: PositiveInt | None = None
    length_cm: PositiveInt | None = None
    width_cm: PositiveInt | None = None
    height_cm: PositiveInt | None = None
    handling: Annotated[list[Handling], Words] = [Handling.DRY]
    shelf_life_days: PositiveInt | None = None
    transit_tolerance_h: PositiveInt | None = None
    prohibited: bool = False
    name_en: Text | None = None
    hs_code: Annotated[str, Field(pattern=r"^([0-9]{6}|[0-9]{8}|[0-9]{10})$")] | None = None


class ListingRow(Row):
    """listings.csv: a channel's id of a product, where its orders do not carry the seller's sku."""

    table: ClassVar[str] = "listings"
    keys: ClassVar[tuple[str, ...]] = ("seller_id", "listing_ref")

    seller_id: Id
    listing_ref: Text
    channel: Id
    sku: Text


class CertificateRow(Row):
    """certificates.csv; `expires_on` is the last valid day."""

    table: ClassVar[str] = "certificates"
    keys: ClassVar[tuple[str, ...]] = ("certificate_no",)

    certificate_no: Text
    seller_id: Id
    sku: Text
    kind: Text
    star: Annotated[int, Field(ge=1, le=5)] | None = None
    decision_no: Text | None = None
    authority: Text | None = None
    issued_on: date
    expires_on: date
    revoked_on: date | None = None


class PartnerRow(Row):
    """partners.csv: who may send tracking events, and for which carrier."""

    table: ClassVar[str] = "partners"
    keys: ClassVar[tuple[str, ...]] = ("partner_id",)

    partner_id: Id
    carrier: Id
    api: Id
    verification: Literal[
        "viettelpost_token",
        "vnpost_rsa",
        "vnpost_legacy_rsa",
        "ghn_url_key",
        "ghtk_url_hash",
        "ems_url_key",
        "standard_webhooks",
    ]
    public_key: str | None = None
    publishes: bool = False
    """Whether it writes to Kafka itself, to `partner.<partner_id>.tracking.v1`."""


ROWS: tuple[type[Row], ...] = (
    SellerRow,
    OriginRow,
    ShopRow,
    ProductRow,
    ListingRow,
    CertificateRow,
    PartnerRow,
)
"""In the order they must be loaded: a row may only point to rows of files before it."""
