"""Partners: what they write to topics of their own, checked and re-keyed for tracking.

Each partner chooses its own keys; tracking needs everything about a number in one partition. The
carrier is the topic's, never the payload's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.catalogue import TRACKING_RECEIVED
from schemas.ids import tracking_key
from services.carriers.generic import read_event, sender_headers
from services.carriers.webhook import UnreadableWebhook
from streams.runtime.stage import Dead, Forward, Handled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.registry.partners import Publisher
    from streams.runtime.stage import Batch, Record, Transaction


class Partners:
    """The stage. It has no tables: a record is passed on or buried, and its checkpoint says so."""

    name: Final = "partners"

    def __init__(self, publishers: Sequence[Publisher]) -> None:
        self._publishers = {one.topic.name: one for one in publishers}
        self.inputs = tuple(one.topic for one in publishers)

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Pass every readable event on, in the order of its topic."""
        del tx
        handled = Handled()
        for message in batch.messages:
            found = self._read(message.record)
            if isinstance(found, Dead):
                handled.dead.append(found)
            else:
                handled.forwards.append(found)
        return handled

    def _read(self, record: Record) -> Forward | Dead:
        partner = self._publishers[record.topic]
        raw = record.value or b""
        try:
            event = read_event(raw)
        except UnreadableWebhook as error:
            return Dead(record, error.code, error.reason)
        headers = sender_headers(partner.carrier, partner.api, partner.partner_id)
        return Forward(
            TRACKING_RECEIVED,
            tracking_key(partner.carrier, event.tracking_no),
            raw,
            tuple((name, text.encode()) for name, text in headers.items()),
            record,
        )
