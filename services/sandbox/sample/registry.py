"""The sample registry: sellers, origins, shops, products and certificates from `catalogue.csv`.

Everything is invented: people are letters, phones are 09000000xx, brands are generic.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from services.sandbox.sample.wards import Ward

Row = dict[str, str]

PACK_SIZES = ((1, ""), (3, ", lốc 3"))
"""Every shippable product is sold single and, cheaper a piece, in threes."""
PACK_DISCOUNT = 0.94
CERTIFICATE_MONTHS = 36
EXPIRES_IN_SAMPLE_MONTH = {"S33-02", "S14-02", "S80-02"}
REVOKED_IN_SAMPLE_MONTH = {"S12-02"}
SECOND_ORIGIN_EVERY = 6
ON_TIKI_AND_SENDO_EVERY = 10
ON_SHOPEE_AND_LAZADA_EVERY = 10
FIRST_SHOPEE_SHOP, FIRST_LAZADA_SELLER = 100_001, 200_000_000_001
"""Ids as the platforms give them: numbers that say nothing of whose they are."""
PARTNERS = (
    ("viettelpost", "viettelpost", "partner_v2", "viettelpost_token"),
    ("vnpost", "vnpost", "myvnpost", "vnpost_rsa"),
    ("ghn", "ghn", "v2", "ghn_url_key"),
    ("ghtk", "ghtk", "services", "ghtk_url_hash"),
    ("vnpost_legacy", "vnpost", "legacy", "vnpost_legacy_rsa"),
    ("ems", "ems", "merchantsite", "ems_url_key"),
    ("ems-myems", "ems", "myems", "ems_url_key"),
    ("ems-emsevt", "ems", "emsevt_v3", "standard_webhooks"),
)


@dataclass(slots=True)
class SampleRegistry:
    """The rows of each registry file, by file name."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=dict)
    """VND a unit, by sku; prices belong to channels, so no table has them."""

    def add(self, table: str, **row: object) -> None:
        """Append a row; None becomes an empty cell."""
        cells = {name: "" if value is None else str(value) for name, value in row.items()}
        self.tables.setdefault(table, []).append(cells)

    def write(self, folder: Path) -> None:
        """Write one CSV a table."""
        for table, rows in self.tables.items():
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


def read_catalogue() -> list[Row]:
    """The hand-written product list."""
    path = Path(__file__).parent / "catalogue.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_registry(rng: random.Random, wards: dict[str, list[Ward]]) -> SampleRegistry:
    """Sellers in the order of the catalogue, each with its origins, shops and products."""
    registry = SampleRegistry()
    for number, (seller_id, products) in enumerate(sellers_of(read_catalogue())):
        province = products[0]["province_code"]
        registry.add(
            "sellers", seller_id=seller_id, name=products[0]["seller"], kind=products[0]["kind"]
        )
        origins = 2 if number % SECOND_ORIGIN_EVERY == 0 else 1
        for origin in range(1, origins + 1):
            add_origin(registry, rng, seller_id, origin, rng.choice(wards[province]))
        for channel in ("postmart", "voso"):
            registry.add(
                "shops",
                channel=channel,
                shop_ref=f"{channel[0].upper()}-{seller_id}",
                seller_id=seller_id,
            )
        add_products(registry, rng, seller_id, products, origins)
        if number % ON_TIKI_AND_SENDO_EVERY == 0:
            add_marketplaces(registry, seller_id)
        if number % ON_SHOPEE_AND_LAZADA_EVERY == ON_SHOPEE_AND_LAZADA_EVERY // 2:
            add_platforms(registry, seller_id, number)
    add_partners(registry)
    return registry


def add_marketplaces(registry: SampleRegistry, seller_id: str) -> None:
    """A shop at Tiki and one at Sendo, whose orders name variants instead of the seller's skus."""
    for channel, letter in (("tiki", "T"), ("sendo", "D")):
        registry.add(
            "shops", channel=channel, shop_ref=f"{letter}-{seller_id}", seller_id=seller_id
        )
    for product in registry.tables["products"]:
        if product["seller_id"] == seller_id:
            digits = "".join(filter(str.isdigit, product["sku"]))
            registry.add(
                "listings",
                seller_id=seller_id,
                listing_ref=f"3{digits:0>10}",
                channel="sendo",
                sku=product["sku"],
            )


def add_platforms(registry: SampleRegistry, seller_id: str, number: int) -> None:
    """A shop at Shopee and one at Lazada, which ship by themselves."""
    for channel, first in (("shopee", FIRST_SHOPEE_SHOP), ("lazada", FIRST_LAZADA_SELLER)):
        registry.add("shops", channel=channel, shop_ref=str(first + number), seller_id=seller_id)


