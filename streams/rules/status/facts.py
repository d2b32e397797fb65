"""What status knows of an order: the newest version of every fact, as one small JSON document.

Shipments and parcels are named without their order: `1`, `1/2`. Times are UTC with six decimals,
so that text compares like time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from schemas.intake import Decision


class Fact(TypedDict):
    """What is kept of any fact."""

    version: int


class Identity(TypedDict):
    """Whose order it is; known from the first placed or held. Never changes."""

    channel: str
    seller_id: str


class HoldSet(Fact):
    """A stage's holds; empty once it released the order."""

    holds: list[dict[str, str]]


class Request(Fact):
    """Somebody's wish to end the order."""

    by: str
    why: str
    command_id: str | None
    at: str


class Receipt(Fact):
    """Somebody says that goods are back. Every receipt counts, by its version.

    `parcels`: those it names, each with outcome and condition; absent: it names none.
    """

    by: str
    at: str
    parcels: NotRequired[dict[str, dict[str, Any]]]


class Route(TypedDict):
    """A shipment and the service chosen for it."""

    shipment: str
    carrier: str
    service: str
    handover_by: NotRequired[str]


class Routing(Fact):
    """The newest decision and the order version it was made for."""

    based_on: int
    shipments: list[Route]


class Packed(Fact):
    """A packed parcel; `count`: how many its shipment has."""

    count: int
    cod_vnd: int


class Booked(Fact):
    """A booking a carrier accepted."""

    parcel: str
    carrier: str
    service: str
    tracking_no: str


class Refused(Fact):
    """A booking a carrier refused."""

    parcel: str


class Unbooked(Fact):
    """The answer to a void; `reference` None: there never was a booking."""

    reference: str | None
    at: str


class Tracked(Fact):
    """The folded tracking state of a booking."""

    parcel: str
    carrier: str
    tracking_no: str
    status: str
    detail: str | None
    attributed_to: str
    provisional: bool
    partial: bool
    moved_after_terminal: bool
    attempt_no: int
    handed_over_at: str | None
    delivered_at: str | None
    returned_at: str | None
    flags: NotRequired[list[str]]
    postponed_by: NotRequired[str | None]
    return_no: NotRequired[str | None]
    since: NotRequired[str | None]
    """When the status began, for one that the seller may act on."""


class Decided(Fact):
    """What a carrier agreed to do with a parcel it could not deliver."""

    decision: Decision
    at: str


class Cash(Fact):
    """Where the cash of a booking is, by the ledger."""

    state: str
    claim_open: NotRequired[bool]


class Listing(TypedDict):
    """A parcel on a manifest; `at`: when the courier signed for it, None while it waits."""

    reference: str
    at: str | None


class Manifested(Fact):
    """What a manifest says of the order: its parcels on it."""

    parcels: dict[str, Listing]


class Facts(TypedDict):
    """Everything known of one order. `content`: version of the newest placed or amended, 0 if none.

    `quiet_since`: nothing had happened to it after this time when it was last looked at.
    """

    identity: Identity | None
    content: int
    country: NotRequired[str]
    """Of the newest content, where that is abroad."""
    holds: dict[str, HoldSet]
    cancel: Request | None
    received_back: dict[str, Receipt]
    routing: Routing | None
    started: dict[str, Fact]
    packed: dict[str, Packed]
    booked: dict[str, Booked]
    refused: dict[str, Refused]
    voided: dict[str, Unbooked]
    void_refused: dict[str, Unbooked]
    tracked: dict[str, Tracked]
    decided: dict[str, Decided]
    manifests: dict[str, Manifested]
    quiet_since: str
    cash: dict[str, Cash]
    as_of: str


def no_facts() -> Facts:
    """An order nobody has spoken of."""
    return {
        "identity": None,
        "content": 0,
        "holds": {},
        "cancel": None,
        "received_back": {},
        "routing": None,
        "started": {},
        "packed": {},
        "booked": {},
        "refused": {},
        "voided": {},
        "void_refused": {},
        "tracked": {},
        "decided": {},
        "manifests": {},
        "quiet_since": "",
        "cash": {},
        "as_of": "",
    }
