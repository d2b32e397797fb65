"""Counting: what a life of an order adds to which month, in any interleaving of its facts."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.figures import BOUNDS_H, FIGURE_NAMES, HISTOGRAMS, Cell, split_figure
from schemas.intake import OcopGroup
from schemas.packing import PackedLine
from schemas.tracking import TrackingStatus
from streams.rules.metrics import add, bucket_of, count, moved
from streams.rules.metrics_changes import changed_rows
from streams.rules.metrics_facts import OrderFacts
from streams.rules.metrics_fold import fold
from streams.rules.metrics_rows import rows_of
from tests.order_facts import (
    ORDER,
    PARCEL,
    SHIPMENT,
    a_booking,
    a_cancellation,
    a_cash_state,
    a_delivery,
    a_hold,
    a_life,
    a_line,
    a_parcel,
    a_placed_order,
    a_routed_shipment,
    a_routing,
    a_tracking_state,
    a_void,
    an_amended_order,
    at,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.event import Event
    from streams.rules.metrics import Counts

OCTOBER = Cell("2026-10", "postmart", "viettelpost", "68", "beverage", 4)


def facts_of(events: Iterable[Event]) -> OrderFacts:
    return reduce(fold, events, OrderFacts(order_id=ORDER))


def counts_of(*events: Event) -> Counts:
    return count(rows_of(facts_of(events)))


def cells_of(*events: Event) -> dict[str, Cell]:
    """The cell of each figure, where it has one."""
    return {figure: cell for cell, figures in counts_of(*events).items() for figure in figures}


def figures_of(*events: Event, month: str = "2026-10") -> dict[str, int]:
    """Figures of a month over all cells."""
    totals: dict[str, int] = {}
    for cell, figures in counts_of(*events).items():
        for figure, amount in figures.items() if cell.month == month else ():
            totals[figure] = totals.get(figure, 0) + amount
    return totals


def test_a_delivered_order_counts_once_in_every_figure_it_reached() -> None:
    assert figures_of(*a_life()) == {
        "orders_placed": 1,
        "units_placed": 2,
        "goods_placed_vnd": 300_000,
        "shipments_routed": 1,
        "parcels_packed": 1,
        "parcels_booked": 1,
        "freight_vnd": 40_000,
        "cod_expected_vnd": 330_000,
        "parcels_handed_over": 1,
        "parcels_delivered": 1,
        "units_delivered": 2,
        "goods_delivered_vnd": 300_000,
        "cod_collected_vnd": 330_000,
        "cohort_handed_over": 1,
        "cohort_delivered": 1,
        "first_attempts": 1,
        "delivered_at_first_attempt": 1,
        "attempts": 1,
        "first_attempts_on_time": 1,
        "order_to_handover_h<=30": 1,
        "handover_to_first_attempt_h<=48": 1,
    }


def test_orders_have_no_carrier_and_parcels_have_theirs() -> None:
    cells = cells_of(*a_life())
    assert cells["orders_placed"].carrier == ""
    assert cells["parcels_delivered"].carrier == "viettelpost"


def test_a_month_ends_at_midnight_in_vietnam_not_in_utc() -> None:
    last = at(31, 23) + timedelta(minutes=59)
    assert figures_of(a_placed_order(placed_at=last), month="2026-10")["orders_placed"] == 1
    first = at(31, 23) + timedelta(minutes=60)
    assert figures_of(a_placed_order(placed_at=first), month="2026-11")["orders_placed"] == 1


def test_quality_belongs_to_the_month_of_hand_over_and_delivery_to_its_own() -> None:
    handed_over, delivered = at(31, 20), at(2, 9, month=11)
    late = a_tracking_state(
        TrackingStatus.DELIVERED,
        delivered,
        9,
        handed_over_at=handed_over,
        first_attempt_at=delivered,
        delivered_at=delivered,
        attempt_no=1,
    )
    october = figures_of(*a_life()[:4], late)
    assert october["cohort_delivered"] == 1
    assert "parcels_delivered" not in october
    assert figures_of(*a_life()[:4], late, month="2026-11")["parcels_delivered"] == 1


def test_goods_ship_from_the_dearest_lines_province_and_count_under_its_star() -> None:
    cheap = a_line(1, unit_price_vnd=10_000, quantity=3, group=OcopGroup.FOOD, star=5)
    dear = a_line(2, unit_price_vnd=90_000, quantity=1, group=OcopGroup.HERBAL, star=0)
    (cell,) = counts_of(a_placed_order(ORDER, cheap, dear))
    assert (cell.origin_province, cell.group, cell.star) == ("68", "herbal", 0)


def test_a_parcel_counts_under_what_is_in_it_not_under_what_the_order_is() -> None:
    dear = a_line(1, unit_price_vnd=900_000, group=OcopGroup.HERBAL, star=5)
    cheap = a_line(2, unit_price_vnd=10_000, group=OcopGroup.FOOD, star=3)
    packed = a_parcel(contents=(PackedLine(line_no=2, quantity=2),))
    cells = cells_of(a_placed_order(ORDER, dear, cheap), packed)
    assert cells["orders_placed"].group == "herbal"
    assert (cells["parcels_packed"].group, cells["parcels_packed"].star) == ("food", 3)


def test_an_amendment_moves_the_goods_it_replaces() -> None:
    amended = an_amended_order(ORDER, a_line(quantity=5))
    assert figures_of(a_placed_order(), amended)["units_placed"] == 5
    assert figures_of(amended, a_placed_order())["units_placed"] == 5


def test_an_order_held_three_times_is_one_held_order_in_the_month_of_its_first_hold() -> None:
    holds = [a_hold(since=at(day), version=day) for day in (20, 3, 30)]
    assert figures_of(*holds) == {"orders_held": 1}


def test_a_held_order_nothing_is_known_of_counts_under_empty_goods() -> None:
    ((figure, cell),) = cells_of(a_hold()).items()
    assert (figure, cell.group, cell.origin_province, cell.star) == ("orders_held", "", "", 0)


def test_a_second_routing_moves_the_carrier_but_not_the_month() -> None:
    first = a_routing(when=at(30), version=1)
    second = a_routing(a_routed_shipment(carrier="vnpost"), when=at(1, month=11), version=2)
    ((figure, cell),) = cells_of(second, first).items()
    assert (figure, cell.month, cell.carrier) == ("shipments_routed", "2026-10", "vnpost")


def test_a_shipment_that_a_newer_routing_dropped_is_not_counted() -> None:
    two = a_routing(a_routed_shipment(), a_routed_shipment(f"{ORDER}/2"), version=1)
    assert figures_of(two, a_routing(version=2))["shipments_routed"] == 1


def test_a_voided_booking_costs_nothing_and_collects_nothing() -> None:
    figures = figures_of(a_booking(), a_void())
    assert figures == {"parcels_booked": 1}


def test_a_parcel_booked_again_counts_under_its_second_carrier() -> None:
    second = a_booking(attempt=2, carrier="vnpost", freight_vnd=55_000)
    counts = counts_of(a_booking(), a_void(), second)
    assert {cell.carrier for cell in counts} == {"vnpost"}
    assert figures_of(a_booking(), a_void(), second)["freight_vnd"] == 55_000


def test_a_voided_booking_that_travels_all_the_same_is_the_one_that_counts() -> None:
    second = a_booking(attempt=2, carrier="vnpost")
    counts = counts_of(a_booking(), a_void(), second, *a_delivery())
    assert {cell.carrier for cell in counts} == {"viettelpost"}
    assert figures_of(a_booking(), a_void(), *a_delivery())["freight_vnd"] == 40_000


def test_a_parcel_given_back_after_delivery_counts_as_returned_only() -> None:
    returned = a_tracking_state(
        TrackingStatus.RETURNED,
        at(6),
        9,
        handed_over_at=at(2, 10),
        first_attempt_at=at(4, 10),
        delivered_at=at(4, 10),
        returned_at=at(6),
    )
    figures = figures_of(*a_life(), returned)
    assert figures["parcels_returned"] == figures["cohort_returned"] == 1
    assert "parcels_delivered" not in figures
    assert "cohort_delivered" not in figures
    assert figures["delivered_at_first_attempt"] == 1


@pytest.mark.parametrize("flag", ["provisional", "implied"])
def test_a_delivery_that_is_not_firm_never_counts(flag: str) -> None:
    hearsay_is: dict[str, Any] = {flag: True}
    hearsay = a_tracking_state(TrackingStatus.DELIVERED, at(4), 2, **hearsay_is)
    assert figures_of(*a_life()[:4], hearsay) == figures_of(*a_life()[:4])


def test_a_failed_first_attempt_is_an_attempt_but_no_first_success() -> None:
    times: dict[str, Any] = {"handed_over_at": at(2, 10), "first_attempt_at": at(4, 9)}
    failed = a_tracking_state(TrackingStatus.DELIVERY_FAILED, at(4, 9), 2, attempt_no=1, **times)
    delivered = a_tracking_state(
        TrackingStatus.DELIVERED, at(5), 3, attempt_no=2, delivered_at=at(5), **times
    )
    figures = figures_of(*a_life()[:4], failed, delivered)
    assert figures["attempts"] == 2
    assert figures["first_attempts"] == figures["parcels_delivered"] == 1
    assert "delivered_at_first_attempt" not in figures


def a_first_attempt(day: int, hour: int, **changes: Any) -> Event:
    times: dict[str, Any] = {
        "handed_over_at": at(2, 10),
        "first_attempt_at": at(day, hour),
        **changes,
    }
    return a_tracking_state(TrackingStatus.DELIVERY_FAILED, at(day, hour), 2, attempt_no=1, **times)


def test_a_first_attempt_is_in_time_until_the_promised_day_ends() -> None:
    figures = figures_of(*a_life()[:4], a_first_attempt(5, 23))
    assert figures["first_attempts_on_time"] == 1
    assert not any(name.startswith("late_") for name in figures)


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({}, "carrier"),
        ({"handed_over_at": at(2, 18)}, "seller"),
        ({"handed_over_at": at(2, 18), "postponed_by": "consignee"}, "seller"),
        ({"postponed_by": "consignee"}, "consignee"),
        ({"postponed_by": "weather"}, "weather"),
        ({"postponed_by": "unknown"}, "unknown"),
        ({"postponed_by": "none"}, "carrier"),
    ],
)
def test_a_late_first_attempt_is_put_down_to_one_party(
    changes: dict[str, object], who: str
) -> None:
    figures = figures_of(*a_life()[:4], a_first_attempt(6, 0, **changes))
    assert {name for name in figures if name.startswith("late_")} == {f"late_{who}"}
    assert "first_attempts_on_time" not in figures


def test_without_any_promise_a_first_attempt_is_neither_in_time_nor_late() -> None:
    figures = figures_of(a_placed_order(), a_first_attempt(6, 0))
    assert figures["first_attempts"] == 1
    assert not any(name.startswith(("late_", "first_attempts_on")) for name in figures)


def test_the_bookings_promise_goes_before_a_later_routings() -> None:
    moved_promise = a_routed_shipment(promised_on=date(2026, 10, 30))
    rerouted = a_routing(moved_promise, version=2, when=at(2))
    assert "late_carrier" in figures_of(*a_life()[:4], rerouted, a_first_attempt(6, 0))


def test_cash_of_a_delivery_counts_when_the_carrier_has_it() -> None:
    delivered = (*a_life()[:4], *a_delivery())
    assert "cod_collected_vnd" not in figures_of(*delivered)
    short = a_cash_state(remitted_vnd=300_000, short_vnd=30_000, remitted_at=at(9))
    figures = figures_of(*delivered, short)
    assert (figures["cod_remitted_vnd"], figures["cod_short_vnd"]) == (300_000, 30_000)


def test_a_cancelled_order_stays_placed() -> None:
    assert figures_of(a_placed_order(), a_cancellation())["orders_cancelled"] == 1
    assert figures_of(a_placed_order(), a_cancellation())["orders_placed"] == 1


@given(st.timedeltas(min_value=timedelta(hours=-10), max_value=timedelta(days=90)))
def test_every_lead_time_falls_into_the_first_bucket_that_holds_it(taken: timedelta) -> None:
    name, bucket = split_figure(bucket_of("order_to_handover_h", taken))
    assert name == "order_to_handover_h"
    fitting = [bound for bound in BOUNDS_H if taken <= timedelta(hours=bound)]
    assert bucket == (str(fitting[0]) if fitting else "inf")


CARRIERS = st.sampled_from(["viettelpost", "vnpost"])
DAYS = st.integers(1, 28)


@st.composite
def tracking_states(draw: st.DrawFn) -> Event:
    parcel = draw(st.sampled_from([PARCEL, f"{SHIPMENT}/2"]))
    start = at(draw(DAYS))
    times = st.none() | DAYS.map(lambda day: start + timedelta(days=day))
    attempt = draw(st.integers(1, 2))
    # State-carrying: one version of one booking never says two things.
    version = draw(st.integers(1, 6))
    return a_tracking_state(
        draw(st.sampled_from(TrackingStatus)),
        start,
        version,
        parcel,
        attempt=attempt,
        carrier=["viettelpost", "vnpost"][attempt - 1],
        provisional=draw(st.booleans()),
        implied=draw(st.booleans()),
        attempt_no=draw(st.integers(0, 3)),
        handed_over_at=draw(st.none() | st.just(start)),
        first_attempt_at=draw(times),
        delivered_at=draw(times),
        returned_at=draw(times),
        written_off_at=draw(times),
        postponed_by=draw(st.none() | st.sampled_from(["consignee", "weather", "none"])),
    )


LINES = st.builds(
    a_line,
    st.integers(1, 2),
    quantity=st.integers(1, 5),
    unit_price_vnd=st.integers(1, 200_000),
    group=st.sampled_from(OcopGroup),
    star=st.integers(0, 5),
    origin_province=st.none() | st.sampled_from(["68", "19"]),
)
FACTS = st.one_of(
    LINES.map(lambda line: a_placed_order(ORDER, line)),
    st.builds(
        lambda line, version: an_amended_order(ORDER, line, version=version),
        LINES,
        st.integers(2, 4),
    ),
    st.builds(a_hold, since=DAYS.map(at), version=st.integers(1, 3)),
    st.builds(a_cancellation, when=DAYS.map(at)),
    st.builds(
        lambda carrier, number, day, version: a_routing(
            *(a_routed_shipment(f"{ORDER}/{n}", carrier) for n in range(1, number + 1)),
            when=at(day),
            version=version,
        ),
        CARRIERS,
        st.integers(1, 2),
        DAYS,
        st.integers(1, 4),
    ),
    st.builds(a_parcel, st.sampled_from([PARCEL, f"{SHIPMENT}/2"]), when=DAYS.map(at)),
    st.builds(
        a_booking,
        st.sampled_from([PARCEL, f"{SHIPMENT}/2"]),
        when=DAYS.map(at),
        attempt=st.integers(1, 2),
        carrier=CARRIERS,
    ),
    st.builds(a_void, st.just(PARCEL), st.none() | st.integers(1, 2), version=st.integers(1, 3)),
    tracking_states(),
    st.builds(
        a_cash_state,
        version=st.integers(1, 4),
        parcel=st.sampled_from([PARCEL, f"{SHIPMENT}/2"]),
        attempt=st.integers(1, 2),
        collected_vnd=st.integers(0, 500_000),
        remitted_vnd=st.integers(-9, 500_000),
        remitted_at=st.none() | DAYS.map(at),
    ),
)


def one_event_a_version(events: list[Event]) -> list[Event]:
    """What stages promise: a version of an entity never repeats with other content."""
    return list({(event.entity, event.version, type(event)): event for event in events}.values())


HISTORIES = st.lists(FACTS, min_size=1, max_size=16).map(one_event_a_version)


@given(HISTORIES, st.data())
def test_any_order_and_repetition_of_facts_gives_the_same_figures(
    history: list[Event], data: st.DataObject
) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=8))
    shuffled = data.draw(st.permutations(repeated))
    assert facts_of(shuffled) == facts_of(history)
    assert counts_of(*shuffled) == counts_of(*history)


@given(HISTORIES)
def test_differences_add_up_to_the_absolute_figures(history: list[Event]) -> None:
    facts = OrderFacts(order_id=ORDER)
    total: Counts = {}
    for event in history:
        after = fold(facts, event)
        add(total, moved(changed_rows(facts, after)))
        facts = after
    left = {
        cell: {figure: amount for figure, amount in figures.items() if amount}
        for cell, figures in total.items()
    }
    assert {cell: figures for cell, figures in left.items() if figures} == count(rows_of(facts))


@given(HISTORIES)
def test_figures_are_of_the_catalogue_and_never_negative(history: list[Event]) -> None:
    known = {*FIGURE_NAMES, *(histogram.name for histogram in HISTOGRAMS)}
    for figures in counts_of(*history).values():
        assert {split_figure(figure)[0] for figure in figures} <= known
        assert min(figures.values()) > 0


@given(HISTORIES)
def test_what_is_stored_reads_back_as_the_same_facts(history: list[Event]) -> None:
    facts = facts_of(history)
    assert OrderFacts.model_validate_json(facts.model_dump_json()) == facts


@given(HISTORIES)
def test_a_fact_told_again_changes_nothing_at_all(history: list[Event]) -> None:
    facts = facts_of(history)
    assert all(fold(facts, event) is facts for event in history)
