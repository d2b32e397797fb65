"""What a batch is made of: runs of records, decoded, and checked against the marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pydantic import ValidationError

from streams.runtime.failures import CheckpointLost
from streams.runtime.stage import Dead, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.topics import Topic
    from streams.runtime.checkpoint import Mark
    from streams.runtime.stage import Record

Item: TypeAlias = Message | Dead


@dataclass(frozen=True, slots=True)
class Run:
    """Records of one topic as one fetch brought them, decoded; never empty.

    `begins`: from this offset on nothing was left out by us. A fetch begins at its first record;
    the second half of a halved run begins where the first half ends.
    """

    items: Sequence[Item]
    begins: int

    @property
    def topic(self) -> str:
        """The topic all its records are of."""
        return self.items[0].record.topic

    @property
    def ends(self) -> int:
        """The offset after its last record."""
        return self.items[-1].record.offset + 1


def decoded_run(records: Sequence[Record], topic: Topic) -> Run:
    """A fetch, decoded: what cannot be read is dead from here on."""
    return Run([_decoded(record, topic) for record in records], records[0].offset)


def _decoded(record: Record, topic: Topic) -> Item:
    if topic.event is None:
        return Message(record, None)
    try:
        return Message(record, topic.event.model_validate_json(record.value or b"", extra="ignore"))
    except ValidationError as error:
        return Dead(record, "undecodable", _without_values(error))


def _without_values(error: ValidationError) -> str:
    """Where and how it failed, without the values: they may be somebody's."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part)[:40] for part in first["loc"])
    return f"{where or 'value'}: {first['type']}" + (f" and {len(others)} more" if others else "")


def halves(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The same records in two parts, as equal as can be; order is kept.

    Raises ValueError for fewer than two records.
    """
    wanted = size(runs) // 2
    if wanted == 0:
        raise ValueError("nothing to halve")
    first: list[Run] = []
    rest = list(runs)
    while wanted >= len(rest[0].items):
        wanted -= len(rest[0].items)
        first.append(rest.pop(0))
    head, tail = _cut(rest[0], wanted)
    return [*first, *head], [*tail, *rest[1:]]


def _cut(run: Run, at: int) -> tuple[list[Run], list[Run]]:
    if at == 0:
        return [], [run]
    head = Run(run.items[:at], run.begins)
    return [head], [Run(run.items[at:], head.ends)]


def size(runs: Sequence[Run]) -> int:
    """How many records."""
    return sum(len(run.items) for run in runs)


@dataclass(slots=True)
class Vetted:
    """What is new in a batch, and where the marks stand after it.

    `seek_back`: topics that begin above their mark, with the offset they must be read from.
    """

    marks: dict[str, Mark]
    items: list[Item] = field(default_factory=list)
    holes: int = 0
    redelivered: int = 0
    seek_back: dict[str, int] = field(default_factory=dict)


def vet(runs: Sequence[Run], marks: Mapping[str, Mark], accepted: Mapping[str, int]) -> Vetted:
    """Drop what lies below the marks, refuse what leaves a gap above them.

    `accepted`: topics sought back once already, and to where: a gap there is the broker's.
    Raises CheckpointLost for a topic without a mark.
    """
    vetted = Vetted(dict(marks))
    for run in runs:
        if run.topic not in marks:
            raise CheckpointLost(f"{run.topic} has no mark")
        mark = vetted.marks[run.topic]
        fresh = [item for item in run.items if item.record.offset >= mark.next_offset]
        vetted.redelivered += len(run.items) - len(fresh)
        if not fresh:
            continue
        if run.begins > mark.next_offset and accepted.get(run.topic) != mark.next_offset:
            vetted.seek_back[run.topic] = mark.next_offset
            continue
        vetted.items += fresh
        vetted.holes += run.ends - mark.next_offset - len(fresh)
        vetted.marks[run.topic] = mark.after(fresh[-1].record)
    return vetted
