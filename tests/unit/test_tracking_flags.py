"""Flags: what follows from the log, what silence raises, and what is odd."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tracking import TrackingStatus
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from streams.rules.lateness import put_down_to
from streams.rules.tracking import Scan, position
from streams.rules.tracking_flags import (
    BY_CLOCK,
    Promise,
    Silence,
    by_clock,
    end_of,
    flags_of,
    next_look,
    raised,
    told,
)
from streams.rules.tracking_fold import advance, fold, new_parcel
from streams.rules.tracking_oddities import RULES, odd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.reference.status_map import StatusMap
    from streams.rules.tracking_fold import Parcel

MAP = read_status_map()
HOUR = 3600
DAY = 24 * HOUR
MIDNIGHT = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp()) - 7 * HOUR
PROMISED = Promise(MIDNIGHT + DAY - 1)


def a_parcel(*scans: str) -> Parcel:
    """Scans as `HH code`: the hour from the promised day's Vietnamese midnight."""
    log = []
    for scan in scans:
        hour, code = scan.split()
        bare, _, reason = code.partition(":")
        meaning = MAP.meaning("viettelpost", "partner_v2", bare, reason or None)
        log.append(Scan(MIDNIGHT + int(hour) * HOUR, scan, meaning))
    return fold(0, log)


def a_silence(hours: int, parcel: Parcel) -> Silence:
    today = parcel.last[0] if parcel.last else MIDNIGHT
    return Silence(1_000, today, 1_000 + hours * HOUR, 48 * HOUR, 24 * HOUR)


def test_a_promised_day_ends_at_vietnams_midnight() -> None:
    assert end_of(date(2026, 10, 5)) == PROMISED.ends_at


@pytest.mark.parametrize(
    ("scans", "flags"),
    [
        (("8 200", "23 501"), ""),
        (("8 200", "24 501"), "late"),
        (("8 200", "20 506:36", "30 501"), ""),
        (("8 200", "20 506:37", "30 501"), "late"),
        (("8 200", "30 300"), "late"),
        (("8 200", "20 505:47", "30 515"), ""),
        (("8 107", "30 107"), ""),
    ],
)
def test_late_is_the_first_attempt_or_none_while_the_parcel_goes_on(
    scans: tuple[str, ...], flags: str
) -> None:
    assert flags_of(a_parcel(*scans), PROMISED) == flags
    assert flags_of(a_parcel(*scans), Promise()) == ""


def test_delayed_is_the_carriers_own_word_until_somebody_is_at_the_door() -> None:
    promise = Promise(PROMISED.ends_at, is_delayed=True)
    assert flags_of(a_parcel("8 200"), promise) == "delayed"
    assert flags_of(a_parcel("8 200", "9 501"), promise) == ""


def test_silence_raises_flags_and_an_end_lets_them_drop() -> None:
    parcel = a_parcel("8 200")
    assert raised(parcel, PROMISED, a_silence(48, parcel)) == {"overdue"}
    assert raised(parcel, Promise(), a_silence(48, parcel)) == frozenset()
    clock = raised(parcel, PROMISED, a_silence(49, parcel))
    assert clock == {"stale", "overdue"}
    flags = flags_of(parcel, PROMISED, clock)
    assert flags == "late,stale,overdue"
    assert told(flags) == ("late", "stale")
    assert by_clock(flags) == {"stale", "overdue"}
    assert flags_of(a_parcel("8 200", "9 501"), PROMISED, clock) == ""


def test_a_couriers_word_that_nobody_confirms_is_flagged() -> None:
    said = Scan(MIDNIGHT, "k", MAP.meaning("ghtk", "services", "45", None))
    parcel = fold(0, [said])
    clock = raised(parcel, Promise(), a_silence(25, parcel))
    assert flags_of(parcel, Promise(), clock) == "unconfirmed"
    firm = Scan(MIDNIGHT + HOUR, "l", MAP.meaning("ghtk", "services", "5", None))
    assert "unconfirmed" not in flags_of(advance(parcel, [firm]), Promise(), clock)


def test_one_looks_when_silence_could_say_something_new() -> None:
    parcel = a_parcel("8 200")
    ends_in = 16 * HOUR - 1  # from its last event to the end of the promised day
    assert next_look(parcel, PROMISED, a_silence(0, parcel)) == 1_000 + ends_in + 1
    assert next_look(parcel, PROMISED, a_silence(20, parcel)) == 1_000 + 48 * HOUR + 1
    assert next_look(parcel, PROMISED, a_silence(49, parcel)) is None
    assert next_look(a_parcel("8 200", "9 501"), PROMISED, a_silence(0, parcel)) is None


