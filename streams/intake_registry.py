"""What intake asks the registry: whose shop it is, and what a seller's products are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from schemas.intake import Handling, OcopGroup
from streams.rules.certificates import Certificate
from streams.rules.order_lines import Product

if TYPE_CHECKING:
    from collections.abc import Collection

    from streams.runtime.stage import Transaction

READ_SELLERS: Final = """
-- Who sells under a channel's name for a shop ($1, $2), and which names are sellers' own ids.
SELECT s.channel, s.shop_ref AS ref, s.seller_id
FROM registry.shops s
JOIN unnest($1::text[], $2::text[]) AS asked (channel, ref)
  ON (s.channel, s.shop_ref) = (asked.channel, asked.ref)
UNION ALL
SELECT NULL, seller_id, seller_id FROM registry.sellers WHERE seller_id = ANY ($2::text[])
"""
READ_PRODUCTS: Final = """
-- The products of these sellers ($1) and skus ($2), with the province they ship from.
SELECT p.seller_id, p.sku, p.name, p.origin_id, o.province_code, p.ocop_group, p.weight_g,
       p.length_cm, p.width_cm, p.height_cm, p.handling, p.transit_tolerance_h, p.prohibited,
       p.name_en, p.hs_code
FROM unnest($1::text[], $2::text[]) AS asked (seller_id, sku)
JOIN registry.products p USING (seller_id, sku)
JOIN registry.origins o USING (origin_id)
"""
READ_LISTINGS: Final = """
-- What channels call these sellers' products ($1, $2): the sku each name stands for.
SELECT l.seller_id, l.listing_ref, l.sku
FROM unnest($1::text[], $2::text[]) AS asked (seller_id, listing_ref)
JOIN registry.listings l USING (seller_id, listing_ref)
"""
READ_CERTIFICATES: Final = """
-- Every certificate those products ever had.
SELECT c.seller_id, c.sku, c.certificate_no, c.kind, c.star, c.issued_on, c.expires_on, c.revoked_on
FROM unnest($1::text[], $2::text[]) AS asked (seller_id, sku)
JOIN registry.certificates c USING (seller_id, sku)
"""


class Sellers:
    """Who a channel means by a name: its shop first, else a seller's own id."""

    def __init__(self, rows: Collection[tuple[str | None, str, str]]) -> None:
        self._shops = {(channel, ref): seller for channel, ref, seller in rows if channel}
        self._ids = {ref for channel, ref, _ in rows if channel is None}

    def find(self, channel: str, ref: str) -> str | None:
        """The seller's id, or None if the registry has no such shop or seller."""
        return self._shops.get((channel, ref)) or (ref if ref in self._ids else None)

    def of(self, channel: str, ref: str | None, claim: str | None) -> str | None:
        """Whose a payload is: the authenticated seller's (`claim`, an id), else the named one's."""
        if claim:
            return claim if claim in self._ids else None
        return self.find(channel, ref) if ref else None


async def read_sellers(tx: Transaction, refs: Collection[tuple[str, str]]) -> Sellers:
    """Look up every (channel, name) at once."""
    if not refs:
        return Sellers(())
    rows = await tx.fetch(READ_SELLERS, [c for c, _ in refs], [ref for _, ref in refs])
    return Sellers([(row["channel"], row["ref"], row["seller_id"]) for row in rows])


async def read_products(
    tx: Transaction, wanted: Collection[tuple[str, str]]
) -> dict[str, dict[str, Product]]:
    """The products of every (seller id, sku) at once, by seller and by what the order calls them.

    A name that is no sku of its seller may be a channel's: then it is the listing's product.
    """
    products = await _products_by_sku(tx, wanted)
    unknown = [(seller, sku) for seller, sku in wanted if sku not in products[seller]]
    if unknown:
        asked = [seller for seller, _ in unknown], [name for _, name in unknown]
        listings = await tx.fetch(READ_LISTINGS, *asked)
        listed = await _products_by_sku(tx, {(row["seller_id"], row["sku"]) for row in listings})
        for row in listings:
            products[row["seller_id"]][row["listing_ref"]] = listed[row["seller_id"]][row["sku"]]
    return products


async def _products_by_sku(
    tx: Transaction, wanted: Collection[tuple[str, str]]
) -> dict[str, dict[str, Product]]:
    products: dict[str, dict[str, Product]] = defaultdict(dict)
    if not wanted:
        return products
    asked = [seller for seller, _ in wanted], [sku for _, sku in wanted]
    certificates: dict[tuple[str, str], list[Certificate]] = defaultdict(list)
    for row in await tx.fetch(READ_CERTIFICATES, *asked):
        certificates[row["seller_id"], row["sku"]].append(
            Certificate(
                number=row["certificate_no"],
                kind=row["kind"],
                star=row["star"],
                issued_on=row["issued_on"],
                expires_on=row["expires_on"],
                revoked_on=row["revoked_on"],
            )
        )
    for row in await tx.fetch(READ_PRODUCTS, *asked):
        key = (row["seller_id"], row["sku"])
        products[row["seller_id"]][row["sku"]] = Product(
            sku=row["sku"],
            name=row["name"],
            origin_id=row["origin_id"],
            origin_province=row["province_code"],
            group=OcopGroup(row["ocop_group"]),
            weight_g=row["weight_g"],
            length_cm=row["length_cm"],
            width_cm=row["width_cm"],
            height_cm=row["height_cm"],
            handling=tuple(Handling(one) for one in row["handling"]),
            transit_tolerance_h=row["transit_tolerance_h"],
            prohibited=row["prohibited"],
            name_en=row["name_en"],
            hs_code=row["hs_code"],
            certificates=tuple(certificates.get(key, ())),
        )
    return products
