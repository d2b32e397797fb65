"""Merging what is said of shipments and parcels: packing, bookings, tracking, manifests, cash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.booking import (
    BookingDecisionAnswered,
    BookingRefused,
    BookingVoided,
    BookingVoidRefused,
    ShipmentBooked,
)
from schemas.cod import CodChanged
from schemas.handover import HandoverReported
from schemas.packing import PackingStarted, ParcelPacked
from schemas.tracking import ShipmentStatusChanged, TrackingStatus
from streams.rules.status.news import is_news, moment, moment_or_none, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.event import Event
    from streams.rules.status.facts import Facts, Unbooked


def _keep_started(facts: Facts, event: PackingStarted) -> bool:
    shipment = within(event, event.shipment_id)
    if not is_news(facts["started"], shipment, event.version):
        return False
    facts["started"][shipment] = {"version": event.version}
    return True


def _keep_packed(facts: Facts, event: ParcelPacked) -> bool:
    parcel = within(event, event.parcel_id)
    if not is_news(facts["packed"], parcel, event.version):
        return False
    facts["packed"][parcel] = {
        "version": event.version,
        "count": event.parcel_count,
        "cod_vnd": event.cod_vnd,
    }
    return True


def _keep_booked(facts: Facts, event: ShipmentBooked) -> bool:
    if not is_news(facts["booked"], event.reference, event.version):
        return False
    facts["booked"][event.reference] = {
        "version": event.version,
        "parcel": within(event, event.parcel_id),
        "carrier": event.carrier,
        "service": event.service,
        "tracking_no": event.tracking_no,
    }
    return True


def _keep_refused(facts: Facts, event: BookingRefused) -> bool:
    if not is_news(facts["refused"], event.reference, event.version):
        return False
    parcel = within(event, event.parcel_id)
    facts["refused"][event.reference] = {"version": event.version, "parcel": parcel}
    return True


def _keep_voided(facts: Facts, event: BookingVoided) -> bool:
    return _keep_unbooked(facts["voided"], event)


def _keep_void_refused(facts: Facts, event: BookingVoidRefused) -> bool:
    return _keep_unbooked(facts["void_refused"], event)


def _keep_unbooked(known: dict[str, Unbooked], event: BookingVoided | BookingVoidRefused) -> bool:
    parcel = within(event, event.parcel_id)
    if not is_news(known, parcel, event.version):
        return False
    known[parcel] = {
        "version": event.version,
        "reference": event.reference,
        "at": moment(event.occurred_at),
    }
    return True


def _keep_tracked(facts: Facts, event: ShipmentStatusChanged) -> bool:
    if not is_news(facts["tracked"], event.reference, event.version):
        return False
    facts["tracked"][event.reference] = {
        "version": event.version,
        "parcel": within(event, event.parcel_id),
        "carrier": event.carrier,
        "tracking_no": event.tracking_no,
        "status": event.status.value,
        "detail": event.detail,
        "attributed_to": event.attributed_to,
        "provisional": event.provisional,
        "partial": event.partial,
        "moved_after_terminal": event.moved_after_terminal,
        "attempt_no": event.attempt_no,
        "handed_over_at": moment_or_none(event.handed_over_at),
        "delivered_at": moment_or_none(event.delivered_at),
        "returned_at": moment_or_none(event.returned_at),
        "flags": list(event.flags),
        "postponed_by": event.postponed_by,
        "return_no": event.return_no,
    }
    if event.status is TrackingStatus.RETURN_PENDING:
        facts["tracked"][event.reference]["since"] = moment_or_none(event.status_since)
    return True


def _keep_decided(facts: Facts, event: BookingDecisionAnswered) -> bool:
    parcel = within(event, event.parcel_id or "")
    if not is_news(facts["decided"], parcel, event.version):
        return False
    facts["decided"][parcel] = {
        "version": event.version,
        "decision": event.decision,
        "at": moment(event.occurred_at),
    }
    return True


def _keep_manifest(facts: Facts, event: HandoverReported) -> bool:
    if not is_news(facts["manifests"], event.manifest_no, event.version):
        return False
    facts["manifests"][event.manifest_no] = {
        "version": event.version,
        "parcels": {
            within(event, one.parcel_id): {
                "reference": one.reference,
                "at": moment_or_none(one.handed_over_at),
            }
            for one in event.parcels
        },
    }
    return True


def _keep_cash(facts: Facts, event: CodChanged) -> bool:
    if not is_news(facts["cash"], event.reference, event.version):
        return False
    facts["cash"][event.reference] = {
        "version": event.version,
        "state": event.state.value,
        "claim_open": "claim_open" in event.exceptions,
    }
    return True


PARCEL_KEEPERS: Final[Mapping[type[Event], Callable[[Facts, Any], bool]]] = {
    ShipmentStatusChanged: _keep_tracked,
    BookingDecisionAnswered: _keep_decided,
    PackingStarted: _keep_started,
    ParcelPacked: _keep_packed,
    ShipmentBooked: _keep_booked,
    BookingRefused: _keep_refused,
    BookingVoided: _keep_voided,
    BookingVoidRefused: _keep_void_refused,
    HandoverReported: _keep_manifest,
    CodChanged: _keep_cash,
}
