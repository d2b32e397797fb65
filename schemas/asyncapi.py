"""The topics as an AsyncAPI 3.0 document: what there is to read and to write, for everybody else.

`schemas/asyncapi.json` is generated from the catalogue (`make schemas`); a test compares them. The
document speaks for the application: it sends what its stages tell and receives what comes from
outside. Payloads are the files of `schemas/jsonschema/`, so that there is one of each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.catalogue import TOPICS, partner_topic
from schemas.jsonschema import PARTNER_FILE, body_of

if TYPE_CHECKING:
    from schemas.topics import Topic

FILE: Final = Path(__file__).with_name("asyncapi.json")
HOUR_MS: Final = 3_600_000
BINDING: Final = "0.5.0"
PARTNER_TOPIC: Final = partner_topic("{partner}")

# CloudEvents 1.0, Kafka protocol binding, binary content mode; trace context of W3C.
HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "description": "The same for every copy: drop repeats by it."},
        "ce_type": {"type": "string", "description": "The topic's name."},
        "ce_source": {"type": "string", "description": "/ocop/<stage>"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The entity `version` counts for."},
        "content-type": {"type": "string"},
        "traceparent": {"type": "string"},
    },
}


def document() -> dict[str, Any]:
    """The whole document."""
    topics = (*TOPICS, PARTNER_TOPIC)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OCOP order fulfilment",
            "version": "1",
            "description": "Orders in, parcels followed, a seller's feed out: the Kafka topics.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel_id(topic): channel(topic) for topic in topics},
        "operations": {operation_id(topic): operation(topic) for topic in topics},
        "components": {
            "messages": {channel_id(topic): message(topic) for topic in topics},
            "messageTraits": {"cloudEvent": {"headers": HEADERS}},
        },
    }


def channel_id(topic: Topic) -> str:
    """A name without braces, which ids may not hold."""
    return "partner.tracking.v1" if topic is PARTNER_TOPIC else topic.name


def operation_id(topic: Topic) -> str:
    """`send order.placed.v1`, in one word."""
    return f"{action(topic)}.{channel_id(topic)}"


def action(topic: Topic) -> str:
    """What the application does with it: ingest topics come from outside."""
    return "receive" if topic.ingest else "send"


def channel(topic: Topic) -> dict[str, Any]:
    """The topic, its key, and how it is kept."""
    parameter = {"partner": {"description": "The partner's id in the registry."}}
    return {
        "address": topic.name,
        "description": f"{topic.purpose}. Key: {topic.key}.",
        **({"parameters": parameter} if topic is PARTNER_TOPIC else {}),
        "messages": {"event": {"$ref": f"#/components/messages/{channel_id(topic)}"}},
        "bindings": {"kafka": binding(topic)},
    }


def binding(topic: Topic) -> dict[str, Any]:
    """AsyncAPI's words for what `ocop topics` creates."""
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": ["compact" if topic.compacted else "delete"],
            "retention.ms": topic.retention_h * HOUR_MS,
            "max.message.bytes": topic.max_bytes,
        },
        "bindingVersion": BINDING,
    }


def operation(topic: Topic) -> dict[str, Any]:
    """One operation a topic."""
    address = f"#/channels/{channel_id(topic)}"
    return {
        "action": action(topic),
        "channel": {"$ref": address},
        "messages": [{"$ref": f"{address}/messages/event"}],
    }


def message(topic: Topic) -> dict[str, Any]:
    """What a record holds; no payload schema where the bytes are a partner's own."""
    key = {"kafka": {"key": {"type": "string"}, "bindingVersion": BINDING}}
    told: dict[str, Any] = {"name": channel_id(topic), "summary": topic.purpose, "bindings": key}
    if topic is PARTNER_TOPIC:
        return told | {"payload": {"$ref": f"./jsonschema/{PARTNER_FILE}"}}
    told["traits"] = [{"$ref": "#/components/messageTraits/cloudEvent"}]
    if body_of(topic) is None:
        return told | {"description": "Bytes in the sender's own format, as they came."}
    return told | {"payload": {"$ref": f"./jsonschema/{topic.name}.json"}}


def text() -> str:
    """The file's content."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"
