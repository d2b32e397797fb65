"""The figure catalogue: what a monthly row holds, as data. Stage, report and verification read it."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

Unit: TypeAlias = Literal["orders", "shipments", "parcels", "units", "attempts", "VND"]
Counted: TypeAlias = Literal["as it happened", "over the cohort"]

HAPPENED: Final = "as it happened"
"""Counted in the month the thing itself happened (Asia/Ho_Chi_Minh)."""
COHORT: Final = "over the cohort"
"""Counted over the parcels handed over in the month, whenever the thing itself happened."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One absolute, additive number of a monthly row."""

    name: str
    meaning: str
    unit: Unit
    counted: Counted = HAPPENED


@dataclass(frozen=True, slots=True)
class Histogram:
    """Parcels of a cohort by a lead time in hours; rates and percentiles are computed on reading."""

    name: str
    meaning: str


class Cell(NamedTuple):
    """What a figure is counted by; the same six as `schemas.metrics.Dimensions`, as a plain key."""

    month: str
    channel: str
    carrier: str
    origin_province: str
    group: str
    star: int


FIGURES: Final = (
    Figure(
        "orders_placed", "orders that passed every check, by the time they were placed", "orders"
    ),
    Figure("orders_held", "orders that were ever held, by their first hold", "orders"),
    Figure("orders_cancelled", "orders that ended before delivery", "orders"),
    Figure("units_placed", "units in placed orders", "units"),
    Figure("goods_placed_vnd", "value of the goods in placed orders", "VND"),
    Figure(
        "shipments_routed", "shipments that have a carrier, by their first routing", "shipments"
    ),
    Figure("parcels_packed", "closed parcels", "parcels"),
    Figure("parcels_booked", "parcels a carrier accepted", "parcels"),
    Figure("parcels_handed_over", "first firm scan in the carrier's custody", "parcels"),
    Figure("parcels_delivered", "parcels delivered and not given back since", "parcels"),
    Figure("parcels_returned", "parcels handed back to the seller", "parcels"),
    Figure("parcels_written_off", "parcels lost, destroyed or compensated", "parcels"),
    Figure("units_delivered", "units in delivered parcels", "units"),
    Figure("goods_delivered_vnd", "value of the goods in delivered parcels", "VND"),
    Figure("freight_vnd", "carriers' price of live bookings, by booking", "VND"),
    Figure("cod_expected_vnd", "cash to collect under live bookings, by booking", "VND"),
    Figure("cod_collected_vnd", "cash collected, by delivery", "VND"),
    Figure(
        "cod_remitted_vnd", "cash carriers paid on, fees they kept included, by transfer", "VND"
    ),
    Figure("cod_short_vnd", "cash still missing after a transfer", "VND"),
    Figure("cohort_handed_over", "parcels handed over", "parcels", COHORT),
    Figure("cohort_delivered", "of those, delivered", "parcels", COHORT),
    Figure("cohort_returned", "of those, returned", "parcels", COHORT),
    Figure("first_attempts", "of those, attempted at least once", "parcels", COHORT),
    Figure("delivered_at_first_attempt", "of those, delivered by it", "parcels", COHORT),
    Figure("attempts", "attempts in all", "attempts", COHORT),
    Figure("first_attempts_on_time", "first attempts by the original promise", "parcels", COHORT),
    Figure("late_seller", "late first attempts after a late hand-over", "parcels", COHORT),
    Figure("late_carrier", "late first attempts although handed over in time", "parcels", COHORT),
    Figure("late_consignee", "late first attempts the consignee postponed", "parcels", COHORT),
    Figure("late_platform", "late first attempts the platform postponed", "parcels", COHORT),
    Figure("late_weather", "late first attempts the weather postponed", "parcels", COHORT),
    Figure("late_authority", "late first attempts an authority postponed", "parcels", COHORT),
    Figure("late_unknown", "late first attempts, cause disputed", "parcels", COHORT),
)
FIGURE_NAMES: Final = tuple(figure.name for figure in FIGURES)

ORDER_TO_HANDOVER: Final = "order_to_handover_h"
HANDOVER_TO_FIRST_ATTEMPT: Final = "handover_to_first_attempt_h"
HISTOGRAMS: Final = (
    Histogram(ORDER_TO_HANDOVER, "order placed to hand-over: the seller's time"),
    Histogram(HANDOVER_TO_FIRST_ATTEMPT, "hand-over to first attempt: the carrier's time"),
)
BOUNDS_H: Final = (
    *(1, 2, 4, 6, 8, 12, 18, 24, 30, 36, 42, 48, 60, 72),
    *(84, 96, 120, 144, 168, 216, 264, 336, 504, 720),
)
"""Upper bounds of the buckets in hours, inclusive; what is over the last is in `OVER`. Never changed
once counted: a bucket cannot be split afterwards."""
OVER: Final = "inf"
BUCKETS: Final = (*map(str, BOUNDS_H), OVER)


def bucket_figure(histogram: str, bucket: str) -> str:
    """The counter of one bucket: `order_to_handover_h<=24`."""
    return f"{histogram}<={bucket}"


def split_figure(figure: str) -> tuple[str, str | None]:
    """A counter's name as (figure, None) or (histogram, bucket)."""
    name, _, bucket = figure.partition("<=")
    return name, bucket or None
