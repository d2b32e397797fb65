"""What a platform blacked out is told from what a buyer wrote."""

from __future__ import annotations

import pytest

from services.channels.masks import is_masked


@pytest.mark.parametrize("text", ["T******B", "S******", "84*********02", "Trần ++", "●●● B"])
def test_masked_text_is_seen(text: str) -> None:
    assert is_masked(text)


@pytest.mark.parametrize("text", ["Trần Thị B", "Số 1/2 Đường 3+4", "+84900000002", "Xxanh", ""])
def test_open_text_is_left_alone(text: str) -> None:
    assert not is_masked(text)
