"""Merging facts: of each entity the newer version wins, whatever the order and however often."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schemas.booking import (
    BookingDecisionAnswered,
    BookingRefused,
    BookingVoided,
    BookingVoidRefused,
    ShipmentBooked,
)
from schemas.cod import CodChanged
from schemas.handover import HandoverReported
from schemas.intake import (
    OrderAmended,
    OrderCancelRequested,
    OrderHeld,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
)
from schemas.packing import PackingStarted, ParcelPacked
from schemas.routing import OrderRouted
from schemas.status import OrderQuiet
from schemas.tracking import ShipmentStatusChanged, TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from schemas.event import Event
    from schemas.intake import OrderEvent
    from streams.rules.status.facts import Fact, Facts, Identity, Receipt, Unbooked


def merge(facts: Facts, event: Event) -> bool:
    """Keep a fact if it is newer than what is known of its entity. False: nothing has changed.

    `as_of` is the newest time of all facts seen, those included that were superseded already:
    otherwise it would depend on the order of arrival.
    Raises KeyError for an event that says nothing about an order's state.
    """
    before = (facts["as_of"], facts["identity"])
    facts["as_of"] = max(facts["as_of"], moment(event.occurred_at))
    is_kept = KEEPERS[type(event)](facts, event)
    return is_kept or before != (facts["as_of"], facts["identity"])


def moment(time: datetime) -> str:
    """UTC with six decimals: `2026-10-05T01:00:00.000000+00:00`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _moment_or_none(time: datetime | None) -> str | None:
    return None if time is None else moment(time)


def _is_news(known: Mapping[str, Fact], entity: str, version: int) -> bool:
    found = known.get(entity)
    return found is None or found["version"] < version


def _within(event: OrderEvent, shipment_or_parcel: str) -> str:
    return shipment_or_parcel.removeprefix(f"{event.order_id}/")


def _keep_content(facts: Facts, event: OrderPlaced | OrderAmended) -> bool:
    facts["identity"] = facts["identity"] or _identity(event)
    if event.version <= facts["content"]:
        return False
    facts["content"] = event.version
    return True


def _keep_held(facts: Facts, event: OrderHeld) -> bool:
    facts["identity"] = facts["identity"] or _identity(event)
    holds = [
        {
            "reason": hold.reason.value,
            "detail": hold.detail,
            "by": hold.by,
            "since": moment(hold.since),
        }
        for hold in event.holds
    ]
    return _keep_holds(facts, event, holds)


def _keep_released(facts: Facts, event: OrderReleased) -> bool:
    return _keep_holds(facts, event, [])


def _keep_holds(
    facts: Facts, event: OrderHeld | OrderReleased, holds: list[dict[str, str]]
) -> bool:
    if not _is_news(facts["holds"], event.stage, event.version):
        return False
    facts["holds"][event.stage] = {"version": event.version, "holds": holds}
    return True


def _identity(event: OrderPlaced | OrderAmended | OrderHeld) -> Identity:
    return {"channel": event.channel.value, "seller_id": event.seller_id}


def _keep_cancel(facts: Facts, event: OrderCancelRequested) -> bool:
    kept = facts["cancel"]
    if kept is not None and event.version <= kept["version"]:
        return False
    facts["cancel"] = {
        "version": event.version,
        "by": event.by,
        "why": event.why,
        "command_id": event.command_id,
        "at": moment(event.occurred_at),
    }
    return True


def _keep_received_back(facts: Facts, event: OrderReceivedBack) -> bool:
    receipt = str(event.version)
    if receipt in facts["received_back"]:
        return False
    kept: Receipt = {
        "version": event.version,
        "by": event.by,
        "at": moment(event.occurred_at),
    }
    if event.parcels:
        kept["parcels"] = {
            _within(event, one.parcel_id): {"outcome": one.outcome, "condition": one.condition}
            for one in event.parcels
        }
    facts["received_back"][receipt] = kept
    return True


def _keep_routing(facts: Facts, event: OrderRouted) -> bool:
    kept = facts["routing"]
    if kept is not None and event.version <= kept["version"]:
        return False
    facts["routing"] = {
        "version": event.version,
        "based_on": event.based_on,
        "shipments": [
            {
                "shipment": _within(event, shipment.shipment_id),
                "carrier": shipment.chosen.carrier,
                "service": shipment.chosen.service,
                "handover_by": moment(shipment.handover_by),
            }
            for shipment in event.shipments
        ],
    }
    return True


def _keep_started(facts: Facts, event: PackingStarted) -> bool:
    shipment = _within(event, event.shipment_id)
    if not _is_news(facts["started"], shipment, event.version):
        return False
    facts["started"][shipment] = {"version": event.version}
    return True


