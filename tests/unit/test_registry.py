"""Registry files: good ones are read whole, bad ones named row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.registry.load import RegistryInvalid, read_registry
from services.registry.rows import SellerRow

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_vietnamese_text_and_a_byte_order_mark_survive(tmp_path: Path) -> None:
    (tmp_path / "sellers.csv").write_text(
        "seller_id,name,kind\nS1,HTX Đồng Tháp,cooperative\n", encoding="utf-8-sig"
    )
    assert read_registry(tmp_path) == [
        (SellerRow, [SellerRow(seller_id="S1", name="HTX Đồng Tháp", kind="cooperative")])
    ]


def test_every_bad_row_is_named_with_its_line_and_column(tmp_path: Path) -> None:
    write(tmp_path, "sellers.csv", "seller_id,name,kind\nS 1,A,company\nS2,,company\nS3,B,shop\n")
    with pytest.raises(RegistryInvalid) as invalid:
        read_registry(tmp_path)
    places = [(error.line, error.column) for error in invalid.value.errors]
    assert places == [(2, "seller_id"), (3, "name"), (4, "kind")]


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "sellers.csv", "seller_id,name,kind,colour\nS1,A,company,red\n")
    with pytest.raises(RegistryInvalid, match="colour"):
        read_registry(tmp_path)


def test_a_repeated_key_is_refused_and_points_to_the_first(tmp_path: Path) -> None:
    write(tmp_path, "sellers.csv", "seller_id,name,kind\nS1,A,company\nS1,B,company\n")
    with pytest.raises(RegistryInvalid, match=r"sellers\.csv:3: seller_id: repeats line 2"):
        read_registry(tmp_path)


def test_a_folder_without_registry_files_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"sellers\.csv"):
        read_registry(tmp_path)
