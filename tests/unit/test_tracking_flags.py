"""Flags: what follows from the log, what silence raises, and what is odd."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from streams.rules.lateness import put_down_to
from streams.rules.tracking import Scan, position
from streams.rules.tracking_bookings import Claim, Sighting, share_out
from streams.rules.tracking_flags import (
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
from streams.rules.tracking_remap import Logged, reread

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
CARRIERS = {
    "viettelpost": ("partner_v2", CODES),
    "vnpost": ("myvnpost", ("6", "10", "12", "14", "15", "19", "21", "22", "23", "101")),
}
CLAIMS = [Claim(f"OC-{carrier}-1", f"{carrier}:N1", MIDNIGHT) for carrier in CARRIERS]
Told: TypeAlias = tuple[str, int, str]
"""Carrier, hour and code of an event."""


@st.composite
def tellings(draw: st.DrawFn) -> list[Told]:
    """What two carriers tell of a parcel each."""
    told = []
    for carrier in draw(st.lists(st.sampled_from(sorted(CARRIERS)), max_size=14)):
        code = draw(st.sampled_from(CARRIERS[carrier][1]))
        told.append((carrier, draw(st.integers(0, 40)), code))
    return told


def seen(told: Sequence[Told], meanings: StatusMap) -> list[Sighting]:
    """The events as a version of the map reads them."""
    sightings = []
    for carrier, hour, code in told:
        bare, _, reason = code.partition(":")
        meaning = meanings.meaning(carrier, CARRIERS[carrier][0], bare, reason or None)
        scan = Scan(MIDNIGHT + hour * HOUR, f"{carrier}{hour}{code}", meaning)
        sightings.append(Sighting(f"{carrier}:N1", None, scan))
    return sightings


def ends(sightings: Sequence[Sighting]) -> dict[str, tuple[Parcel, str]]:
    """State and flags of every booking."""
    shares = share_out(CLAIMS, sightings)
    parcels = {claim.reference: fold(500, shares.scans[claim.reference]) for claim in CLAIMS}
    return {name: (parcel, flags_of(parcel, PROMISED)) for name, parcel in parcels.items()}


@given(told=tellings(), cut=st.integers(0, 17), data=st.data())
def test_a_remap_anywhere_ends_in_the_state_of_one_clean_pass(
    told: list[Told], cut: int, data: st.DataObject
) -> None:
    """Events before the remap are read with v1 and then again; those after it with v2 at once."""
    arrived = data.draw(st.permutations(told + told[:3]))
    log = {sighting.scan.key: sighting for sighting in seen(arrived[:cut], MAP)}
    for carrier, hour, code in arrived[:cut]:
        key, (api, _) = f"{carrier}{hour}{code}", CARRIERS[carrier]
        bare, _, reason = code.partition(":")
        now = log[key].scan.meaning
        meaning = reread(Logged(carrier, api, bare, reason or None, False, now, "v1"), V2)
        if meaning is not None:
            log[key] = log[key]._replace(scan=log[key].scan._replace(meaning=meaning))
    for sighting in seen(arrived[cut:], V2):
        log.setdefault(sighting.scan.key, sighting)
    assert ends(list(log.values())) == ends(seen(told, V2))


@given(log=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(CODES)), max_size=10))
def test_an_event_that_looks_plain_is_odd_to_no_rule(log: list[tuple[int, str]]) -> None:
    parcel = new_parcel(0)
    told = [("viettelpost", hour, code) for hour, code in log]
    for scan in sorted((one.scan for one in seen(told, MAP)), key=position):
        after = advance(parcel, [scan])
        for moves in (True, False):
            found = {name for rule in RULES if (name := rule(parcel, scan, moves))}
            assert set(odd(parcel, scan, moves=moves)) == {*parcel.oddities, *found}
        parcel = after