@given(hours=st.integers(0, 200), code=st.sampled_from(["100", "200", "500", "506:36", "502"]))
def test_nothing_new_is_raised_before_the_next_look(hours: int, code: str) -> None:
    parcel = a_parcel(f"8 {code}")
    silence = a_silence(hours, parcel)
    at = next_look(parcel, PROMISED, silence)
    before = flags_of(parcel, PROMISED, raised(parcel, PROMISED, silence))
    until = silence._replace(now=(at or silence.now + 10**6) - 1)
    assert flags_of(parcel, PROMISED, raised(parcel, PROMISED, until)) == before


@pytest.mark.parametrize(
    ("scans", "oddity"),
    [
        (("8 501",), "delivered_before_pickup"),
        (("7 200", "8 500", "18 500"), "twice_out_in_a_day"),
        (("7 200", "8 501", "9 300"), "scanned_after_end"),
        (("7 200", "8 501", "9 501"), ""),
        (("7 107", "8 200"), "moved_after_terminal"),
        (("7 200", "8 500", "9 506:36", "18 500"), ""),
        (("7 200", "8 500", "31 500"), ""),
        (("7 200", "8 501", "9 502"), ""),
    ],
)
def test_what_cannot_be_right_is_flagged(scans: tuple[str, ...], oddity: str) -> None:
    assert ",".join(a_parcel(*scans).oddities) == oddity


def test_a_late_event_that_explains_it_takes_the_oddity_back() -> None:
    assert a_parcel("8 501").oddities
    assert a_parcel("8 501", "7 200").oddities == ()


def test_a_clock_that_runs_ahead_is_flagged() -> None:
    meaning = MAP.meaning("viettelpost", "partner_v2", "200", None)
    assert fold(0, [Scan(1, "k", meaning, clock_ahead=True)]).oddities == ("clock_ahead",)


@pytest.mark.parametrize(
    ("handed_over", "due", "postponed_by", "who"),
    [
        (None, 1, None, "seller"),
        (2, 1, "consignee", "seller"),
        (1, 1, "consignee", "consignee"),
        (1, None, "weather", "weather"),
        (1, 2, None, "carrier"),
        (1, 2, "none", "carrier"),
    ],
)
def test_who_is_late(
    handed_over: int | None, due: int | None, postponed_by: str | None, who: str
) -> None:
    times = [
        None if day is None else datetime(2026, 10, day, tzinfo=UTC) for day in (handed_over, due)
    ]
    assert put_down_to(times[0], times[1], postponed_by) == who


def test_the_rule_book_says_how_long_a_carrier_may_be_silent() -> None:
    book = sample_rule_book()
    assert book.usual_gap_h("nobody", "X") == book.silence.usual_gap_h
    service = book.services[0].model_copy(update={"usual_gap_h": 7})
    own = book.model_copy(update={"services": (service, *book.services[1:])})
    assert own.usual_gap_h(service.carrier, service.code) == 7


V2 = MAP.at({"viettelpost": "v2"})
CODES = ("200", "300", "500", "501", "503", "506:36", "507:38", "570", "107", "504")


def read(codes: Sequence[tuple[int, str]], meanings: StatusMap) -> list[Scan]:
    return [
        Scan(
            MIDNIGHT + hour * HOUR,
            f"{hour}{code}",
            meanings.meaning("viettelpost", "partner_v2", *parts(code)),
        )
        for hour, code in codes
    ]


def parts(code: str) -> tuple[str, str | None]:
    bare, _, reason = code.partition(":")
    return bare, reason or None


@given(
    log=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(CODES)), max_size=10),
    cut=st.integers(0, 10),
    data=st.data(),
)
def test_a_remap_anywhere_ends_in_the_state_of_one_clean_pass(
    log: list[tuple[int, str]], cut: int, data: st.DataObject
) -> None:
    """Events before the remap were read with v1, then again with v2; the others with v2."""
    arrived = data.draw(st.permutations(log + log[:3]))
    early = {scan.key: scan for scan in read(arrived[:cut], MAP)}
    again = {scan.key: scan for scan in read(arrived[:cut], V2)}
    assert {key: scan.at for key, scan in early.items()} == {k: s.at for k, s in again.items()}
    everything = [*again.values(), *read(arrived[cut:], V2)]
    clean = fold(500, sorted(read(log, V2), key=position))
    assert fold(500, everything) == clean
    assert flags_of(fold(500, everything), PROMISED) == flags_of(clean, PROMISED)
    assert by_clock(flags_of(clean, PROMISED, BY_CLOCK)) <= BY_CLOCK
    assert clean.status in set(TrackingStatus)


@given(log=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(CODES)), max_size=10))
def test_an_event_that_looks_plain_is_odd_to_no_rule(log: list[tuple[int, str]]) -> None:
    parcel = new_parcel(0)
    for scan in sorted(read(log, MAP), key=position):
        after = advance(parcel, [scan])
        for moves in (True, False):
            found = {name for rule in RULES if (name := rule(parcel, scan, moves))}
            assert set(odd(parcel, scan, moves=moves)) == {*parcel.oddities, *found}
        parcel = after
