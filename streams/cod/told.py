"""A booking's account after a batch: its new row, its new entries, and what is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.cod import CodChanged
from schemas.event import next_version
from schemas.intake import Channel
from schemas.tracking import CodState
from streams.rules.cod import Standing, standing
from streams.rules.cod_ledger import missing
from streams.runtime.stage import Output

if TYPE_CHECKING:
    from datetime import datetime

    from streams.cod.table import Account
    from streams.rules.cod_facts import Booked, Facts
    from streams.rules.cod_ledger import Balances, Entry
    from streams.runtime.stage import Batch, Record


class Turn(NamedTuple):
    """What became of an account."""

    row: tuple[Any, ...]
    numbered: list[tuple[str, int, Entry]]
    event: CodChanged | None

    def outputs(self, cause: Record | None) -> list[Output]:
        """What is told."""
        return [] if self.event is None else [Output(self.event, cause)]


def turned(account: Account, facts: Facts, written: Balances, batch: Batch) -> Turn:
    """Derive the account anew. A version is told when something of it can be seen to differ."""
    found = standing(facts)
    if found is None or facts.booked is None:
        return Turn(account.row(), [], None)
    entries = missing(found.entries, written, batch.now)
    numbered = [
        (account.reference, account.entries + count, entry)
        for count, entry in enumerate(entries, 1)
    ]
    account.entries += len(entries)
    shown = shown_of(facts.booked, found)
    event = None
    if shown != account.shown and (account.version or is_worth_telling(found)):
        account.version = next_version(account.version, batch.era)
        event = changed_event(account, facts, found)
    account.shown = shown
    return Turn(account.row(), numbered, event)


def is_worth_telling(found: Standing) -> bool:
    """Of a prepaid parcel nothing is told before a carrier charges or owes something for it."""
    return found.state is not CodState.NOT_APPLICABLE or bool(found.exceptions or found.fees_vnd)


def shown_of(booked: Booked, found: Standing) -> tuple[Any, ...]:
    """What is told, in the order of the columns `SHOWN` of cod.accounts."""
    return (
        found.state.value,
        booked.cod_vnd,
        found.expected_vnd,
        found.collected_vnd,
        found.remitted_vnd,
        found.fees_vnd,
        found.compensation_vnd,
        found.paid_out_vnd,
        found.short_vnd,
        found.remitted_at,
        list(found.exceptions),
    )


def changed_event(account: Account, facts: Facts, found: Standing) -> CodChanged:
    """The account's next version."""
    booked = facts.booked
    if booked is None:
        raise ValueError(f"{account.reference} is not booked")
    return CodChanged.model_construct(
        version=account.version,
        occurred_at=happened_at(facts, booked),
        order_id=booked.order_id,
        channel=Channel(booked.channel),
        seller_id=booked.seller_id,
        parcel_id=booked.parcel_id,
        reference=account.reference,
        carrier=booked.carrier,
        tracking_no=booked.tracking_no,
        state=found.state,
        booked_vnd=booked.cod_vnd,
        expected_vnd=found.expected_vnd,
        collected_vnd=found.collected_vnd,
        remitted_vnd=found.remitted_vnd,
        fees_vnd=found.fees_vnd,
        compensation_vnd=found.compensation_vnd,
        paid_out_vnd=found.paid_out_vnd,
        short_vnd=found.short_vnd,
        remitted_at=found.remitted_at,
        exceptions=found.exceptions,
    )


def happened_at(facts: Facts, booked: Booked) -> datetime:
    """The newest time of all facts."""
    times = [booked.at, *(line.at - END_OF_DAY for line in facts.lines)]
    times += [decision.at for decision in facts.decisions]
    times += [word.at for word in facts.tracked.said] if facts.tracked else []
    return max(times)


END_OF_DAY = timedelta(hours=23, minutes=59, seconds=59)
"""A statement names a day: what is told of it happened when the day began."""