def sellers_of(catalogue: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Group the catalogue by seller and give each an id: `S68-01`."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in catalogue:
        groups.setdefault((row["province_code"], row["seller"]), []).append(row)
    in_province: dict[str, int] = {}
    for (province, _), rows in groups.items():
        in_province[province] = in_province.get(province, 0) + 1
        yield f"S{province}-{in_province[province]:02d}", rows


def add_origin(
    registry: SampleRegistry, rng: random.Random, seller_id: str, number: int, ward: Ward
) -> None:
    """A farm or store house of the seller."""
    registry.add(
        "origins",
        origin_id=f"{seller_id}-K{number}",
        seller_id=seller_id,
        contact_name=f"Phạm Văn {rng.choice('CDEGHK')}",
        phone=f"09000000{rng.randrange(100):02d}",
        street=f"Thôn {rng.randrange(1, 12)}",
        ward_code=ward.code,
        province_code=ward.province_code,
        working_days="1 2 3 4 5 6",
        cut_off=rng.choice(("15:00", "16:00", "16:30")),
    )


def add_products(
    registry: SampleRegistry,
    rng: random.Random,
    seller_id: str,
    products: list[Row],
    origins: int,
) -> None:
    """Each product in its pack sizes; the second origin ships the last size."""
    sku_no = 0
    for row in products:
        for pieces, suffix in PACK_SIZES if row["weight_g"] else PACK_SIZES[:1]:
            sku_no += 1
            sku = f"{seller_id}-{sku_no:02d}"
            origin = origins if pieces > 1 else 1
            registry.add(
                "products",
                seller_id=seller_id,
                sku=sku,
                origin_id=f"{seller_id}-K{origin}",
                name=f"{row['product']}{suffix}",
                ocop_group=row["group"],
                weight_g=int(row["weight_g"]) * pieces if row["weight_g"] else None,
                **pack_size(row, pieces),
                handling=row["handling"].replace("|", " "),
                shelf_life_days=row["shelf_life_days"],
                transit_tolerance_h=row["transit_tolerance_h"],
                prohibited="false",
            )
            registry.prices[sku] = price(row, pieces)
            if int(row["star"]):
                add_certificates(registry, rng, seller_id, sku, row)


def price(row: Row, pieces: int) -> int:
    """VND for a pack, to the thousand; a pack of several is cheaper."""
    factor = PACK_DISCOUNT if pieces > 1 else 1.0
    return round(int(row["price_vnd"]) * pieces * factor / 1000) * 1000


def pack_size(row: Row, pieces: int) -> dict[str, int | None]:
    """Packs are stacked along the height."""
    if not row["weight_g"]:
        return {"length_cm": None, "width_cm": None, "height_cm": None}
    return {
        "length_cm": int(row["length_cm"]),
        "width_cm": int(row["width_cm"]),
        "height_cm": int(row["height_cm"]) * pieces,
    }


def add_certificates(
    registry: SampleRegistry, rng: random.Random, seller_id: str, sku: str, row: Row
) -> None:
    """The OCOP certificate, 36 months from its issue, and food safety where it is food."""
    issued = date(2024, 1, 15) + timedelta(days=rng.randrange(900))
    if seller_id in EXPIRES_IN_SAMPLE_MONTH:
        issued = date(2023, 10, 12)
    revoked = date(2026, 10, 9) if seller_id in REVOKED_IN_SAMPLE_MONTH else None
    registry.add(
        "certificates",
        certificate_no=f"OCOP-MAU-{sku}",
        seller_id=seller_id,
        sku=sku,
        kind="OCOP",
        star=row["star"],
        decision_no=f"{rng.randrange(1000, 4000)}/QĐ-UBND",
        authority="UBND (mẫu)",
        issued_on=issued,
        expires_on=anniversary(issued, CERTIFICATE_MONTHS // 12),
        revoked_on=revoked,
    )
    if row["group"] in ("food", "beverage"):
        registry.add(
            "certificates",
            certificate_no=f"ATVSTP-MAU-{sku}",
            seller_id=seller_id,
            sku=sku,
            kind="ATVSTP",
            star=None,
            decision_no=None,
            authority="Sở (mẫu)",
            issued_on=date(2025, 3, 1),
            expires_on=date(2028, 2, 29),
            revoked_on=None,
        )


def anniversary(day: date, years: int) -> date:
    """The same day years later; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def add_partners(registry: SampleRegistry) -> None:
    """The carriers of this month, a row for each form they tell in; `ocop keys` knows their keys."""
    columns = ("partner_id", "carrier", "api", "verification")
    for row in PARTNERS:
        registry.add("partners", **dict(zip(columns, row, strict=True)))
