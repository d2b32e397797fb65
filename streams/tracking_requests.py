"""Our own records in `tracking.received`, among the carriers': keyed like them, told by a header.

They are asked for where the events are, so that one unit decides everything about a number. Only
the gateway and the command line write them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError

from schemas.mending import Correction, Request
from schemas.tracking import TrackingStatus
from services.channels.invalid import told
from streams.rules.tracking import Scan, scan_key
from streams.runtime.stage import Dead

if TYPE_CHECKING:
    from services.reference.status_map import StatusMap
    from streams.runtime.stage import Record, Transaction

NO_STATES: Final = frozenset({TrackingStatus.INFO, TrackingStatus.UNMAPPED})

# Keep who corrected what and why, once each.
KEEP_CORRECTIONS: Final = """
INSERT INTO tracking.corrections (event_key, waybill, reference, by, why, evidence, at)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::timestamptz[])
ON CONFLICT (event_key) DO NOTHING"""


class Asked(NamedTuple):
    """Something asked about a number by its record's key alone: to be read again, or looked at."""

    waybill: str
    record: Record


class Corrected(NamedTuple):
    """A correction understood: the event it is, and its row of tracking.corrections."""

    waybill: str
    reference: str
    scan: Scan
    row: tuple[Any, ...]
    said: tuple[Any, ...]


def asked(record: Record) -> Asked | Dead:
    """Whom a remap or a check is about."""
    key = (record.key or b"").decode("utf-8", "replace")
    if ":" not in key:
        return Dead(record, "wrong_key", "The record's key is not carrier:tracking_no.")
    return Asked(key, record)


def corrected(record: Record, meanings: StatusMap) -> Corrected | Dead:
    """Understand a correction."""
    number = asked(record)
    if isinstance(number, Dead):
        return number
    try:
        correction = Correction.model_validate_json(record.value or b"")
    except ValidationError as problems:
        return Dead(record, "correction_invalid", told(problems))
    if correction.state in NO_STATES:
        return Dead(record, "correction_invalid", f"{correction.state} is no state of a parcel.")
    who = "none"
    if correction.detail is not None:
        if not meanings.knows(correction.detail):
            return Dead(record, "correction_invalid", "The detail is none of reasons.csv.")
        who = meanings.attribution(correction.detail)
    return _event(number, correction, who, meanings)


def _event(
    number: Asked, correction: Correction, attributed_to: str, meanings: StatusMap
) -> Corrected:
    record, tracking_no = number.record, number.waybill.partition(":")[2]
    meaning = meanings.stored(correction.state, correction.detail, attributed_to, "no", None)
    key = hashlib.sha256(f"correction|{correction.correction_id}".encode()).digest()
    came_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    at = datetime.fromtimestamp(int(correction.occurred_at.timestamp()), UTC)
    row = (
        *(key, "correction", correction.reference, tracking_no, "ops", "correction", None, False),
        *(at, at, None, came_at, None, None, None),
        *(meaning.status, meaning.reason, attributed_to, meaning.finality, None),
        *(meanings.version, hashlib.sha256(record.value or b"").digest(), None),
    )
    said = (
        *(key, number.waybill, correction.reference),
        *(correction.by, correction.why, correction.evidence, came_at),
    )
    scan = Scan(int(at.timestamp()), scan_key(key), meaning, correction=True)
    return Corrected(number.waybill, correction.reference, scan, row, said)


async def keep_corrections(tx: Transaction, said: list[tuple[Any, ...]]) -> None:
    """Store who corrected what and why; what is known already stays as it is."""
    if said:
        await tx.execute(KEEP_CORRECTIONS, *map(list, zip(*said, strict=True)))


__all__ = ["Asked", "Corrected", "Request", "asked", "corrected", "keep_corrections"]
