"""What a record of `order.received` says: an order's content, a notice about it, or a command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads it)
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, assert_never, get_args

from pydantic import StringConstraints, ValidationError

from schemas.ids import channel_key, order_channel_key
from schemas.intake import Channel, ReceivedParcel
from schemas.place import HOME
from services.channels.contact import Contact, ContactProblem, read_contact
from services.channels.formats import READINGS
from services.channels.invalid import PayloadInvalid, told
from services.channels.neutral import (
    NEUTRAL,
    Moment,
    NoticePayload,
    OrderPayload,
    Part,
    Text,
    read_order,
)
from services.channels.port import Nothing, Unmapped
from streams.rules.intake_fold import No
from streams.runtime.stage import Dead

if TYPE_CHECKING:
    from services.channels.neutral import Cancel
    from services.store.vault import Vault
    from streams.runtime.stage import Record

CommandKind: TypeAlias = Literal[
    "amend", "cancel", "hold", "release", "receive_back", "redeliver", "return"
]
KINDS: Final = frozenset(get_args(CommandKind))
ORDER_ID: Final = rf"^({'|'.join(sorted(Channel))}):[A-Za-z0-9._-]{{1,64}}:[A-Za-z0-9._-]{{1,64}}$"
FOR_CUSTOMS: Final = frozenset({"name_en", "hs_code", "origin_country"})
SAYS_WHEN: Final = frozenset({"version", "event", "updated_at"})
"""Of an order we fetched: they change with every status and say nothing of what is wanted."""
REASON_CODE: Final = re.compile(r"[a-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class Content:
    """A new or changed order. `claim`: the seller the gateway authenticated, on the direct API."""

    record: Record
    payload: OrderPayload
    contact: Contact
    contact_problems: tuple[ContactProblem, ...]
    fingerprint: str
    claim: str | None

    @property
    def is_fetched(self) -> bool:
        """We asked the channel for it, so it is the channel's newest word, whatever its version."""
        return self.payload.channel not in NEUTRAL


class Notice(Part):
    """Something happened to an order; parked as JSON if it comes before the order itself.

    From a channel it has a version and a fingerprint, from a person a command id.
    """

    cancels: bool
    by: str
    why: str
    at: datetime
    version: int | None = None
    fingerprint: str | None = None
    command_id: str | None = None

    @property
    def ref(self) -> str:
        """What tells it from the others of its order."""
        return self.command_id or f"v{self.version}"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice of a channel. `seller_ref` None: the channel did not say whose order it is."""

    record: Record
    channel: Channel
    number: str
    seller_ref: str | None
    claim: str | None
    notice: Notice


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks of an order. `content` only for amend; No if it cannot be understood.

    `parcel_id`: the parcel that a `redeliver` or `return` names, if it does.
    """

    record: Record
    kind: CommandKind
    command_id: str
    actor: str
    order_id: str
    channel: Channel
    seller_id: str
    number: str
    why: str
    at: datetime
    content: Content | No | None = None
    parcel_id: str | None = None
    parcels: tuple[ReceivedParcel, ...] = ()


Incoming: TypeAlias = Content | Noticed | Command


class CommandBody(Part):
    """The value of a command record."""

    order_id: Annotated[str, StringConstraints(pattern=ORDER_ID)]
    why: Annotated[Text, StringConstraints(min_length=1)]
    at: Moment
    order: Any = None
    parcel_id: Text | None = None
    parcels: tuple[ReceivedParcel, ...] = ()


def read(record: Record, vault: Vault) -> Incoming | Nothing | Dead:
    """Understand a record. Looks at nothing but the record."""
    kind = record.header("ocop_kind")
    if record.value is None:
        return Dead(record, "payload_invalid", "The record has no value.")
    if record.header("ocop_channel") not in READINGS:
        return Dead(record, "channel_unknown", "Nobody here reads this channel's format.")
    if kind == "order":
        return _payload(record, record.value, vault)
    if kind in KINDS:
        return _command(record, record.value, kind, vault)  # type: ignore[arg-type] # just checked
    return Dead(record, "kind_unknown", "The record is neither an order nor a known command.")


def _payload(record: Record, value: bytes, vault: Vault) -> Incoming | Nothing | Dead:
    channel = record.header("ocop_channel") or ""
    try:
        reading = READINGS[channel](value, record.header("ocop_shop") or "")
    except PayloadInvalid as invalid:
        return Dead(record, invalid.code, invalid.reason)
    match reading:
        case OrderPayload() | NoticePayload():
            return _said(record, channel, reading, vault)
        case Unmapped(status):
            reason = f"{channel} has no status {status[:40]!r} that we know the meaning of."
            return Dead(record, "status_unmapped", reason)
        case Nothing():
            return reading
        case _:
            assert_never(reading)


