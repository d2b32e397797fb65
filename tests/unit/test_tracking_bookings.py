"""Whose event it is: by our reference, by the number, by time, or nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from services.reference.status_map import read_status_map
from streams.rules.tracking import Scan
from streams.rules.tracking_bookings import Claim, Sighting, read_legs, share_out

if TYPE_CHECKING:
    from streams.rules.tracking_bookings import Shares

MAP = read_status_map()
DAY = 86_400


def a_sighting(
    day: float, number: str = "N", reference: str | None = None, *, voids: bool = False
) -> Sighting:
    meaning = MAP.meaning("viettelpost", "partner_v2", "300", None)
    key = f"{number}{reference}{day}{voids}"
    return Sighting(number, reference, Scan(int(day * DAY), key, meaning), voids)


def owners(shares: Shares) -> dict[str, set[int]]:
    return {
        owner: {scan.at // DAY for scan in scans} for owner, scans in shares.scans.items() if scans
    }


def test_a_reference_decides_whatever_the_number_says() -> None:
    claims = [Claim("A", "N", 0), Claim("B", "M", 0)]
    assert owners(share_out(claims, [a_sighting(5, "N", "B")])) == {"B": {5}}


def test_a_reference_that_is_not_booked_decides_nothing() -> None:
    shares = share_out([Claim("A", "N", 0)], [a_sighting(5, "N", "B"), a_sighting(6, "M", "B")])
    assert owners(shares) == {"A": {5}}
    assert [scan.at for scan in shares.unknown["M"]] == [6 * DAY]


def test_a_recycled_number_belongs_to_the_booking_of_its_time() -> None:
    claims = [Claim("B", "N", 400 * DAY), Claim("A", "N", 10 * DAY)]
    days = (5, 11, 399, 399.99, 401)
    shares = share_out(claims, [a_sighting(day) for day in days])
    assert owners(shares) == {"A": {5, 11, 399}, "B": {399, 401}}


def test_two_live_bookings_in_one_month_are_ambiguous() -> None:
    claims = [Claim("A", "N", 0), Claim("B", "N", 2 * DAY)]
    shares = share_out(claims, [a_sighting(3), a_sighting(4, "N", "A")])
    assert owners(shares) == {"A": {4}}
    assert len(shares.ambiguous["N"]) == 1


def test_a_voided_booking_leaves_the_number_to_the_live_one() -> None:
    claims = [Claim("A", "N", 0), Claim("B", "N", 2 * DAY)]
    shares = share_out(claims, [a_sighting(3), a_sighting(1, "N", "A", voids=True)])
    assert owners(shares) == {"A": {1}, "B": {3}}


def test_where_all_are_voided_the_newest_has_it() -> None:
    claims = [Claim("A", "N", 0), Claim("B", "N", 2 * DAY)]
    voids = [a_sighting(1, "N", "A", voids=True), a_sighting(2, "N", "B", voids=True)]
    assert owners(share_out(claims, [*voids, a_sighting(3)])) == {"A": {1}, "B": {2, 3}}


def test_a_number_named_with_one_reference_is_learned() -> None:
    shares = share_out([Claim("A", "N", 0)], [a_sighting(1, "M"), a_sighting(2, "M", "A")])
    assert owners(shares) == {"A": {1, 2}}


def test_a_number_named_with_two_references_is_ambiguous() -> None:
    claims = [Claim("A", "N", 0), Claim("B", "O", 0)]
    named = [a_sighting(1, "M", "A"), a_sighting(2, "M", "B")]
    shares = share_out(claims, [*named, a_sighting(3, "M")])
    assert owners(shares) == {"A": {1}, "B": {2}}
    assert len(shares.ambiguous["M"]) == 1


CLAIMS = st.lists(
    st.builds(Claim, st.sampled_from("ABC"), st.sampled_from("NM"), st.integers(0, 50 * DAY)),
    unique_by=lambda claim: claim.reference,
)
SIGHTINGS = st.lists(
    st.builds(
        a_sighting,
        st.integers(0, 60),
        st.sampled_from("NMO"),
        st.sampled_from([None, None, "A", "B", "D"]),
    ),
    unique_by=lambda sighting: sighting.scan.key,
)


@given(claims=CLAIMS, sightings=SIGHTINGS, data=st.data())
def test_every_event_is_given_once_and_arrival_decides_nothing(
    claims: list[Claim], sightings: list[Sighting], data: st.DataObject
) -> None:
    shares = share_out(claims, sightings)
    given_out = [*shares.scans.values(), *shares.unknown.values(), *shares.ambiguous.values()]
    assert sum(map(len, given_out)) == len(sightings)
    moved = data.draw(st.permutations(sightings))
    again = share_out(data.draw(st.permutations(claims)), moved)
    assert owners(again) == owners(shares)


def a_leg(day: float, code: str, number: str = "M", **said: str) -> Sighting:
    meaning = MAP.meaning("ghn", "v2", code, None)
    scan = Scan(int(day * DAY), f"{number}{code}", meaning, return_no=said.get("return_no"))
    return Sighting(number, said.get("reference"), scan)


def test_a_number_named_as_the_way_back_is_read_as_one_although_its_events_do_not_say_so() -> None:
    named = a_leg(1, "partial_return", return_no="M", reference="A")
    events = [named, a_leg(2, "storing"), a_leg(3, "delivered"), a_leg(4, "returned")]
    read = read_legs([Claim("A", "N", 0)], events, MAP)
    assert [one.scan.meaning.status for one in read] == [
        *("info", "returning", "unmapped", "returned")
    ]
    assert {one.scan.return_no for one in read} == {"M"}


def test_a_booked_number_is_never_only_a_way_back() -> None:
    events = [a_leg(1, "storing", "N", return_no="N1P1"), a_leg(2, "delivered", "N")]
    assert read_legs([Claim("A", "N", 0)], events, MAP) == events
