"""An appender whose log is the in-memory pipeline's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.kafka.appender import Appender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.topics import Topic
    from streams.runtime.memory import Pipeline


class Appended(Appender):
    """Appends for gateway and jobs; nothing is read before the pipeline runs."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__("nowhere:1", "tests")
        self._pipeline = pipeline

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self._pipeline.send(topic.name, key, value, encoded)
