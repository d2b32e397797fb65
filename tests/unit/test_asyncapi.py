"""The AsyncAPI document is that of the catalogue, and everything it points to is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.asyncapi import FILE, document, text
from schemas.catalogue import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = document()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for one in part:
            yield from references(one)


def test_the_file_is_what_the_generator_writes() -> None:
    assert FILE.read_text("utf-8") == text()


def test_every_topic_is_a_channel_with_one_operation() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {topic.name for topic in TOPICS} | {"partner.{partner}.tracking.v1"}
    told = {one["channel"]["$ref"] for one in DOCUMENT["operations"].values()}
    assert told == {f"#/channels/{name}" for name in DOCUMENT["channels"]}


def test_everything_it_points_to_is_there() -> None:
    for reference in references(DOCUMENT):
        place, _, path = reference.partition("#/")
        if place:
            assert json.loads((FILE.parent / place).read_text("utf-8"))["type"] == "object"
            continue
        found: Any = DOCUMENT
        for step in path.split("/"):
            found = found[step]
        assert found


def test_raw_topics_are_received_and_facts_are_sent() -> None:
    actions = {one["channel"]["$ref"]: one["action"] for one in DOCUMENT["operations"].values()}
    assert actions["#/channels/tracking.received.v1"] == "receive"
    assert actions["#/channels/partner.tracking.v1"] == "receive"
    assert actions["#/channels/feed.appended.v1"] == "send"
