"""What a file's reader gives: the orders that can be sent, and what is wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from services.channels.files.complaint import Complaint, complaints
from services.channels.neutral import OrderPayload, Payload

LONGEST_LINE: Final = 128 * 1024
"""Bytes of one order, as on the signed feed."""

_PAYLOAD: Final[TypeAdapter[Payload]] = TypeAdapter(
    Annotated[Payload, Field(discriminator="event")]
)


@dataclass(frozen=True, slots=True)
class Ready:
    """An order that can be sent: where it stands, what it says, and the bytes to send."""

    line: int
    payload: Payload
    raw: bytes


@dataclass(slots=True)
class FileRead:
    """A file, read whole. `rows` are all its rows but a line count."""

    rows: int = 0
    ready: list[Ready] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    repeated: int = 0
    """Rows that say the same as a row before them; they are not sent again."""
    _first: dict[tuple[str, int], Ready] = field(default_factory=dict)

    def take(self, line: int, raw: bytes, channel: str) -> None:
        """Check one order; it is ready, a repetition, or complained about."""
        if len(raw) > LONGEST_LINE:
            problem = f"The order has more than {LONGEST_LINE} bytes"
            self.complaints.append(Complaint(line, "*", problem, "Split it into several orders."))
            return
        try:
            payload = _PAYLOAD.validate_json(raw)
        except ValidationError as problems:
            self.complaints.extend(complaints(line, problems))
            return
        complaint = self._misplaced(line, payload, channel)
        if complaint:
            self.complaints.append(complaint)
        elif self._is_new(Ready(line, payload, raw)):
            self.ready.append(Ready(line, payload, raw))

    def _misplaced(self, line: int, payload: Payload, channel: str) -> Complaint | None:
        if payload.channel != channel:
            problem = f"The order is of another channel than the file, which is {channel}'s"
            return Complaint(line, "channel", problem, "Put it into its own channel's file.")
        if isinstance(payload, OrderPayload) and not payload.seller_ref:
            return Complaint(line, "seller_ref", "The shop is missing", "Add the shop's name.")
        return None

    def _is_new(self, ready: Ready) -> bool:
        name = (ready.payload.channel_order_no, ready.payload.version)
        first = self._first.setdefault(name, ready)
        if first is ready:
            return True
        if first.payload == ready.payload:
            self.repeated += 1
            return False
        problem = f"Says something else than line {first.line}, of the same order and version"
        advice = "Raise the version with every change of an order."
        self.complaints.append(Complaint(ready.line, "version", problem, advice))
        return False
