"""Orders as channels send them, as many as wanted: the sample month's generator, trouble left out.

Amendments, cancellations, addresses that do not exist and goods that may not be sent are what the
demo and the tests are about. Here every order is to reach its buyer.
"""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING, Any, Final

from services.sandbox.month.channels import MARKETPLACES
from services.sandbox.sample import FOLDER
from services.sandbox.sample.__main__ import SEED
from services.sandbox.sample.orders import OrderMaker
from services.sandbox.sample.registry import make_registry
from services.sandbox.sample.wards import read_old_provinces, read_wards

if TYPE_CHECKING:
    from collections.abc import Iterator

Line = dict[str, Any]

MORE: Final = 3
"""Orders made for each one wanted."""
UNSENDABLE: Final = frozenset({"frozen", "live_animal", "live_plant", "fresh", "oversize"})
VALID_UNTIL: Final = "2026-12-01"
CARRIERS: Final = ("viettelpost", "vnpost")
"""Whose doubles the bench has in its own process; buyers ask for them in turn."""


def order_lines(count: int, channel: str | None = None) -> list[Line]:
    """Lines of `orders.jsonl` with numbers of their own, `count` of them, in order of time."""
    rng = random.Random(SEED)  # noqa: S311 (the sample month's own registry)
    wards = read_wards()
    registry = make_registry(rng, wards)
    maker = OrderMaker(rng, registry, wards, read_old_provinces())
    sendable = sendable_skus()
    kept: dict[str, Line] = {}
    wanted = count * (MORE if channel is None else MORE * 3)
    for line in maker.make(wanted):
        told = line["kind"] == "order" and line["channel"] not in MARKETPLACES
        if told and channel in {None, line["channel"]}:
            body = line["body"]
            if arrives(body, sendable):
                body["fixed_carrier"] = CARRIERS[len(kept) % len(CARRIERS)]
                kept.setdefault(body["channel_order_no"], line)
        if len(kept) == count:
            break
    return list(kept.values())


def arrives(body: Line, sendable: frozenset[str]) -> bool:
    """Whether nothing stands in this order's way."""
    to = body["ship_to"]
    return to["ward_code"] is not None and all(row["sku"] in sendable for row in body["lines"])


def sendable_skus() -> frozenset[str]:
    """Products of the sample that every carrier takes, with certificates that hold."""
    lapsed = {
        row["sku"]
        for row in rows_of("certificates")
        if row["revoked_on"] or (row["expires_on"] and row["expires_on"] < VALID_UNTIL)
    }
    return frozenset(
        row["sku"]
        for row in rows_of("products")
        if row["sku"] not in lapsed
        and row["prohibited"] == "false"
        and row["weight_g"]
        and not UNSENDABLE & set(row["handling"].split())
    )


def rows_of(table: str) -> Iterator[dict[str, str]]:
    """Rows of one of the sample registry's files."""
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
