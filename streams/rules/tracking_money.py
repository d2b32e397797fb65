"""The COD axis of a parcel: what carriers' facts and corrections do to it (taxonomy section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.tracking import CodState, TrackingStatus

if TYPE_CHECKING:
    from streams.rules.tracking import Scan
    from streams.rules.tracking_fold import Parcel

NOTHING_TO_COLLECT: Final = frozenset(
    {TrackingStatus.RETURNED, TrackingStatus.WRITTEN_OFF, TrackingStatus.CANCELLED}
)
REOPENED_FROM: Final = frozenset({TrackingStatus.CANCELLED, TrackingStatus.WRITTEN_OFF})
"""Ends that a parcel can turn out not to have met: then there is something to collect again."""

BY_STATUS: Final = {
    TrackingStatus.DELIVERED: CodState.COLLECTED,
    TrackingStatus.RETURNED: CodState.VOID,
    TrackingStatus.WRITTEN_OFF: CodState.VOID,
}
"""What an end says of the cash where cod_map.csv says nothing (taxonomy section 7)."""


def follow_money(parcel: Parcel, scan: Scan, *, before: TrackingStatus, moved: bool) -> bool:
    """Apply one scan to the money of a parcel; True if it changed.

    Carriers' money facts count even where the state does not move (a payout code comes after the
    delivery), except that a claim is voided only by an event that moves.
    """
    if parcel.cod is CodState.NOT_APPLICABLE or scan.meaning.provisional:
        return False
    was = (parcel.cod, parcel.cod_vnd)
    if scan.correction:
        _correct(parcel)
    else:
        if moved and before in REOPENED_FROM and parcel.cod is CodState.VOID:
            parcel.cod = CodState.EXPECTED
        _follow(parcel, scan, moved=moved)
    if (parcel.cod, parcel.cod_vnd) == was:
        return False
    parcel.money = (*parcel.money, (parcel.cod, parcel.cod_vnd, scan.at, scan.key))
    return True


def _follow(parcel: Parcel, scan: Scan, *, moved: bool) -> None:
    told = scan.meaning.cod
    if told is None and moved and not scan.meaning.implied:
        told = BY_STATUS.get(scan.meaning.status)  # a carrier without money codes
    if told is None and parcel.cod is CodState.EXPECTED and scan.cod_vnd and not scan.return_no:
        parcel.cod_vnd = scan.cod_vnd  # the carrier has another amount to collect now
    if told is CodState.COLLECTED and parcel.cod is CodState.EXPECTED:
        # Where the carrier names an amount it decides; nought means that nothing was collected.
        amount = parcel.cod_vnd if scan.cod_vnd is None else scan.cod_vnd
        if amount:
            parcel.cod, parcel.cod_vnd = CodState.COLLECTED, amount
    elif told is CodState.REMITTED and parcel.cod in {CodState.EXPECTED, CodState.COLLECTED}:
        parcel.cod = CodState.REMITTED
    elif told is CodState.VOID and parcel.cod is CodState.EXPECTED and moved:
        parcel.cod = CodState.VOID


def _correct(parcel: Parcel) -> None:
    """A corrected end takes the claim with it; money that was paid on stays paid."""
    if parcel.cod is CodState.REMITTED or (
        parcel.cod is CodState.COLLECTED and parcel.delivered_at is not None
    ):
        return
    if parcel.status in NOTHING_TO_COLLECT:
        parcel.cod = CodState.VOID
    elif parcel.status is TrackingStatus.DELIVERED:
        parcel.cod = CodState.COLLECTED
    else:
        parcel.cod = CodState.EXPECTED
