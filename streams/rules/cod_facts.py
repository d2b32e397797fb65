"""What the ledger knows of one booking: the newest of each fact, whatever their order."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import AwareDatetime

from schemas.event import Value
from schemas.place import VIETNAM
from schemas.tracking import CodState, MoneyWord, TrackingStatus
from streams.rules.tracking import our_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.booking import ShipmentBooked
    from schemas.cod import DecisionKind, FeeKind, Outcome, PaidTo
    from schemas.tracking import ShipmentStatusChanged


class Booked(Value):
    """What was booked."""

    version: int
    at: AwareDatetime
    order_id: str
    channel: str
    seller_id: str
    parcel_id: str
    carrier: str
    tracking_no: str
    cod_vnd: int
    freight_vnd: int


class Tracked(Value):
    """The carrier's word. `said`: of the cash, from the booking on."""

    version: int
    at: AwareDatetime
    status: TrackingStatus
    firm: bool
    partial: bool
    delivered_at: AwareDatetime | None
    said: tuple[MoneyWord, ...]

    @property
    def matters(self) -> tuple[object, ...]:
        """All of it that the standing or the row depends on."""
        is_lost = self.firm and self.status is TrackingStatus.WRITTEN_OFF
        return is_lost, self.partial, self.delivered_at, self.said


class Line(NamedTuple):
    """A line of a statement, in the order of the columns of cod.lines."""

    carrier: str
    statement_no: str
    line_no: int
    tracking_no: str | None
    reference: str | None
    cod_vnd: int
    fee_vnd: int
    fee_kind: FeeKind
    net_vnd: int
    transferred_on: date
    paid_to: PaidTo

    @property
    def entity(self) -> str:
        """What identifies it."""
        return f"{self.carrier}|{self.statement_no}|{self.line_no}"

    @property
    def at(self) -> datetime:
        """The end of the day on which the money was on its way."""
        return datetime.combine(self.transferred_on, LATE, VIETNAM).astimezone(UTC)

    @property
    def is_compensation(self) -> bool:
        """It pays for lost goods, not for cash that was collected."""
        return self.fee_kind == "compensation"

    @property
    def principal_vnd(self) -> int:
        """How much of the cash the line accounts for: what was paid and what was kept back."""
        return 0 if self.is_compensation else self.net_vnd + self.fee_vnd


LATE: Final = time(23, 59, 59)


class Decision(NamedTuple):
    """A person's word, in the order of the columns of cod.decisions."""

    decision_id: str
    reference: str
    parcel_id: str
    kind: DecisionKind
    outcome: Outcome | None
    vnd: int
    by: str
    why: str
    at: datetime


class Claim(NamedTuple):
    """A booking that has, or had, a carrier's number."""

    reference: str
    at: datetime


class Facts(NamedTuple):
    """Everything known of the cash of one booking."""

    reference: str
    booked: Booked | None = None
    tracked: Tracked | None = None
    lines: tuple[Line, ...] = ()
    decisions: tuple[Decision, ...] = ()


def booked_of(event: ShipmentBooked) -> Booked:
    """What the ledger keeps of a booking."""
    return Booked.model_construct(
        version=event.version,
        at=event.occurred_at,
        order_id=event.order_id,
        channel=event.channel.value,
        seller_id=event.seller_id,
        parcel_id=event.parcel_id,
        carrier=event.carrier,
        tracking_no=event.tracking_no,
        cod_vnd=event.cod_vnd,
        freight_vnd=event.freight_vnd,
    )


def tracked_of(event: ShipmentStatusChanged) -> Tracked:
    """What the ledger keeps of a tracking state."""
    return Tracked.model_construct(
        version=event.version,
        at=event.occurred_at,
        status=event.status,
        firm=not (event.provisional or event.implied),
        partial=event.partial,
        delivered_at=event.delivered_at,
        said=event.money or _word_without_history(event),
    )


def _word_without_history(event: ShipmentStatusChanged) -> tuple[MoneyWord, ...]:
    """Older events tell where the cash is, not how it came there."""
    if event.cod_state in (CodState.NOT_APPLICABLE, CodState.EXPECTED):
        return ()
    key = f"{event.reference} v{event.version}"
    return (
        MoneyWord(said=event.cod_state, vnd=event.cod_vnd, at=event.occurred_at, event_key=key),
    )


def owner(line: Line, claims: Iterable[Claim]) -> str | None:
    """The booking a line belongs to; None while nobody knows.

    Our own reference decides. A number that was given out again belongs to the newest booking made
    by the day of the transfer. It depends on the claims alone, not on which of them came first.
    """
    named = our_reference(line.reference)
    if named is not None:
        return named
    found = sorted(claims, key=lambda claim: (claim.at, claim.reference))
    if len(found) > 1:
        found = [claim for claim in found if claim.at <= line.at]
    return found[-1].reference if found else None
