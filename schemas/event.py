"""What every record we write to Kafka has in common."""

import uuid
from abc import abstractmethod
from typing import ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt

EVENT_NAMESPACE = uuid.UUID("6f0c1f5e-6a3b-5f0e-9f6d-0c0b3a5d7e21")


class Value(BaseModel):
    """A frozen part of an event. Unknown fields are refused when we build one, ignored when we read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Value):
    """One fact or result. State-carrying: the newest `version` of an `entity` replaces older ones.

    `version` rises by one with every change of the entity and never repeats with other content;
    after a restore from backup it is led by a new era (see `next_version`).
    `occurred_at` is when it happened in the world, not when we wrote it.
    """

    topic_name: ClassVar[str]

    version: NonNegativeInt
    occurred_at: AwareDatetime

    @property
    @abstractmethod
    def key(self) -> str:
        """The Kafka key: what must stay in order."""

    @property
    @abstractmethod
    def entity(self) -> str:
        """The id that `version` counts for, unique inside the topic."""

    @property
    def event_id(self) -> uuid.UUID:
        """The same for every copy of this event, so that any reader can drop repeats."""
        return uuid.uuid5(EVENT_NAMESPACE, f"{self.topic_name}|{self.entity}|{self.version}")


ERA_BITS = 40


def next_version(previous: int, era: int = 0) -> int:
    """The version after `previous`; a newer era starts above every version of an older one."""
    return max(previous + 1, era << ERA_BITS)
