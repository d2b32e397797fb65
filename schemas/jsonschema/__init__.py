"""The language as JSON Schema (draft 2020-12): one file an event, for those who do not read Python.

The files beside this module are generated from the models (`make schemas`); a test compares them.
They say what we write. Whoever reads our topics must ignore fields they do not know: a field may
be added within a major version, so the files forbid none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.catalogue import PACKING_REPORTED, TOPICS, partner_topic
from schemas.packing import PackingReport
from schemas.partner import PartnerEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from schemas.topics import Topic

FOLDER: Final = Path(__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

PUBLISHED: Final = FOLDER.parent / "published"
"""Each file as it was first released: what a change is compared with."""

PARTNER_FILE: Final = "partner.tracking.v1.json"
"""What a partner writes to its own topic, and sends to the gateway."""

RAW_BODIES: Final[Mapping[str, type[BaseModel]]] = {PACKING_REPORTED.name: PackingReport}
"""Raw topics whose bodies are in a format of ours; what a partner writes has the partner's."""


def body_of(topic: Topic) -> type[BaseModel] | None:
    """The model of a topic's values; None for bytes in a partner's format."""
    return topic.event or RAW_BODIES.get(topic.name)


def schema_of(topic: Topic, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a topic's values, with the topic's own name, key and purpose."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:ocop:{topic.name}",
        "x-kafka-key": topic.key,
        "x-purpose": topic.purpose,
        **_open(model.model_json_schema(mode="serialization")),
    }


def files() -> dict[str, str]:
    """Every file by name, as it must be in the folder."""
    told = {
        f"{topic.name}.json": schema_of(topic, model)
        for topic in TOPICS
        if (model := body_of(topic))
    }
    told[PARTNER_FILE] = schema_of(partner_topic("PARTNER"), PartnerEvent)
    return {
        name: json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in told.items()
    }


def _open(schema: Any) -> Any:
    """The same schema without the ban on unknown fields: we refuse them only when we write."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _open(part)
        for name, part in schema.items()
        if not (name == "additionalProperties" and part is False)
    }