def _keep_packed(facts: Facts, event: ParcelPacked) -> bool:
    parcel = _within(event, event.parcel_id)
    if not _is_news(facts["packed"], parcel, event.version):
        return False
    facts["packed"][parcel] = {
        "version": event.version,
        "count": event.parcel_count,
        "cod_vnd": event.cod_vnd,
    }
    return True


def _keep_booked(facts: Facts, event: ShipmentBooked) -> bool:
    if not _is_news(facts["booked"], event.reference, event.version):
        return False
    facts["booked"][event.reference] = {
        "version": event.version,
        "parcel": _within(event, event.parcel_id),
        "carrier": event.carrier,
        "service": event.service,
        "tracking_no": event.tracking_no,
    }
    return True


def _keep_refused(facts: Facts, event: BookingRefused) -> bool:
    if not _is_news(facts["refused"], event.reference, event.version):
        return False
    parcel = _within(event, event.parcel_id)
    facts["refused"][event.reference] = {"version": event.version, "parcel": parcel}
    return True


def _keep_voided(facts: Facts, event: BookingVoided) -> bool:
    return _keep_unbooked(facts["voided"], event)


def _keep_void_refused(facts: Facts, event: BookingVoidRefused) -> bool:
    return _keep_unbooked(facts["void_refused"], event)


def _keep_unbooked(known: dict[str, Unbooked], event: BookingVoided | BookingVoidRefused) -> bool:
    parcel = _within(event, event.parcel_id)
    if not _is_news(known, parcel, event.version):
        return False
    known[parcel] = {
        "version": event.version,
        "reference": event.reference,
        "at": moment(event.occurred_at),
    }
    return True


def _keep_tracked(facts: Facts, event: ShipmentStatusChanged) -> bool:
    if not _is_news(facts["tracked"], event.reference, event.version):
        return False
    facts["tracked"][event.reference] = {
        "version": event.version,
        "parcel": _within(event, event.parcel_id),
        "carrier": event.carrier,
        "tracking_no": event.tracking_no,
        "status": event.status.value,
        "detail": event.detail,
        "attributed_to": event.attributed_to,
        "provisional": event.provisional,
        "partial": event.partial,
        "moved_after_terminal": event.moved_after_terminal,
        "attempt_no": event.attempt_no,
        "handed_over_at": _moment_or_none(event.handed_over_at),
        "delivered_at": _moment_or_none(event.delivered_at),
        "returned_at": _moment_or_none(event.returned_at),
        "flags": list(event.flags),
        "postponed_by": event.postponed_by,
        "return_no": event.return_no,
    }
    if event.status is TrackingStatus.RETURN_PENDING:
        facts["tracked"][event.reference]["since"] = _moment_or_none(event.status_since)
    return True


def _keep_decided(facts: Facts, event: BookingDecisionAnswered) -> bool:
    parcel = _within(event, event.parcel_id or "")
    if not _is_news(facts["decided"], parcel, event.version):
        return False
    facts["decided"][parcel] = {
        "version": event.version,
        "decision": event.decision,
        "at": moment(event.occurred_at),
    }
    return True


def _keep_manifest(facts: Facts, event: HandoverReported) -> bool:
    if not _is_news(facts["manifests"], event.manifest_no, event.version):
        return False
    facts["manifests"][event.manifest_no] = {
        "version": event.version,
        "parcels": {
            _within(event, one.parcel_id): {
                "reference": one.reference,
                "at": _moment_or_none(one.handed_over_at),
            }
            for one in event.parcels
        },
    }
    return True


def _keep_quiet(facts: Facts, event: OrderQuiet) -> bool:
    since = moment(event.occurred_at)
    if since <= facts["quiet_since"]:
        return False
    facts["quiet_since"] = since
    return True


def _keep_cash(facts: Facts, event: CodChanged) -> bool:
    if not _is_news(facts["cash"], event.reference, event.version):
        return False
    facts["cash"][event.reference] = {
        "version": event.version,
        "state": event.state.value,
        "claim_open": "claim_open" in event.exceptions,
    }
    return True


Keeper: TypeAlias = "Callable[[Facts, Any], bool]"

KEEPERS: Final[Mapping[type[Event], Keeper]] = {
    ShipmentStatusChanged: _keep_tracked,
    BookingDecisionAnswered: _keep_decided,
    OrderPlaced: _keep_content,
    OrderAmended: _keep_content,
    OrderHeld: _keep_held,
    OrderReleased: _keep_released,
    OrderCancelRequested: _keep_cancel,
    OrderReceivedBack: _keep_received_back,
    OrderRouted: _keep_routing,
    PackingStarted: _keep_started,
    ParcelPacked: _keep_packed,
    ShipmentBooked: _keep_booked,
    BookingRefused: _keep_refused,
    BookingVoided: _keep_voided,
    BookingVoidRefused: _keep_void_refused,
    HandoverReported: _keep_manifest,
    OrderQuiet: _keep_quiet,
    CodChanged: _keep_cash,
}
