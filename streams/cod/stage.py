"""The COD stage: facts and lines meet, every booking they touch is derived anew, the books follow.

A line names a carrier's number, which has another key than the order: it and the booking of that
number meet on one locked row (cod.numbers), so that neither can miss the other. A void of ours
comes as an event of tracking's log, with its place in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.booking import ShipmentBooked
from schemas.catalogue import (
    COD_DECIDED,
    SETTLEMENT_RECEIVED,
    SHIPMENT_BOOKED,
    SHIPMENT_STATUS_CHANGED,
)
from schemas.cod import CodDecided, SettlementReceived
from schemas.ids import tracking_key
from schemas.tracking import ShipmentStatusChanged
from streams.cod.lines import (
    decisions_of,
    give_lines,
    keep_decisions,
    keep_lines,
    lines_of_numbers,
    lines_of_owners,
    lock_numbers,
    number_of,
    store_claims,
)
from streams.cod.table import balances_of, lock_accounts, store_accounts, write_entries
from streams.cod.told import Turn, turned
from streams.rules.cod_facts import Claim, Decision, Facts, Line, booked_of, owner, tracked_of
from streams.runtime.stage import Dead, Handled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.topics import Topic
    from streams.cod.lines import Number
    from streams.cod.table import Account
    from streams.runtime.stage import Batch, Message, Record, Transaction


@dataclass(slots=True)
class Mail:
    """A batch by what it says. `records`: which record a line or a decision came with."""

    booked: list[tuple[ShipmentBooked, Record]] = field(default_factory=list)
    tracked: list[tuple[ShipmentStatusChanged, Record]] = field(default_factory=list)
    lines: dict[Line, tuple[str, Record]] = field(default_factory=dict)
    decisions: dict[str, tuple[Decision, Record]] = field(default_factory=dict)
    repeated: int = 0


@dataclass(slots=True)
class Work:
    """A batch under way. `causes`: bookings that must be derived anew, and what made it so."""

    batch: Batch
    handled: Handled
    causes: dict[str, Record | None] = field(default_factory=dict)

    def touch(self, reference: str | None, cause: Record | None) -> None:
        """This booking's facts have changed."""
        if reference is not None:
            self.causes[reference] = cause or self.causes.get(reference)


