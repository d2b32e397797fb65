"""From the messages of a batch to facts: carriers' events, bookings, voids, and what is no use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, assert_never

from schemas.booking import BookingVoided, ShipmentBooked
from schemas.ids import tracking_key
from schemas.mending import KIND_HEADER, Request
from schemas.partner import FORMAT
from schemas.tracking import CodState, TrackingStatus
from services.carriers import generic
from services.carriers.webhook import UnreadableWebhook
from streams.rules.tracking import (
    Scan,
    event_key,
    on_return_leg,
    ordering_time,
    our_reference,
    scan_key,
)
from streams.runtime.stage import Dead, Record
from streams.tracking_requests import Asked, Corrected, asked, corrected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.carriers.webhook import CarrierEvent, WebhookFormat
    from services.reference.status_map import StatusMap
    from streams.runtime.stage import Message

LogRow: TypeAlias = tuple[Any, ...]
"""A row of tracking.events without its waybill_id, in the order of `LOG_COLUMNS`."""

LOG_COLUMNS: Final = (
    "event_key",
    "origin",
    "reference",
    "waybill_no",
    "api",
    "code",
    "reason_code",
    "return_leg",
    "occurred_at",
    "ordered_at",
    "reported_at",
    "ingested_at",
    "raw_time",
    "facility",
    "cod_vnd",
    "status",
    "reason",
    "attributed_to",
    "finality",
    "cod",
    "mapping",
    "payload_sha256",
    "delivery_times",
)
UNDATED_COLUMNS: Final = (
    "waybill",
    "payload_sha256",
    "item",
    "api",
    "reference",
    "code",
    "reason_code",
    "raw_time",
    "facility",
    "ingested_at",
)


class Seen(NamedTuple):
    """An event as it came: where it belongs by what it says, and the row it will be in the log."""

    waybill: str
    reference: str | None
    scan: Scan
    row: LogRow
    record: Record
    voids: bool = False

    def column(self, name: str) -> Any:
        """One value of the row."""
        return self.row[LOG_COLUMNS.index(name)]


class Told(NamedTuple):
    """A booking as it came."""

    waybill: str
    booked: ShipmentBooked
    record: Record


@dataclass(slots=True)
class Facts:
    """What a batch says.

    `again`: numbers whose events are to be read again; `checks`: those that may be silent too long;
    `said`: corrections.
    """

    seen: list[Seen] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    again: list[Asked] = field(default_factory=list)
    checks: list[Asked] = field(default_factory=list)
    said: list[tuple[Any, ...]] = field(default_factory=list)
    undated: list[LogRow] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)

    def names(self) -> set[str]:
        """Every number something is said or asked of."""
        names = {event.waybill for event in self.seen} | {one.waybill for one in self.told}
        return names | {one.waybill for one in (*self.again, *self.checks)}


class Reader:
    """Reads messages by the formats it is given."""

    def __init__(self, formats: Mapping[tuple[str, str], WebhookFormat]) -> None:
        self._formats = {(c.encode(), api.encode()): found for (c, api), found in formats.items()}

    def read(self, messages: Sequence[Message], meanings: StatusMap) -> Facts:
        """The facts of a batch, in the order of its messages; codes by the map in use."""
        facts = Facts()
        for message in messages:
            record = message.record
            match message.event:
                case None:
                    self._read_raw(facts, record, meanings)
                case ShipmentBooked() as booked:
                    waybill = tracking_key(booked.carrier, booked.tracking_no)
                    facts.told.append(Told(waybill, booked, record))
                case BookingVoided() as voided:
                    _read_void(facts, voided, record, meanings)
                case _:
                    facts.dead.append(Dead(record, "not_ours", "tracking does not read this event"))
        return facts

    def _read_raw(self, facts: Facts, record: Record, meanings: StatusMap) -> None:
        headers = dict(record.headers)
        kind = headers.get(KIND_HEADER)
        if kind is None:
            self._read_webhook(facts, record, headers, meanings)
        else:
            _read_request(facts, record, kind.decode("utf-8", "replace"), meanings)

    def _read_webhook(
        self, facts: Facts, record: Record, headers: Mapping[str, bytes], meanings: StatusMap
    ) -> None:
        carrier, api = headers.get("ocop_carrier", b""), headers.get("ocop_api", b"")
        raw, item = record.value or b"", headers.get("ocop_item", b"0")
        number = int(item) if item.isdigit() and len(item) < len("10000") else 0
        try:
            if headers.get("ocop_format") == FORMAT.encode():
                event = generic.carrier_event(
                    generic.read_event(raw), carrier.decode(), api.decode()
                )
            elif (reads := self._formats.get((carrier, api))) is not None:
                event = reads.parse(raw, number)
            else:
                reason = f"no webhook format of carrier {carrier!r}, api {api!r}"
                facts.dead.append(Dead(record, "unknown_format", reason))
                return
        except UnreadableWebhook as error:
            facts.dead.append(Dead(record, error.code, error.reason))
            return
        if (event_id := headers.get("ocop_event_id")) and event.event_id is None:
            event = event._replace(event_id=event_id.decode("utf-8", "replace"))
        if event.at is None:
            facts.undated.append(_undated(event, raw, number, record))
        else:
            facts.seen.append(_seen(event, event.at, record, meanings))


def _read_request(facts: Facts, record: Record, kind: str, meanings: StatusMap) -> None:
    """One of our own records (streams/tracking_requests.py)."""
    match kind:
        case Request.REMAP | Request.CHECK:
            found: Asked | Corrected | Dead = asked(record)
        case Request.CORRECTION:
            found = corrected(record, meanings)
        case _:
            found = Dead(record, "unknown_kind", "tracking knows no such request")
    match found:
        case Dead():
            facts.dead.append(found)
        case Asked():
            (facts.checks if kind == Request.CHECK else facts.again).append(found)
        case Corrected(waybill, reference, scan, row, said):
            facts.seen.append(Seen(waybill, reference, scan, row, record))
            facts.said.append(said)
        case _:
            assert_never(found)


def _seen(event: CarrierEvent, claimed: int, record: Record, meanings: StatusMap) -> Seen:
    meaning = meanings.meaning(event.carrier, event.api, event.code, event.reason_code)
    if event.is_return_leg:
        meaning = on_return_leg(meaning, meanings)
    key = event_key(event, claimed)
    at, ahead = ordering_time(claimed, record.timestamp_ms // 1000)
    occurred_at = datetime.fromtimestamp(claimed, UTC)
    reported_at = event.reported_at
    reference = our_reference(event.reference)
    row = (
        key,
        "carrier",
        reference,
        event.waybill_no,
        event.api,
        event.code,
        event.reason_code,
        event.is_return_leg,
        occurred_at,
        datetime.fromtimestamp(at, UTC) if ahead else occurred_at,
        None if reported_at is None else datetime.fromtimestamp(reported_at, UTC),
        datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
        event.raw_time,
        event.facility,
        event.cod_collected_vnd,
        meaning.status,
        meaning.reason,
        meaning.attributed_to,
        meaning.finality,
        meaning.cod,
        meanings.mark(event.carrier),
        hashlib.sha256(record.value or b"").digest(),
        event.delivery_times,
    )
    scan = Scan(at, scan_key(key), meaning, event.cod_collected_vnd, clock_ahead=ahead)
    if event.is_return_leg:
        scan = scan._replace(return_no=event.waybill_no)
    waybill = tracking_key(event.carrier, event.tracking_no)
    return Seen(waybill, reference, scan, row, record)


def _read_void(facts: Facts, voided: BookingVoided, record: Record, meanings: StatusMap) -> None:
    """A void is an event of the log like a carrier's: cancelled, at the time we were told."""
    carrier, number, reference = voided.carrier, voided.tracking_no, voided.reference
    if carrier is None or number is None or reference is None:
        return  # the parcel never had a number: there is nothing to follow
    meaning = meanings.stored(TrackingStatus.CANCELLED, None, "unknown", "yes", CodState.VOID)
    key = hashlib.sha256(f"booking.voided|{reference}|{voided.version}".encode()).digest()
    at = int(voided.occurred_at.timestamp())
    row = (
        key,
        "booking",
        reference,
        number,
        "booking",
        "voided",
        None,
        False,
        voided.occurred_at,
        voided.occurred_at,
        None,
        datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
        None,
        None,
        None,
        meaning.status,
        None,
        meaning.attributed_to,
        meaning.finality,
        meaning.cod,
        meanings.version,
        hashlib.sha256(record.value or b"").digest(),
        None,
    )
    waybill = tracking_key(carrier, number)
    facts.seen.append(
        Seen(waybill, reference, Scan(at, scan_key(key), meaning), row, record, voids=True)
    )


def _undated(event: CarrierEvent, raw: bytes, item: int, record: Record) -> LogRow:
    return (
        tracking_key(event.carrier, event.tracking_no),
        hashlib.sha256(raw).digest(),
        item,
        event.api,
        our_reference(event.reference),
        event.code,
        event.reason_code,
        event.raw_time,
        event.facility,
        datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
    )
