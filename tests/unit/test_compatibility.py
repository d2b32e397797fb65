"""Events stay readable: what was published first still fits, and every kind of break is named."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas.compatibility import breaks
from schemas.jsonschema import FOLDER, PUBLISHED, files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = sorted(path.name for path in PUBLISHED.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_whatever_was_published_can_still_be_read(name: str) -> None:
    assert breaks(read(PUBLISHED / name), read(FOLDER / name)) == []


def test_every_topic_of_ours_is_published() -> None:
    assert set(NAMES) == set(files())


A_SCHEMA: dict[str, Any] = {
    "$defs": {"Word": {"type": "string", "enum": ["yes", "no"]}},
    "type": "object",
    "properties": {
        "word": {"$ref": "#/$defs/Word"},
        "grams": {"type": "integer", "minimum": 0},
        "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {}}}},
    },
    "required": ["word"],
}


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    new = copy.deepcopy(A_SCHEMA)
    change(new)
    return breaks(A_SCHEMA, new)


def test_a_field_that_may_be_absent_and_a_new_word_break_nothing() -> None:
    assert changed(lambda new: new["properties"].update(colour={"type": "string"})) == []
    assert changed(lambda new: new["$defs"]["Word"]["enum"].append("maybe")) == []
    assert changed(lambda new: new["properties"]["grams"].pop("minimum")) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda new: new["properties"].pop("grams"), ".grams: gone"),
        (lambda new: new["required"].append("grams"), ".grams: required now"),
        (lambda new: new["$defs"]["Word"]["enum"].remove("no"), ".word: no no longer allowed"),
        (lambda new: new["properties"]["grams"].update(type="string"), ".grams: type was"),
        (lambda new: new["properties"]["grams"].update(minimum=1), ".grams: minimum was 0"),
        (lambda new: new["properties"]["grams"].update(maximum=9), ".grams: maximum was None"),
        (lambda new: new["properties"]["at"]["anyOf"].pop(), ".at: type was null"),
        (lambda new: new["properties"]["at"]["anyOf"].pop(0), ".at: type was string"),
        (
            lambda new: new["properties"]["lines"]["items"]["properties"].pop("sku"),
            ".lines[].sku: gone",
        ),
        (lambda new: new["properties"]["grams"].update(enum=[1]), ".grams: any value was"),
        (lambda new: new["properties"]["grams"].update(pattern="x"), ".grams: pattern was None"),
    ],
)
def test_every_kind_of_break_is_named(
    change: Callable[[dict[str, Any]], object], told: str
) -> None:
    (found,) = changed(change)
    assert found.startswith(told)