class Cod:
    """The stage."""

    name = "cod"
    inputs: tuple[Topic, ...] = (
        SHIPMENT_BOOKED,
        SHIPMENT_STATUS_CHANGED,
        SETTLEMENT_RECEIVED,
        COD_DECIDED,
    )

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Let lines and bookings meet, merge the facts, derive, write the books, tell."""
        mail = sorted_mail(batch.messages)
        work = Work(batch, Handled(duplicate=mail.repeated))
        numbers = await lock_numbers(tx, _numbers(mail))
        claims_are_new = [
            numbers[tracking_key(event.carrier, event.tracking_no)].claim(
                Claim(event.reference, event.occurred_at)
            )
            for event, _ in mail.booked
        ]
        new = await self._keep_lines(tx, work, mail)
        await self._share_out(tx, work, numbers, new)
        new_decisions = await keep_decisions(tx, [one for one, _ in mail.decisions.values()])
        work.handled.duplicate += len(mail.decisions) - len(new_decisions)
        for decision, record in mail.decisions.values():
            if decision.decision_id in new_decisions:
                work.touch(decision.reference, record)
        told = {event.reference for event, _ in mail.booked}
        told |= {event.reference for event, _ in mail.tracked}
        accounts = await lock_accounts(tx, {*told, *work.causes})
        merge_bookings(work, accounts, mail, claims_are_new)
        merge_tracking(work, accounts, mail)
        await self._derive(tx, work, accounts)
        return work.handled

    async def _keep_lines(self, tx: Transaction, work: Work, mail: Mail) -> list[Line]:
        """The lines nobody had sent before. One that says otherwise than it did is buried."""
        imported = {line: by for line, (by, _) in mail.lines.items()}
        new, conflicting = await keep_lines(tx, imported, work.batch.now)
        reason = "A line of this statement with this number says something else."
        for line in conflicting:
            work.handled.dead.append(Dead(mail.lines[line][1], "line_conflict", reason))
        work.handled.duplicate += len(mail.lines) - len(new) - len(conflicting)
        for line in new:
            work.touch(owner(line, ()), mail.lines[line][1])
        return [line for line in mail.lines if line in new]

    async def _share_out(
        self, tx: Transaction, work: Work, numbers: Mapping[str, Number], new: Sequence[Line]
    ) -> None:
        """Give new lines, and all lines of numbers with a new claim, to the bookings they belong to."""
        claimed = [name for name, number in numbers.items() if number.changed]
        lines: dict[Line, str | None] = dict.fromkeys(new)
        lines |= dict(await lines_of_numbers(tx, claimed))
        given = []
        for line, before in lines.items():
            number = numbers.get(number_of(line) or "")
            now = owner(line, number.claims if number else ())
            if now != before:
                given.append((line, now))
                work.touch(before, None)
                work.touch(now, None)
            elif now is None and line in new:
                work.handled.parked += 1
        await give_lines(tx, given)
        await store_claims(tx, numbers.values())

    async def _derive(self, tx: Transaction, work: Work, accounts: Mapping[str, Account]) -> None:
        changed = sorted(reference for reference in work.causes if reference in accounts)
        if changed:
            lines, decisions = await lines_of_owners(tx, changed), await decisions_of(tx, changed)
            written = await balances_of(tx, [name for name in changed if accounts[name].entries])
            turns = []
            for name in changed:
                account = accounts[name]
                facts = Facts(name, account.booked, account.tracked, lines[name], decisions[name])
                turn = turned(account, facts, written.get(name, {}), work.batch)
                turns.append(turn)
                work.handled.outputs += turn.outputs(work.causes[name])
            await self._store(tx, work, turns)
        idle = [
            one for one in accounts.values() if one.changed and one.reference not in work.causes
        ]
        await store_accounts(tx, [one.row() for one in idle])

    async def _store(self, tx: Transaction, work: Work, turns: Sequence[Turn]) -> None:
        await store_accounts(tx, [turn.row for turn in turns])
        entries = [entry for turn in turns for entry in turn.numbered]
        await write_entries(tx, entries, work.batch.now)


def sorted_mail(messages: Iterable[Message]) -> Mail:
    """The messages by what they say; lines and decisions once each."""
    mail = Mail()
    for message in messages:
        event, record = message.event, message.record
        match event:
            case ShipmentBooked():
                mail.booked.append((event, record))
            case ShipmentStatusChanged():
                mail.tracked.append((event, record))
            case SettlementReceived():
                mail.repeated += _line(event) in mail.lines
                mail.lines.setdefault(_line(event), (event.imported_by, record))
            case CodDecided():
                mail.repeated += event.decision_id in mail.decisions
                mail.decisions.setdefault(event.decision_id, (_decision(event), record))
            case _:
                raise TypeError(f"{type(event).__name__} is not read by the COD stage")
    return mail


def merge_bookings(
    work: Work, accounts: Mapping[str, Account], mail: Mail, claims_are_new: Iterable[bool]
) -> None:
    """Keep the newest of each booking. An older one may have told of another number."""
    for (booking, record), is_new in zip(mail.booked, claims_are_new, strict=True):
        account = accounts[booking.reference]
        if account.booked is not None and account.booked.version >= booking.version:
            work.handled.duplicate += not is_new
            continue
        account.booked, account.changed = booked_of(booking), True
        work.touch(booking.reference, record)


def merge_tracking(work: Work, accounts: Mapping[str, Account], mail: Mail) -> None:
    """Keep the newest of each tracking state; most of them say nothing of the cash."""
    for event, record in mail.tracked:
        account, before = accounts[event.reference], accounts[event.reference].tracked
        if before is not None and before.version >= event.version:
            work.handled.duplicate += 1
            continue
        account.tracked, account.changed = tracked_of(event), True
        if before is None or before.matters != account.tracked.matters:
            work.touch(event.reference, record)


def _numbers(mail: Mail) -> set[str]:
    booked = {tracking_key(event.carrier, event.tracking_no) for event, _ in mail.booked}
    return booked | {name for line in mail.lines if (name := number_of(line))}


def _line(event: SettlementReceived) -> Line:
    return Line(
        event.carrier,
        event.statement_no,
        event.line_no,
        event.tracking_no,
        event.reference,
        event.cod_vnd,
        event.fee_vnd,
        event.fee_kind,
        event.net_vnd,
        event.transferred_on,
        event.paid_to,
    )


def _decision(event: CodDecided) -> Decision:
    return Decision(
        event.decision_id,
        event.reference,
        event.parcel_id,
        event.kind,
        event.outcome,
        event.vnd,
        event.by,
        event.why,
        event.occurred_at,
    )
