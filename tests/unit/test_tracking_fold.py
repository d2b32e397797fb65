"""Every worked case of the taxonomy, and what holds for any log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tracking import CodState, TrackingStatus
from services.carriers.webhook import CarrierEvent
from services.reference.status_map import read_status_map
from streams.rules.tracking import Scan, event_key, on_return_leg, ordering_time, position
from streams.rules.tracking_fold import (
    Parcel,
    advance,
    fold,
    follows,
    new_parcel,
    refused,
    restored,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MAP = read_status_map()
VTP, VNPOST, GHTK, GHN = (
    ("viettelpost", "partner_v2"),
    ("vnpost", "myvnpost"),
    ("ghtk", "services"),
    ("ghn", "v2"),
)
DAY = datetime(2026, 10, 1, tzinfo=UTC)


def at(clock: str, day: int = 0) -> int:
    hour, minute = map(int, clock.split(":"))
    return int((DAY + timedelta(days=day, hours=hour, minutes=minute)).timestamp())


def a_scan(
    moment: int,
    code: str,
    by: tuple[str, str] = VTP,
    *,
    cod_vnd: int | None = None,
    key: str | None = None,
) -> Scan:
    """`code` may carry a reason code: `506:36`."""
    bare, _, reason = code.partition(":")
    return Scan(moment, key or f"{moment}-{code}", MAP.meaning(*by, bare, reason or None), cod_vnd)


def a_correction(moment: int, status: TrackingStatus) -> Scan:
    meaning = MAP.stored(status, None, "none", "no", None)
    return Scan(moment, f"correction-{moment}-{status}", meaning, correction=True)


def a_log(*scans: str, by: tuple[str, str] = VTP) -> list[Scan]:
    """Scans as `HH:MM code` or `+days HH:MM code`."""
    log = []
    for scan in scans:
        *days, clock, code = scan.split()
        log.append(a_scan(at(clock, int(days[0]) if days else 0), code, by))
    return log


FAILED_ONCE = a_log("08:00 500", "10:00 506:36", "13:00 508", "15:00 501")


def test_a_failure_and_a_redelivery_are_two_attempts() -> None:
    parcel = fold(0, FAILED_ONCE)
    assert (parcel.status, parcel.attempt_no) == ("delivered", 2)
    assert parcel.first_attempt_at == at("10:00")
    assert parcel.delivered_at == at("15:00")


def test_arrival_order_and_repetition_change_nothing() -> None:
    shuffled = FAILED_ONCE * 2
    Random(7).shuffle(shuffled)
    assert fold(0, shuffled) == fold(0, FAILED_ONCE)


def test_a_scan_after_the_delivery_is_kept_but_does_not_move() -> None:
    log = a_log("15:00 501", "15:05 500")
    assert fold(0, log).status == "delivered"
    assert refused(0, log) == {log[1].key}
    assert fold(0, log).events == 2


def test_a_return_after_the_delivery_keeps_when_it_was_delivered() -> None:
    parcel = fold(0, a_log("15:00 501", "+1 09:00 502", "+1 18:00 504"))
    assert parcel.status == "returned"
    assert (parcel.delivered_at, parcel.returned_at) == (at("15:00"), at("18:00", 1))


def test_a_carrier_that_did_not_go_counts_no_attempt_but_is_named() -> None:
    parcel = fold(0, a_log("09:00 506:37"))
    assert (parcel.status, parcel.detail) == ("delivery_failed", "carrier_rescheduled")
    assert (parcel.attempt_no, parcel.first_attempt_at) == (0, None)
    assert parcel.postponed_by == "carrier"


def test_a_corrected_waybill_is_no_movement() -> None:
    assert fold(0, a_log("08:00 500", "09:00 202")).status == "out_for_delivery"


def test_an_unknown_code_leaves_the_parcel_where_it_is() -> None:
    log = a_log("08:00 400", "09:00 570")
    assert log[1].meaning.status is TrackingStatus.UNMAPPED
    assert fold(0, log).status == "in_transit"


def test_a_couriers_say_so_is_overruled_by_the_next_firm_event() -> None:
    log = a_log("10:00 45", "11:00 9", by=GHTK)
    said = fold(0, log[:1])
    assert (said.status, said.provisional, said.delivered_at) == ("delivered", True, None)
    assert said.handed_over_at is None
    firm = fold(0, log)
    assert (firm.status, firm.provisional, firm.attempt_no) == ("delivery_failed", False, 1)


def test_at_the_same_time_the_firm_twin_wins() -> None:
    said, firm = a_scan(at("10:00"), "45", GHTK), a_scan(at("10:00"), "5", GHTK)
    assert not fold(0, [firm, said]).provisional


def test_a_settlement_code_implies_a_delivery_without_a_time() -> None:
    parcel = fold(0, a_log("10:00 4", "+5 10:00 6", by=GHTK))
    assert (parcel.status, parcel.implied) == ("delivered", True)
    assert (parcel.delivered_at, parcel.first_attempt_at, parcel.attempt_no) == (None, None, 0)


def test_a_firm_delivery_replaces_an_implied_one() -> None:
    parcel = fold(100, a_log("10:00 4", "11:00 6", "12:00 5", by=GHTK))
    assert (parcel.implied, parcel.delivered_at) == (False, at("12:00"))


def test_a_settlement_code_never_moves_a_returned_parcel() -> None:
    assert fold(0, a_log("10:00 21", "11:00 6", by=GHTK)).status == "returned"


def test_a_granted_redelivery_is_in_transit_again() -> None:
    codes = ("delivering", "delivery_fail:GHN-DFC1A0", "waiting_to_return", "storing")
    log = [a_scan(at(f"{8 + n:02}:00"), code, GHN) for n, code in enumerate(codes)]
    assert fold(0, log).status == "in_transit"


def test_an_overloaded_carrier_counts_no_attempt() -> None:
    log = a_log("08:00 4", "09:00 10:122", "20:00 4", "+1 09:00 10:120", "+1 16:00 9:131", by=GHTK)
    parcel = fold(0, log)
    assert parcel.detail == "consignee_unreachable_repeatedly"
    assert (parcel.status, parcel.attempt_no) == ("delivery_failed", 2)
    assert parcel.first_attempt_at == at("09:00")


def test_the_same_code_of_two_apis_means_two_things() -> None:
    assert MAP.meaning("vnpost", "myvnpost", "10", None).status == "in_transit"
    assert MAP.meaning("vnpost", "legacy", "10", None).status == "cancelled"


def test_a_cancelled_parcel_that_travels_after_all_is_flagged() -> None:
    parcel = fold(500, a_log("08:00 107", "09:00 200"))
    assert (parcel.status, parcel.moved_after_terminal) == ("picked_up", True)
    assert parcel.cod is CodState.EXPECTED


def test_the_rest_of_a_partial_delivery_comes_back() -> None:
    parcel = fold(500, a_log("08:00 23", "09:00 24", "10:00 20", by=VNPOST))
    assert (parcel.status, parcel.partial, parcel.cod) == ("returned", True, "collected")


def test_two_close_failures_without_a_new_start_are_one_attempt() -> None:
    assert fold(0, a_log("08:00 506", "19:59 506:36")).counted_failures == 1
    assert fold(0, a_log("08:00 506", "20:00 506:36")).counted_failures == 2
    assert fold(0, a_log("08:00 506", "10:00 500", "11:00 506:36")).counted_failures == 2


def test_two_starts_a_day_apart_hide_a_failed_attempt() -> None:
    parcel = fold(0, a_log("08:00 500", "+1 08:01 500", "+1 10:00 501"))
    assert (parcel.counted_failures, parcel.silent_failures, parcel.attempt_no) == (1, 1, 2)
    assert parcel.first_attempt_at == at("08:00")
    assert fold(0, a_log("08:00 500", "12:00 400", "+1 08:01 500")).silent_failures == 0
    assert fold(0, a_log("08:00 500", "+1 08:00 500")).silent_failures == 0


def test_a_bare_delay_is_neither_a_start_nor_an_attempt() -> None:
    assert fold(0, a_log("08:00 10", by=GHTK)).attempt_no == 0


def test_money_is_collected_remitted_or_void() -> None:
    assert fold(500, a_log("08:00 14", by=VNPOST)).cod is CodState.COLLECTED
    assert fold(500, a_log("08:00 14", "09:00 21", by=VNPOST)).cod is CodState.REMITTED
    assert fold(500, a_log("08:00 19", by=VNPOST)).cod is CodState.VOID
    assert fold(0, a_log("08:00 14", by=VNPOST)).cod is CodState.NOT_APPLICABLE


def test_a_delivery_by_a_carrier_without_money_codes_is_collected() -> None:
    meaning = MAP.stored(TrackingStatus.DELIVERED, None, "none", "yes", None)
    assert fold(500, [Scan(1, "k", meaning)]).cod is CodState.COLLECTED


def test_the_amount_the_carrier_names_is_the_amount_collected() -> None:
    assert fold(500, [a_scan(1, "501", cod_vnd=300)]).cod_vnd == 300
    assert fold(500, [a_scan(1, "501", cod_vnd=0)]).cod is CodState.EXPECTED
    assert fold(500, [a_scan(1, "501")]).cod_vnd == 500


def test_an_amount_named_before_the_delivery_is_what_will_be_collected() -> None:
    log = [a_scan(1, "200", cod_vnd=300), a_scan(2, "501", key="paid")]
    assert fold(500, log).money == (("expected", 300, 1, "1-200"), ("collected", 300, 2, "paid"))


def test_a_correction_passes_every_guard_and_takes_the_delivery_back() -> None:
    log = [*a_log("08:00 500", "15:00 501"), a_correction(at("15:00"), TrackingStatus.IN_TRANSIT)]
    parcel = fold(500, log)
    assert (parcel.status, parcel.delivered_at, parcel.attempt_no) == ("in_transit", None, 0)
    assert (parcel.first_attempt_at, parcel.cod) == (None, CodState.EXPECTED)
    assert parcel.handed_over_at == at("08:00")


def test_a_correction_can_reopen_a_return_and_void_a_delivery() -> None:
    back = [*a_log("15:00 504"), a_correction(at("16:00"), TrackingStatus.DELIVERED)]
    assert (fold(9, back).returned_at, fold(9, back).cod) == (None, CodState.COLLECTED)
    lost = [*a_log("15:00 501"), a_correction(at("16:00"), TrackingStatus.WRITTEN_OFF)]
    assert (fold(9, lost).written_off_at, fold(9, lost).cod) == (at("16:00"), CodState.VOID)


def test_a_lost_parcel_that_is_found_is_not_lost() -> None:
    parcel = fold(9, a_log("08:00 503", "09:00 501"))
    assert (parcel.status, parcel.written_off_at, parcel.cod) == ("delivered", None, "collected")


def test_on_a_return_leg_forward_codes_mean_returning_and_a_delivery_proves_nothing() -> None:
    def back(code: str) -> tuple[str, str | None]:
        meaning = on_return_leg(MAP.meaning(*VTP, code, None), MAP)
        return meaning.status, meaning.reason

    assert back("300") == ("returning", "return_in_transit")
    assert back("500") == ("returning", "return_out_to_seller")
    assert back("506") == ("returning", "return_attempt_failed")
    assert back("501") == ("unmapped", None)
    assert back("504") == ("returned", None)


def test_a_claim_far_ahead_is_ordered_by_our_clock() -> None:
    assert ordering_time(1_600, 1_000) == (1_600, False)
    assert ordering_time(1_601, 1_000) == (1_000, True)


def test_our_event_key_has_the_agreed_form() -> None:
    moment = int(datetime(2026, 7, 1, 1, tzinfo=UTC).timestamp())
    event = CarrierEvent(
        carrier="viettelpost",
        api="partner_v2",
        tracking_no="VTP000000001",
        waybill_no="VTP000000001",
        reference=None,
        code="506",
        reason_code="36",
        at=moment,
        raw_time="01/07/2026 08:00:00",
        reported_at=None,
        facility=None,
        cod_collected_vnd=None,
        is_return_leg=False,
    )
    expected = "27324ab0b3484a916c460efa826259409eb35a879ee96c2587f435f58cb3aea6"
    assert event_key(event, moment).hex() == expected


CODES = [
    (by, f"{row['code']}:{row['reason_code']}")
    for by in (VTP, VNPOST, GHTK)
    for row in MAP.rows
    if (row["carrier"], row["api"]) == by
]


@st.composite
def some_scans(draw: st.DrawFn) -> list[Scan]:
    """Few moments, so that ties are common; the key follows from what is said, as in R1."""
    log = []
    for _ in range(draw(st.integers(0, 12))):
        moment = at("00:00") + draw(st.integers(0, 12)) * 4 * 3600
        if draw(st.integers(0, 9)) == 0:
            log.append(a_correction(moment, draw(st.sampled_from(list(TrackingStatus)[:15]))))
            continue
        by, code = draw(st.sampled_from(CODES))
        amount = draw(st.sampled_from([None, 0, 70]))
        scan = a_scan(moment, code, by, cod_vnd=amount, key=f"{moment}{by}{code}")
        log.append(scan._replace(return_no="R1" if moment % 7 == 0 else None))
    return log


@given(log=some_scans(), cod_vnd=st.sampled_from([0, 500]), data=st.data())
def test_any_permutation_and_duplication_folds_to_the_same_state(
    log: list[Scan], cod_vnd: int, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(log))) if log else []
    shuffled = data.draw(st.permutations(log + again))
    assert fold(cod_vnd, shuffled) == fold(cod_vnd, log)


@given(log=some_scans(), cod_vnd=st.sampled_from([0, 500]), cut=st.integers(0, 12))
def test_advancing_a_stored_state_gives_what_folding_the_whole_log_gives(
    log: list[Scan], cod_vnd: int, cut: int
) -> None:
    ordered = sorted({scan.key: scan for scan in log}.values(), key=position)
    before = restored(orjson.loads(orjson.dumps(stored(fold(cod_vnd, ordered[:cut])))))
    later = [scan for scan in ordered[cut:] if before.last is None or scan.at > before.last[0]]
    assert all(follows(before, scan) for scan in later)
    assert advance(before, ordered[cut:]) == fold(cod_vnd, ordered)


@given(log=some_scans())
def test_no_scan_of_the_log_follows_it(log: list[Scan]) -> None:
    parcel = fold(0, log)
    assert not any(follows(parcel, scan) for scan in log)


@given(log=some_scans())
def test_a_delivered_parcel_is_only_left_the_allowed_ways(log: list[Scan]) -> None:
    firm = [s for s in log if not (s.correction or s.meaning.provisional or s.meaning.implied)]
    left_for = {b.status for a, b in pairwise(walk(firm)) if a.status == "delivered" != b.status}
    assert left_for <= {"return_pending", "returning", "returned"}


def walk(log: Sequence[Scan]) -> list[Parcel]:
    ordered = sorted({scan.key: scan for scan in log}.values(), key=position)
    return [fold(0, ordered[:n]) for n in range(1, len(ordered) + 1)]


def test_a_new_parcel_keeps_nothing_but_its_money() -> None:
    assert stored(new_parcel(0)) == {}
    assert stored(new_parcel(5)) == {"cod": "expected", "cod_vnd": 5}


@pytest.mark.parametrize("status", [S for S in TrackingStatus if S not in {"info", "unmapped"}])
def test_every_state_survives_being_stored(status: TrackingStatus) -> None:
    parcel = fold(0, [a_correction(5, status)])
    assert restored(orjson.loads(orjson.dumps(stored(parcel)))) == parcel


INTERFACES = sorted({(row["carrier"], row["api"]) for row in MAP.rows})


@pytest.mark.parametrize("by", INTERFACES, ids="/".join)
def test_every_code_of_the_map_leads_a_parcel_to_its_canonical_status(by: tuple[str, str]) -> None:
    rows = [row for row in MAP.rows if (row["carrier"], row["api"]) == by]
    assert rows
    for row in rows:
        scan = Scan(1, "k", MAP.meaning(*by, row["code"], row["reason_code"]))
        parcel = fold(500, [scan])
        moves = row["status"] not in {"info", "unmapped"}
        assert parcel.status == (row["status"] if moves else "created"), row
        assert parcel.detail == ((row["reason"] or None) if moves else None), row
        assert parcel.provisional == (moves and row["final"] == "provisional"), row
