"""The sample month is data made by its generator, and large and varied enough."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from schemas.intake import Channel
from services.registry.load import read_registry
from services.registry.rows import OriginRow, ProductRow
from services.sandbox.month.channels import MARKETPLACES, Line, number_of, read_lines
from services.sandbox.sample import FOLDER
from services.sandbox.sample.__main__ import ORDERS, SEED, write_sample
from services.sandbox.sample.wards import read_wards

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(read_lines(FOLDER / "orders.jsonl"))


def test_the_checked_in_data_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_sample(tmp_path, ORDERS, SEED)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in FOLDER.iterdir()}


def test_another_seed_makes_other_orders(tmp_path: Path) -> None:
    write_sample(tmp_path, 50, SEED + 1)
    assert (tmp_path / "orders.jsonl").read_bytes() != (FOLDER / "orders.jsonl").read_bytes()


def test_there_are_at_least_two_thousand_different_orders_of_all_seven_channels(
    lines: list[Line],
) -> None:
    orders = {(line["channel"], number_of(line)) for line in lines}
    assert len(orders) >= 2000
    assert {channel for channel, _ in orders} == set(Channel)


def test_goods_leave_from_and_go_to_every_province(lines: list[Line]) -> None:
    provinces = set(read_wards())
    origins = {
        row.province_code
        for kind, rows in read_registry(FOLDER)
        if kind is OriginRow
        for row in rows
        if isinstance(row, OriginRow)
    }
    destinations = {
        line["body"]["ship_to"]["province_code"]
        for line in lines
        if line["kind"] == "order"
        and line["channel"] not in MARKETPLACES
        and line["body"]["ship_to"]["vintage"] == "2025-07"
    }
    assert origins == provinces
    assert destinations == provinces


def test_real_life_is_in_it(lines: list[Line]) -> None:
    kinds = Counter((line["kind"], line["after"]) for line in lines)
    assert kinds["amend", None] > 20
    assert kinds["cancel", None] > 20
    assert kinds["cancel", "label_ready"] > 5
    assert kinds["cancel", "in_transit"] > 5
    orders = Counter(number_of(line) for line in lines if line["kind"] == "order")
    assert sum(count > 1 for count in orders.values()) > 50


def test_every_product_but_a_tour_has_a_weight_and_a_size() -> None:
    products = [
        row
        for kind, rows in read_registry(FOLDER)
        if kind is ProductRow
        for row in rows
        if isinstance(row, ProductRow)
    ]
    assert {row.ocop_group for row in products if row.weight_g is None} == {"tourism"}
    assert len(products) > 100


def test_only_the_first_orders_are_read_when_a_number_is_given() -> None:
    few = list(read_lines(FOLDER / "orders.jsonl", orders=10))
    assert len({number_of(line) for line in few}) == 10
