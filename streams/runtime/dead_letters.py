"""Dead letters: the record as it came, why nobody could handle it, and an index of them."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from schemas.topics import DEAD_MAX_BYTES
from streams.runtime.outgoing import Outgoing, within
from streams.runtime.stage import Dead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schemas.topics import Topic
    from streams.runtime.stage import Record, Transaction

STACKTRACE_MAX_BYTES: Final = 8 * 1024
MESSAGE_MAX_BYTES: Final = 2 * 1024

REPLAY_HEADER: Final = "ocop_replay"
"""How often a record was taken out of its dead-letter topic and sent again."""

ERRORS: Final = "__streams.errors."
OURS: Final = ("ocop_timestamp_ms", "ocop_stage", "ocop_attempt", "ocop_code")

# A letter that is buried again (a batch tried twice, a replay that failed) is one letter, open.
INDEX_DEAD_LETTERS = """
    INSERT INTO runtime.dead_letters (stage, topic, partition, "offset", code, reason, at)
    SELECT $1, t.topic, t.partition, t."offset", t.code, t.reason, $7
      FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[])
           AS t (topic, partition, "offset", code, reason)
        ON CONFLICT (topic, partition, "offset", stage) DO UPDATE
       SET code = excluded.code, reason = excluded.reason, at = excluded.at, replayed_at = NULL
"""


def buried(record: Record, error: BaseException) -> Dead:
    """The death of a record that no handler survives; the message stays out of the index."""
    name = type(error).__qualname__
    trace = "".join(traceback.format_exception(error))
    text = str(error).encode()[:MESSAGE_MAX_BYTES].decode(errors="ignore")
    return Dead(record, "unhandled", name, error=f"{name}: {text}", stacktrace=trace)


def letter(dead: Dead, stage: str, topic: Topic) -> Outgoing:
    """The record for `<topic>.dead`: original key, value and headers, ours behind them.

    The error headers are those of Kafka Streams (KIP-1034). It lies in the partition number its
    record came from.
    """
    record = dead.record
    name, _, message = dead.error.partition(": ")
    stack = dead.stacktrace.encode()[-STACKTRACE_MAX_BYTES:]
    ours: dict[str, str] = {
        f"{ERRORS}exception": name or dead.code,
        f"{ERRORS}message": message or dead.reason,
        f"{ERRORS}stacktrace": stack.decode(errors="ignore"),
        f"{ERRORS}topic": record.topic,
        f"{ERRORS}partition": str(record.partition),
        f"{ERRORS}offset": str(record.offset),
        "ocop_timestamp_ms": str(record.timestamp_ms),
        "ocop_stage": stage,
        "ocop_attempt": str(replays(record) + 1),
        "ocop_code": dead.code,
    }
    headers = (*record.headers, *((key, value.encode()) for key, value in ours.items()))
    out = Outgoing(topic.dead, record.key, record.value, headers, record.partition)
    return within(out, DEAD_MAX_BYTES)


def replays(record: Record) -> int:
    """How often the record was replayed before."""
    count = record.header(REPLAY_HEADER) or "0"
    return int(count) if count.isascii() and count.isdigit() else 0


def replayed(letter_record: Record) -> Outgoing:
    """A dead letter as it goes to its topic again: as it first came, and marked as a replay."""
    topic = letter_record.header(f"{ERRORS}topic")
    if topic is None:
        raise ValueError("not a dead letter of ours: it does not name its topic")
    kept = tuple(
        (name, value)
        for name, value in letter_record.headers
        if not name.startswith(ERRORS) and name not in OURS and name != REPLAY_HEADER
    )
    again = str(replays(letter_record) + 1).encode()
    headers = (*kept, (REPLAY_HEADER, again))
    return Outgoing(topic, letter_record.key, letter_record.value, headers, letter_record.partition)


async def index(tx: Transaction, stage: str, dead: Sequence[Dead], now: datetime) -> None:
    """Note dead letters where `ocop dead list` finds them, in the batch's own transaction."""
    if not dead:
        return
    letters = {(one.record.topic, one.record.offset): one for one in dead}.values()
    records = [one.record for one in letters]
    await tx.execute(
        INDEX_DEAD_LETTERS,
        stage,
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [one.code for one in letters],
        [one.reason for one in letters],
        now,
    )
