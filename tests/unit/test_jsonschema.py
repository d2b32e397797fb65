"""The checked-in JSON Schemas are those of the models: what fits one fits the other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.catalogue import TOPICS, TOPICS_BY_NAME
from schemas.jsonschema import FOLDER, body_of, files

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

TOLD = [topic.name for topic in TOPICS if body_of(topic)]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def documents(schema: dict[str, Any], root: dict[str, Any]) -> SearchStrategy[Any]:
    """Whatever fits the schema, in the words our models use."""
    match schema:
        case {"$ref": str(name)}:
            return documents(root["$defs"][name.rpartition("/")[2]], root)
        case {"anyOf": parts}:
            return st.one_of([documents(part, root) for part in parts])
        case {"enum": values}:
            return st.sampled_from(values)
        case {"type": "object", "properties": properties}:
            fields = {name: documents(part, root) for name, part in properties.items()}
            needed = {name: fields.pop(name) for name in schema["required"]}
            return st.fixed_dictionaries(needed, optional=fields)
        case {"type": "object", "additionalProperties": values}:
            return st.dictionaries(st.text(max_size=5), documents(values, root), max_size=2)
        case {"type": "array", "items": items}:
            fewest = schema.get("minItems", 0)
            return st.lists(documents(items, root), min_size=fewest, max_size=fewest + 1)
        case _:
            return scalars(schema)


def scalars(schema: dict[str, Any]) -> SearchStrategy[Any]:
    """Numbers in the schema's limits, texts of its format or pattern."""
    match schema:
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
        case {"type": "integer"}:
            lowest = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            return st.integers(lowest, schema.get("maximum", 2**53))
        case {"pattern": pattern}:
            return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
        case {"format": "date-time"}:
            return MOMENTS.map(datetime.isoformat)
        case {"format": "date"}:
            return st.dates(date(2020, 1, 1)).map(date.isoformat)
        case {"type": "string"}:
            return st.text(st.characters(codec="utf-8"), max_size=8)
        case _:
            raise AssertionError(f"no model of ours writes {schema}")


def schema_file(name: str) -> dict[str, Any]:
    """The checked-in file of a topic."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def test_the_files_are_what_the_generator_writes() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")} == files()


def test_every_event_has_a_file() -> None:
    told = {topic.name for topic in TOPICS if topic.event}
    assert told <= {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", TOLD)
def test_a_file_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(schema_file(name))


@pytest.mark.parametrize("name", TOLD)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_fits_the_file_is_understood_and_what_we_write_fits_it(
    name: str, data: st.DataObject
) -> None:
    schema, model = schema_file(name), body_of(TOPICS_BY_NAME[name])
    assert model is not None
    document = data.draw(documents(schema, schema))
    written = model.model_validate_json(json.dumps(document)).model_dump_json()
    Draft202012Validator(schema).validate(json.loads(written))


@pytest.mark.parametrize("name", TOLD)
def test_a_document_that_lacks_what_it_needs_does_not_fit(name: str) -> None:
    schema = schema_file(name)
    assert schema["required"]
    assert not Draft202012Validator(schema).is_valid({})


def test_a_field_of_a_later_minor_version_is_no_error() -> None:
    schema = schema_file("booking.void_requested.v1")
    event = {"version": 1, "occurred_at": "2026-10-01T00:00:00Z", "order_id": "o", "seller_id": "s"}
    assert Draft202012Validator(schema).is_valid({**event, "why": "w", "added_later": 1})
