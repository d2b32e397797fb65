"""Outputs on the wire: headers, traces, partitions, and what the checkpoint keeps of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.dead_letters import buried, letter, replayed
from streams.runtime.failures import OutputTooLarge
from streams.runtime.outgoing import Outgoing, outgoing, packed, unpacked
from streams.runtime.partitions import partition_of
from streams.runtime.stage import Dead, Output, Record
from tests.runtime_toys import a_bank, an_entry

BANK = a_bank()
A_RECORD = Record(
    BANK.paid.name, 3, 17, 1_790_000_000_000, b"an-1", b"\xff", (("ocop_kind", b"order"),)
)

records = st.builds(
    Outgoing,
    st.text(max_size=20),
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=50),
    st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=4).map(tuple),
    st.none() | st.integers(0, 99),
)


@given(st.lists(records, max_size=5))
def test_the_checkpoint_gives_back_what_it_was_given(outputs: list[Outgoing]) -> None:
    assert list(unpacked(packed(outputs))) == outputs


@given(st.binary(min_size=1, max_size=60), st.integers(1, 50))
def test_keys_lie_where_every_other_client_looks_for_them(key: bytes, partitions: int) -> None:
    everywhere = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everywhere, everywhere)


def test_an_output_is_the_same_however_often_it_is_made() -> None:
    output = Output(an_entry(BANK.paid, "x"))
    assert outgoing(output, "s", BANK.catalogue) == outgoing(output, "s", BANK.catalogue)


def test_an_output_without_a_cause_begins_a_trace() -> None:
    made = outgoing(Output(an_entry(BANK.paid, "x")), "s", BANK.catalogue)
    version, trace, span, flags = dict(made.headers)["traceparent"].decode().split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")


def test_a_broken_trace_is_not_carried_on() -> None:
    cause = replace(A_RECORD, headers=(("traceparent", b"\xff"),))
    made = outgoing(Output(an_entry(BANK.paid, "x"), cause), "s", BANK.catalogue)
    assert dict(made.headers)["traceparent"].count(b"-") == 3


def test_an_output_over_its_topics_limit_is_refused() -> None:
    tight = BANK.catalogue | {BANK.paid.name: replace(BANK.paid, max_bytes=1200)}
    with pytest.raises(OutputTooLarge):
        outgoing(Output(an_entry(BANK.paid, "x")), "s", tight)


def test_a_letter_says_everything_about_its_death_but_cuts_the_trace() -> None:
    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        raise ValueError("x" * 20_000)

    with pytest.raises(ValueError, match="xxx") as raised:
        fail(200)
    made = dict(letter(buried(A_RECORD, raised.value), "intake", BANK.paid).headers)
    assert made["ocop_kind"] == b"order"
    assert made["__streams.errors.exception"] == b"ValueError"
    assert made["__streams.errors.partition"] == b"3"
    assert made["ocop_timestamp_ms"] == b"1790000000000"
    assert len(made["__streams.errors.message"]) <= 2048
    assert len(made["__streams.errors.stacktrace"]) <= 8192


def test_the_largest_input_fits_its_dead_letter_topic() -> None:
    record = replace(A_RECORD, value=b"x" * (BANK.paid.max_bytes - 100))
    assert letter(Dead(record, "undecodable", "why"), "intake", BANK.paid).value == record.value


def test_a_replay_is_the_original_and_counts_itself() -> None:
    record = A_RECORD
    for attempt in (b"1", b"2", b"3"):
        dead = letter(Dead(record, "undecodable", "why"), "intake", BANK.paid)
        lying = replace(A_RECORD, topic=dead.topic, headers=dead.headers)
        assert lying.header("ocop_attempt") == attempt.decode()
        again = replayed(lying)
        assert (again.topic, again.key, again.value) == (BANK.paid.name, b"an-1", b"\xff")
        assert again.headers == (("ocop_kind", b"order"), ("ocop_replay", attempt))
        record = replace(A_RECORD, headers=again.headers)
