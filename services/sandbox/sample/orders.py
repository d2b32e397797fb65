"""The sample month's orders as their channels would send them, with what goes wrong in real life.

A line of `orders.jsonl` is `{"at", "channel", "seller_id", "kind", "after", "body"}`. Lines without
`after` are sent in order of `at`; `after` names the order status a buyer waits for before a
cancellation. The body is an `ocop.order/1`; at a marketplace it is what its double is told of an
order (services/sandbox/market.py), for the marketplace writes it in its own words.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.sandbox.month.channels import MARKETPLACES
from services.sandbox.sample.habits import (
    BIG_CITIES,
    BUSY_HOURS,
    CHANNELS,
    COD_SHARE,
    FAMILY_NAMES,
    LAST_ORDER_DAY,
    MIDDLE_NAMES,
    MONTH_START,
    PLATFORM_SHIPS,
    PREFIX,
    SALE_DAYS,
    Shares,
)
from services.sandbox.sample.lines import Line, decompose, line, market_number

if TYPE_CHECKING:
    import random

    from services.sandbox.sample.registry import Row, SampleRegistry
    from services.sandbox.sample.wards import OldProvince, Ward


class OrderMaker:
    """Makes orders one after another from one random source."""

    def __init__(
        self,
        rng: random.Random,
        registry: SampleRegistry,
        wards: dict[str, list[Ward]],
        old_provinces: list[OldProvince],
    ) -> None:
        self._rng = rng
        self._prices = registry.prices
        self._wards = wards
        self._old = {old.new_code: old for old in old_provinces}
        self._products: dict[str, list[Row]] = {}
        for product in registry.tables["products"]:
            self._products.setdefault(product["seller_id"], []).append(product)
        self._sellers = sorted(self._products)
        self._listings = {
            (row["channel"], row["sku"]): row["listing_ref"]
            for row in registry.tables.get("listings", [])
        }
        self._shops: dict[str, dict[str, str]] = {}
        for shop in registry.tables["shops"]:
            self._shops.setdefault(shop["channel"], {})[shop["seller_id"]] = shop["shop_ref"]
        self._provinces = sorted(wards)
        self._weights = [BIG_CITIES.get(code, 1) for code in self._provinces]
        self._shares = Shares()

    def make(self, count: int) -> list[Line]:
        """`count` different orders and everything that follows each, in order of time."""
        lines: list[Line] = []
        for number in range(1, count + 1):
            lines.extend(self._order_and_troubles(number))
        return sorted(lines, key=lambda line: (line["at"], line["kind"]))

    def _order_and_troubles(self, number: int) -> list[Line]:
        rng, shares = self._rng, self._shares
        seller_id = self._sellers[number % len(self._sellers)]
        channel = rng.choices(tuple(CHANNELS), tuple(CHANNELS.values()))[0]
        placed_at = self._moment()
        if channel in MARKETPLACES:
            return self._sold_at(channel, number, placed_at)
        body = self._body(number, channel, seller_id, placed_at)
        good_address = body["ship_to"]
        bad = rng.random() < shares.bad_address
        if bad:
            body["ship_to"] = self._bad_address(good_address)
        lines = [line(placed_at, channel, seller_id, "order", body)]
        if rng.random() < shares.repeated:
            again = placed_at + timedelta(minutes=rng.randrange(1, 90))
            lines.append(line(again, channel, seller_id, "order", body))
        if bad and rng.random() < shares.mended_address:
            lines.append(self._amendment(body, seller_id, {"ship_to": good_address}))
        elif rng.random() < shares.amended:
            lines.append(self._amendment(body, seller_id, self._more_units(body)))
        else:
            lines.extend(self._cancellation(body, seller_id))
        return lines

    def _sold_at(self, channel: str, number: int, placed_at: datetime) -> list[Line]:
        """An order at a marketplace, of a seller with a shop there, and what its buyer does.

        A buyer who cancels before we have looked is none of our business: these wait for a label.
        """
        sellers = sorted(self._shops[channel])
        seller_id = sellers[number % len(sellers)]
        order = self._market_order(channel, number, seller_id, placed_at)
        lines = [line(placed_at, channel, seller_id, "order", order)]
        if self._rng.random() < self._shares.cancelled_early:
            gone = {"number": order["number"]}
            lines.append(line(placed_at, channel, seller_id, "cancel", gone, after="label_ready"))
        return lines

    def _market_order(self, channel: str, number: int, seller_id: str, placed_at: datetime) -> Line:
        rng = self._rng
        rows = [self._sold_line(channel, row) for row in self._lines(seller_id)]
        goods = sum(row["quantity"] * row["price"] for row in rows)
        shipping = rng.choice((0, 16000, 22000))
        name = f"{rng.choice(FAMILY_NAMES)} {rng.choice(MIDDLE_NAMES)} {rng.choice('ABCDEGH')}"
        address = self._address()
        return {
            "number": market_number(channel, number, placed_at),
            "shop": self._shops[channel][seller_id],
            "placed_at": placed_at.isoformat(),
            "buyer": {"name": name, "phone": f"09000000{rng.randrange(100):02d}"},
            "address": {
                "street": address["street"],
                "ward": address["ward_name"],
                "district": "",
                "province": address["province_name"],
            },
            "lines": rows,
            "shipping": shipping,
            "discount": 0,
            "cod": goods + shipping if rng.random() < COD_SHARE else 0,
            "platform_ships": rng.random() < PLATFORM_SHIPS[channel],
        }

    def _sold_line(self, channel: str, row: Line) -> Line:
        return {
            "sku": row["sku"],
            "name": row["name"],
            "quantity": row["quantity"],
            "price": row["unit_price"],
            "weight": row.get("weight_g", 0),
            "ref": self._listings.get((channel, row["sku"]), ""),
        }

    def _moment(self) -> datetime:
        days = range(1, LAST_ORDER_DAY + 1)
        day = self._rng.choices(days, [SALE_DAYS.get(day, 1.0) for day in days])[0]
        hour = self._rng.choices(range(24), BUSY_HOURS)[0]
        seconds = self._rng.randrange(3600)
        return MONTH_START + timedelta(days=day - 1, hours=hour, seconds=seconds)

    def _body(self, number: int, channel: str, seller_id: str, placed_at: datetime) -> Line:
        rng = self._rng
        ordered = self._lines(seller_id)
        goods = sum(row["quantity"] * row["unit_price"] for row in ordered)
        shipping = rng.choice((0, 16000, 22000, 28000, 35000))
        discount = rng.choice((0, 0, 0, 5000, 10000))
        total = goods + shipping - discount
        cod = total if rng.random() < COD_SHARE else 0
        name = f"{rng.choice(FAMILY_NAMES)} {rng.choice(MIDDLE_NAMES)} {rng.choice('ABCDEGH')}"
        body: Line = {
            "format": "ocop.order/1",
            "channel": channel,
            "channel_order_no": f"{PREFIX[channel]}-2610{number:06d}",
            "event": "placed",
            "version": 1,
            "placed_at": placed_at.isoformat(),
            "updated_at": placed_at.isoformat(),
            "seller_ref": seller_id if channel == "direct" else f"{channel[0].upper()}-{seller_id}",
            "buyer": {"name": name, "phone": f"09000000{rng.randrange(100):02d}"},
            "ship_to": self._address(),
            "lines": ordered,
            "totals": {
                "goods": goods,
                "shipping": shipping,
                "discount": discount,
                "grand_total": total,
                "currency": "VND",
            },
            "payment": {
                "method": "cod" if cod else "prepaid",
                "cod_amount": cod,
                "shipping_payer": "buyer" if shipping else "seller",
            },
            "fixed_carrier": None,
            "note": "",
        }
        if rng.random() < self._shares.decomposed_text:
            return decompose(body)
        return body

    def _lines(self, seller_id: str) -> list[Line]:
        rng, products = self._rng, self._products[seller_id]
        chosen = rng.sample(products, min(len(products), rng.choices((1, 2), (7, 3))[0]))
        rows = []
        for line_no, product in enumerate(chosen, start=1):
            unknown = rng.random() < self._shares.unknown_product
            row = {
                "line_no": line_no,
                "sku": f"{product['sku']}-X" if unknown else product["sku"],
                "name": product["name"],
                "quantity": rng.choices((1, 2, 3), (7, 2, 1))[0],
                "unit_price": self._prices[product["sku"]],
            }
            if product["weight_g"] and rng.random() < self._shares.line_weight and not unknown:
                row["weight_g"] = int(product["weight_g"])
            rows.append(row)
        return rows

    def _address(self) -> Line:
        rng = self._rng
        province = rng.choices(self._provinces, self._weights)[0]
        ward = rng.choice(self._wards[province])
        street = f"Số {rng.randrange(1, 200)} Đường Mẫu"
        old = self._old.get(province)
        if old and rng.random() < self._shares.old_province * 2:
            return {
                "street": street,
                "ward_code": None,
                "ward_name": ward.name,
                "province_code": old.code,
                "province_name": old.name,
                "vintage": "pre-2025-07",
                "postcode": None,
            }
        return {
            "street": street,
            "ward_code": ward.code,
            "ward_name": ward.name,
            "province_code": province,
            "province_name": ward.province_name,
            "vintage": "2025-07",
            "postcode": None,
        }

    def _bad_address(self, good: Line) -> Line:
        """No such commune, or two that differ only in tones (Tây Ninh has both)."""
        bad = {**good, "ward_code": None, "ward_name": "Phường Không Có Thật"}
        if self._rng.random() < self._shares.ambiguous_address:
            bad |= {
                "ward_name": "Tan Thanh",
                "province_code": "80",
                "province_name": "Tây Ninh",
                "vintage": "2025-07",
            }
        return bad

    def _amendment(self, body: Line, seller_id: str, changes: Line) -> Line:
        at = datetime.fromisoformat(body["placed_at"]) + timedelta(hours=1)
        amended = {**body, **changes, "event": "amended", "version": 2}
        amended["updated_at"] = at.isoformat()
        return line(at, body["channel"], seller_id, "amend", amended)

    def _more_units(self, body: Line) -> Line:
        lines = [dict(row) for row in body["lines"]]
        lines[0]["quantity"] += 1
        added = lines[0]["unit_price"]
        totals = dict(body["totals"])
        totals["goods"] += added
        totals["grand_total"] += added
        payment = dict(body["payment"])
        if payment["method"] == "cod":
            payment["cod_amount"] += added
        return {"lines": lines, "totals": totals, "payment": payment}

    def _cancellation(self, body: Line, seller_id: str) -> list[Line]:
        shares, draw = self._shares, self._rng.random()
        steps = (
            (shares.cancelled_early, None),
            (shares.cancelled_packed, "label_ready"),
            (shares.cancelled_shipped, "in_transit"),
        )
        for share, after in steps:
            if draw < share:
                return [self._cancelled(body, seller_id, after)]
            draw -= share
        return []

    def _cancelled(self, body: Line, seller_id: str, after: str | None) -> Line:
        at = datetime.fromisoformat(body["placed_at"]) + timedelta(minutes=40)
        kept = ("format", "channel", "channel_order_no", "placed_at", "seller_ref")
        cancelled = {name: body[name] for name in kept}
        cancelled |= {
            "event": "cancelled",
            "version": 2,
            "updated_at": at.isoformat(),
            "cancel": {"by": "buyer", "reason": "changed_mind"},
        }
        return line(at, body["channel"], seller_id, "cancel", cancelled, after=after)
