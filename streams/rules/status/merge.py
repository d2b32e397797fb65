"""Merging facts: of each entity the newer version wins, whatever the order and however often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schemas.intake import (
    OrderAmended,
    OrderCancelRequested,
    OrderHeld,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
)
from schemas.place import HOME
from schemas.routing import OrderRouted
from schemas.status import OrderQuiet
from streams.rules.status.merge_parcels import PARCEL_KEEPERS
from streams.rules.status.news import is_news, moment, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.event import Event
    from streams.rules.status.facts import Facts, Identity, Receipt


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


def _keep_content(facts: Facts, event: OrderPlaced | OrderAmended) -> bool:
    facts["identity"] = facts["identity"] or _identity(event)
    if event.version <= facts["content"]:
        return False
    facts["content"] = event.version
    facts.pop("country", None)
    if event.destination.country != HOME:
        facts["country"] = event.destination.country
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
    if not is_news(facts["holds"], event.stage, event.version):
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
            within(event, one.parcel_id): {"outcome": one.outcome, "condition": one.condition}
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
                "shipment": within(event, shipment.shipment_id),
                "carrier": shipment.chosen.carrier,
                "service": shipment.chosen.service,
                "handover_by": moment(shipment.handover_by),
            }
            for shipment in event.shipments
        ],
    }
    return True


def _keep_quiet(facts: Facts, event: OrderQuiet) -> bool:
    since = moment(event.occurred_at)
    if since <= facts["quiet_since"]:
        return False
    facts["quiet_since"] = since
    return True


Keeper: TypeAlias = "Callable[[Facts, Any], bool]"

KEEPERS: Final[Mapping[type[Event], Keeper]] = {
    **PARCEL_KEEPERS,
    OrderPlaced: _keep_content,
    OrderAmended: _keep_content,
    OrderHeld: _keep_held,
    OrderReleased: _keep_released,
    OrderCancelRequested: _keep_cancel,
    OrderReceivedBack: _keep_received_back,
    OrderRouted: _keep_routing,
    OrderQuiet: _keep_quiet,
}
