"""Runs of records: halved, and compared with the marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.batches import Run, decoded_run, halves, size, vet
from streams.runtime.checkpoint import Mark
from streams.runtime.failures import CheckpointLost
from streams.runtime.stage import Dead, Message, Record
from tests.runtime_toys import a_bank, an_entry


def a_record(offset: int, topic: str = "t", value: bytes = b"{}") -> Record:
    return Record(topic, 0, offset, 0, b"k", value)


def a_run(*offsets: int, topic: str = "t", begins: int | None = None) -> Run:
    items = [Message(a_record(offset, topic), None) for offset in offsets]
    return Run(items, offsets[0] if begins is None else begins)


def offsets_of(runs: list[Run]) -> list[tuple[str, int]]:
    return [(run.topic, item.record.offset) for run in runs for item in run.items]


@st.composite
def batches(draw: st.DrawFn) -> list[Run]:
    """Runs of up to three topics, with holes inside them."""
    steps = st.lists(st.integers(1, 3), min_size=1, max_size=8)
    runs, ends = [], dict.fromkeys("abc", 0)
    for topic in draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=5)):
        offsets = []
        for step in draw(steps):
            ends[topic] += step
            offsets.append(ends[topic])
        runs.append(a_run(*offsets, topic=topic))
    return runs


@given(batches())
def test_halves_keep_every_record_in_order(runs: list[Run]) -> None:
    if size(runs) < 2:
        return
    first, second = halves(runs)
    assert first
    assert second
    assert offsets_of([*first, *second]) == offsets_of(runs)
    assert abs(size(first) - size(second)) <= 1


@given(batches())
def test_halves_leave_no_gap_that_was_not_there(runs: list[Run]) -> None:
    if size(runs) < 2:
        return
    marks = {run.topic: Mark(0, 0) for run in reversed(runs)}
    marks |= {run.topic: Mark(run.begins, run.begins) for run in reversed(runs)}
    whole = vet(runs, marks, {})
    first, second = halves(runs)
    part = vet(first, marks, {})
    rest = vet(second, part.marks, {})
    if whole.seek_back:
        return
    assert not part.seek_back
    assert not rest.seek_back
    assert part.holes + rest.holes == whole.holes
    assert rest.marks == whole.marks


def test_one_record_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="nothing to halve"):
        halves([a_run(3)])


def test_what_lies_below_the_mark_is_given_again() -> None:
    vetted = vet([a_run(1, 2, 3, 4)], {"t": Mark(0, 3)}, {})
    assert [item.record.offset for item in vetted.items] == [3, 4]
    assert vetted.redelivered == 2
    assert vetted.marks["t"].next_offset == 5


def test_a_gap_is_refused_and_everything_after_it_too() -> None:
    vetted = vet([a_run(5, 6), a_run(7)], {"t": Mark(0, 3)}, {})
    assert vetted.items == []
    assert vetted.seek_back == {"t": 3}
    assert vetted.marks["t"].next_offset == 3


def test_a_gap_that_a_fresh_fetch_shows_again_is_accepted() -> None:
    vetted = vet([a_run(5, 7)], {"t": Mark(0, 3)}, {"t": 3})
    assert len(vetted.items) == 2
    assert vetted.holes == 3


def test_acceptance_of_one_gap_does_not_cover_the_next() -> None:
    assert vet([a_run(9)], {"t": Mark(0, 6)}, {"t": 3}).seek_back == {"t": 6}


def test_a_topic_without_a_mark_is_nobodys() -> None:
    with pytest.raises(CheckpointLost):
        vet([a_run(0, topic="other")], {"t": Mark(0, 0)}, {})


@given(st.binary(max_size=200))
def test_any_bytes_become_a_message_or_a_dead_record(value: bytes) -> None:
    paid = a_bank().paid
    (item,) = decoded_run([a_record(0, paid.name, value)], paid).items
    assert isinstance(item, Message | Dead)


def test_a_dead_record_says_where_it_broke_but_not_what_it_held() -> None:
    paid = a_bank().paid
    value = an_entry(paid, "x").model_dump_json().replace('"amount":1', '"amount":"secret"')
    (item,) = decoded_run([a_record(0, paid.name, value.encode())], paid).items
    assert isinstance(item, Dead)
    assert item.reason == "amount: int_parsing"


def test_a_record_without_a_value_is_dead() -> None:
    paid = a_bank().paid
    (item,) = decoded_run([Record(paid.name, 0, 0, 0, b"k", None)], paid).items
    assert isinstance(item, Dead)
