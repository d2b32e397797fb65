"""Cash on delivery: statement lines, decisions about claims, and where each booking's cash is."""

from datetime import date
from typing import ClassVar, Literal, TypeAlias

from pydantic import AwareDatetime
from typing_extensions import override

from schemas.event import Event
from schemas.ids import tracking_key
from schemas.intake import Channel, OrderEvent
from schemas.tracking import CodState
from schemas.units import Dong, PositiveInt

FeeKind: TypeAlias = Literal["", "freight", "cod", "payout", "return", "other", "compensation"]
"""What a statement line's fee is for (our words). A `compensation` line pays for lost goods."""
PaidTo: TypeAlias = Literal["programme", "seller"]
"""Whose bank account the carrier paid into."""
DecisionKind: TypeAlias = Literal["dispute", "settle", "restate", "pay"]
Outcome: TypeAlias = Literal["full", "part", "none"]


class SettlementReceived(Event):
    """One line of a carrier's statement (facts/tracking_taxonomy.md section 7).

    `statement_no` and `line_no` identify it. A parcel is named by its number, by our reference, or
    by both. `cod_vnd` is what the line says was collected, `net_vnd` what was paid for it, `fee_vnd`
    what was kept back; the first two are negative where a line takes an earlier one back.
    """

    topic_name: ClassVar[str] = "settlement.received.v1"

    carrier: str
    statement_no: str
    line_no: PositiveInt
    tracking_no: str | None = None
    reference: str | None = None
    cod_vnd: int
    fee_vnd: Dong = 0
    fee_kind: FeeKind = ""
    net_vnd: int
    transferred_on: date
    paid_to: PaidTo = "programme"
    imported_by: str

    @property
    @override
    def key(self) -> str:
        return tracking_key(self.carrier, self.tracking_no or self.reference or "")

    @property
    @override
    def entity(self) -> str:
        return f"{self.carrier}|{self.statement_no}|{self.line_no}"


class CodDecided(OrderEvent):
    """A person's word about the cash of one booking: a claim, its end, an amount, a payout.

    `vnd`: for `settle` what was received, for `restate` what is expected now, for `pay` what the
    seller got. Every decision counts once, by its id.
    """

    topic_name: ClassVar[str] = "cod.decided.v1"

    decision_id: str
    parcel_id: str
    reference: str
    kind: DecisionKind
    outcome: Outcome | None = None
    vnd: Dong = 0
    by: str
    why: str

    @property
    @override
    def entity(self) -> str:
        return self.decision_id


class CodChanged(OrderEvent):
    """Where the cash of one booking is, by the ledger; counted by our reference.

    `expected_vnd` is as amended. `remitted_vnd` is what carriers paid, fees they kept included.
    `exceptions` name what a person should look at (README, glossary).
    """

    topic_name: ClassVar[str] = "cod.changed.v1"

    channel: Channel
    seller_id: str
    parcel_id: str
    reference: str
    carrier: str
    tracking_no: str
    state: CodState
    booked_vnd: Dong
    expected_vnd: Dong
    collected_vnd: Dong = 0
    remitted_vnd: int = 0
    fees_vnd: Dong = 0
    compensation_vnd: int = 0
    paid_out_vnd: Dong = 0
    short_vnd: Dong = 0
    remitted_at: AwareDatetime | None = None
    exceptions: tuple[str, ...] = ()

    @property
    @override
    def entity(self) -> str:
        return self.reference