def _said(
    record: Record, channel: str, payload: OrderPayload | NoticePayload, vault: Vault
) -> Incoming | Dead:
    if payload.channel != channel:
        return Dead(record, "channel_mismatch", "The payload names another channel than its feed.")
    if record.key != channel_key(payload.channel, payload.channel_order_no).encode():
        return Dead(record, "wrong_key", "The record's key is not channel:number.")
    if isinstance(payload, OrderPayload):
        return _content(record, payload, vault)
    return Noticed(
        record,
        payload.channel,
        payload.channel_order_no,
        payload.seller_ref or None,
        record.header("ocop_seller"),
        Notice(
            cancels=payload.event != "returned",
            by=record.header("ocop_actor") or f"channel:{payload.channel}",
            why=_reason(payload.cancel),
            at=payload.at,
            version=payload.version,
            fingerprint=_fingerprint(payload, vault),
        ),
    )


def _content(record: Record, payload: OrderPayload, vault: Vault) -> Content:
    contact, problems = read_contact(payload)
    claim = record.header("ocop_seller")
    return Content(record, payload, contact, problems, _fingerprint(payload, vault), claim)


def _command(record: Record, value: bytes, kind: CommandKind, vault: Vault) -> Command | Dead:
    command_id, actor = record.header("ocop_command_id"), record.header("ocop_actor")
    if not command_id or not actor:
        return Dead(record, "command_invalid", "A command needs its id and its actor.")
    try:
        body = CommandBody.model_validate_json(value)
    except ValidationError as problems:
        return Dead(record, "command_invalid", told(problems))
    if record.key != order_channel_key(body.order_id).encode():
        return Dead(record, "wrong_key", "The record's key is not channel:number.")
    channel, seller_id, number = body.order_id.split(":")
    if not _may_command(actor, channel, seller_id):
        return Dead(record, "unknown_order", "The sender has no order with this id.")
    return Command(
        record=record,
        kind=kind,
        command_id=command_id,
        actor=actor,
        order_id=body.order_id,
        channel=Channel(channel),
        seller_id=seller_id,
        number=number,
        why=body.why,
        at=body.at,
        content=_new_content(record, body.order, vault) if kind == "amend" else None,
        parcel_id=body.parcel_id,
        parcels=body.parcels if kind == "receive_back" else (),
    )


def _new_content(record: Record, given: object, vault: Vault) -> Content | No:
    try:
        return _content(record, read_order(given), vault)
    except PayloadInvalid as invalid:
        return No(invalid.code, f"The new content cannot be understood: {invalid.reason}")


def _may_command(actor: str, channel: str, seller_id: str) -> bool:
    return actor in {f"seller:{seller_id}", f"channel:{channel}"} or actor.startswith("ops:")


def _reason(cancel: Cancel) -> str:
    """The channel's codes; free text may name a person, and events hold no personal data."""
    codes = [code for code in (cancel.by, cancel.reason) if REASON_CODE.fullmatch(code)]
    return ": ".join(codes) or "unspecified"


def _fingerprint(payload: OrderPayload | NoticePayload, vault: Vault) -> str:
    """Equal for equal content in any spelling; keyed, so that nothing can be read from it."""
    return vault.fingerprint(_compared(payload).encode()).hex()


def _compared(payload: OrderPayload | NoticePayload) -> str:
    """What tells one payload from another. A platform's package numbers are facts of their own."""
    if isinstance(payload, NoticePayload):
        return payload.model_dump_json()
    unsaid = _unsaid(payload)
    if payload.channel in NEUTRAL:
        ours = dict.fromkeys(("platform", "channel_hold", "related_no"), True)
        return payload.model_dump_json(exclude={**ours, **unsaid})
    packages = {"platform": {"packages", "as_of"}} if payload.platform else {}
    return payload.model_dump_json(exclude={**dict.fromkeys(SAYS_WHEN, True), **packages, **unsaid})


def _unsaid(payload: OrderPayload) -> dict[str, Any]:
    """Fields the format had not always and that say nothing at home: a repeat stays a repeat."""
    if payload.ship_to.country != HOME:
        return {}
    return {"ship_to": {"country", "city"}, "lines": {"__all__": FOR_CUSTOMS}}
