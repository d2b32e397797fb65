"""One batch on the desk: records are settled one after another against what was loaded."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from schemas.event import EVENT_NAMESPACE, next_version
from schemas.ids import order_id
from schemas.intake import CommandRefused
from services.channels.contact import is_masked
from services.channels.neutral import NEUTRAL
from streams.intake_book import AMBIGUOUS, CONFLICT, UNKNOWN_ORDER, Why, obey
from streams.intake_reading import Command, Content, Notice, Noticed
from streams.intake_store import CommandRow, Parked
from streams.rules import intake_fold as fold
from streams.rules.intake_order import Cause, Order, Step, remember, sighting
from streams.runtime.stage import Dead, Output

if TYPE_CHECKING:
    from services.channels.contact import Contact
    from streams.intake_book import Book
    from streams.intake_reading import Incoming
    from streams.intake_store import Named
    from streams.runtime.stage import Batch, Handled, Record


@dataclass(slots=True)
class Desk:
    """The batch under way. What is to be written stands in the last five fields."""

    book: Book
    batch: Batch
    handled: Handled
    orders: dict[Named, dict[str, Order]] = field(init=False)
    waiting: dict[Named, dict[str, Parked]] = field(init=False)
    touched: dict[str, Order] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    commands: dict[tuple[str, str], CommandRow] = field(default_factory=dict)
    newly_parked: list[Parked] = field(default_factory=list)
    applied: list[Parked] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Index what was loaded."""
        self.orders = defaultdict(dict, self.book.orders)
        self.waiting = defaultdict(dict)
        for one in self.book.parked:
            self.waiting[one.channel, one.number][one.notice.ref] = one

    @property
    def changed(self) -> list[Order]:
        """Every order as it is after the batch."""
        return list(self.touched.values())

    def settle(self, one: Incoming) -> None:
        """Apply, park, drop or bury one record."""
        match one:
            case Content():
                self._take_content(one)
            case Noticed():
                self._take_notice(one)
            case Command():
                self._take_command(one)
            case _:
                assert_never(one)

    def _take_content(self, content: Content) -> None:
        payload, record = content.payload, content.record
        seller = self.book.seller(payload.channel, payload.seller_ref, content.claim)
        if isinstance(seller, Why):
            self._bury(record, seller)
            return
        name = (payload.channel, payload.channel_order_no)
        order = self.orders[name].get(seller)
        if order is None:
            self._begin(content, name, seller)
        else:
            self._hear(order, content)
        self._name_packages(name, seller, order, content)

    def _hear(self, order: Order, content: Content) -> None:
        payload, record = content.payload, content.record
        match sighting(order, payload.version, content.fingerprint):
            case "known":
                self.handled.duplicate += 1
            case "conflicting" if not content.is_fetched:
                self._bury(record, CONFLICT)
            case "conflicting" | "new":
                self._see(order, content)

    def _name_packages(
        self, name: Named, seller_id: str, before: Order | None, content: Content
    ) -> None:
        said, order = content.payload.platform, self.orders[name].get(seller_id)
        if said is None or order is None:
            return
        cause = Cause(f"channel:{order.channel}", "packages", content.payload.at, self.batch.era)
        known = before.wanted.platform if before else None
        self._keep(fold.name_packages(order, known, said, cause), content.record)

    def _see(self, order: Order, content: Content) -> None:
        """A version not seen before. A channel that is asked often says the same under many."""
        version, told = content.payload.version, order.seen.get(order.payload_version)
        seen = remember(order, version, content.fingerprint)
        if content.is_fetched and told == content.fingerprint:
            newest = max(order.payload_version, version)
            self._keep(Step(replace(seen, payload_version=newest)), content.record)
        else:
            self._change(seen, content)

    def _begin(self, content: Content, name: Named, seller_id: str) -> None:
        """The first content of an order; notices that came before it follow."""
        payload = content.payload
        waiting = [one for one in self.waiting[name].values() if one.seller_id in {None, seller_id}]
        clash = any(one.notice.version == payload.version for one in waiting)
        if clash and not content.is_fetched:
            self._bury(content.record, CONFLICT)
            return
        order = Order(
            order_id=order_id(payload.channel, seller_id, payload.channel_order_no),
            channel=payload.channel,
            seller_id=seller_id,
            number=payload.channel_order_no,
            wanted=payload,
        )
        self._change(remember(order, payload.version, content.fingerprint), content)
        for one in sorted(waiting, key=lambda one: (one.notice.at, one.notice.ref)):
            del self.waiting[name][one.notice.ref]
            self.applied.append(one)
            self._apply(self.orders[name][seller_id], one.notice, content.record)

    def _change(self, order: Order, content: Content) -> None:
        """The channel's newest content replaces what was there, unless packing has begun."""
        payload, record = content.payload, content.record
        by = record.header("ocop_actor") or f"channel:{order.channel}"
        cause = Cause(by, payload.event, payload.at, self.batch.era)
        if payload.version < order.payload_version:
            self.handled.duplicate += 1
            self._keep(Step(order), record)
        elif self.book.has_begun(order) and not order.cancel_requested:
            if content.is_fetched and refused_before(order, content):
                self.handled.duplicate += 1
                self._keep(Step(order), record)
                return
            what = content.fingerprint if content.is_fetched else f"v{payload.version}"
            told_as = uuid.uuid5(EVENT_NAMESPACE, f"{order.order_id}|{what}")
            self._keep(Step(order), record)
            self._refuse(
                order, replace(cause, command_id=str(told_as)), "amend", fold.PACKED, record
            )
        else:
            problems = content.contact_problems
            if (
                order.payload_version
                and is_masked(problems)
                and not is_masked(order.contact_problems)
            ):
                # What the platform has blacked out since is known from before.
                problems = order.contact_problems
            else:
                self.contacts[order.order_id] = content.contact
            order = fold.change(order, payload, problems)
            order = replace(order, payload_version=payload.version)
            self._keep(fold.look(order, cause, self.book.judge), record)

    def _take_notice(self, noticed: Noticed) -> None:
        name = (noticed.channel, noticed.number)
        seller: str | Why | None = None
        if noticed.seller_ref or noticed.claim:
            seller = self.book.seller(noticed.channel, noticed.seller_ref, noticed.claim)
        if isinstance(seller, Why):
            self._bury(noticed.record, seller)
            return
        orders = self.orders[name]
        if seller is None and len(orders) > 1:
            self._bury(noticed.record, AMBIGUOUS)
            return
        order = orders.get(seller) if seller else next(iter(orders.values()), None)
        if order is None:
            self._park(Parked(*name, seller, noticed.notice), noticed.record)
        else:
            self._apply(order, noticed.notice, noticed.record)

    def _park(self, parked: Parked, record: Record) -> None:
        waiting = self.waiting[parked.channel, parked.number]
        known = waiting.get(parked.notice.ref)
        if known is None:
            waiting[parked.notice.ref] = parked
            self.newly_parked.append(parked)
            self.handled.parked += 1
        elif known.notice.fingerprint == parked.notice.fingerprint or parked.channel not in NEUTRAL:
            self.handled.duplicate += 1
        else:
            self._bury(record, CONFLICT)

    def _apply(self, order: Order, notice: Notice, record: Record) -> None:
        """A notice about a known order: a channel's is known by version, a person's by its id."""
        if notice.version is not None and notice.fingerprint is not None:
            match sighting(order, notice.version, notice.fingerprint):
                case "known":
                    self.handled.duplicate += 1
                    return
                case "conflicting" if order.channel in NEUTRAL:
                    self._bury(record, CONFLICT)
                    return
                case "conflicting" | "new":
                    order = remember(order, notice.version, notice.fingerprint)
        if not notice.cancels:
            self._keep(Step(order), record)
            return
        cause = Cause(notice.by, notice.why, notice.at, self.batch.era, notice.command_id)
        if notice.command_id:
            self._note(order, notice.command_id, "cancel", cause, None)
        self._keep(fold.cancel(order, cause), record)

    def _take_command(self, command: Command) -> None:
        order = self.orders[command.channel, command.number].get(command.seller_id)
        cause = Cause(command.actor, command.why, command.at, self.batch.era, command.command_id)
        if order is None:
            self._take_early(command)
            return
        name = (order.order_id, command.command_id)
        if name in self.book.settled or name in self.commands:
            self.handled.duplicate += 1
            return
        outcome = obey(order, command, cause, self.book)
        if isinstance(outcome, fold.No):
            self._note(order, command.command_id, command.kind, cause, outcome.code)
            self._refuse(order, cause, command.kind, outcome, command.record)
            return
        if isinstance(command.content, Content):
            self.contacts[order.order_id] = command.content.contact
        self._note(order, command.command_id, command.kind, cause, None)
        self._keep(outcome, command.record)

    def _take_early(self, command: Command) -> None:
        """Only a cancellation may come before its order."""
        if command.kind != "cancel":
            self._bury(command.record, UNKNOWN_ORDER)
            return
        notice = Notice(
            cancels=True,
            by=command.actor,
            why=command.why,
            at=command.at,
            command_id=command.command_id,
        )
        parked = Parked(command.channel, command.number, command.seller_id, notice)
        self._park(parked, command.record)

    def _keep(self, step: Step, record: Record) -> None:
        order = step.order
        self.orders[order.channel, order.number][order.seller_id] = order
        self.touched[order.order_id] = order
        self.handled.outputs.extend(Output(event, record) for event in step.events)

    def _note(
        self, order: Order, command_id: str, kind: str, cause: Cause, refused: str | None
    ) -> None:
        row = CommandRow(order.order_id, command_id, kind, cause.by, cause.at, refused)
        self.commands[order.order_id, command_id] = row

    def _refuse(self, order: Order, cause: Cause, kind: str, no: fold.No, record: Record) -> None:
        refused = CommandRefused(
            version=next_version(0, cause.era),
            occurred_at=cause.at,
            order_id=order.order_id,
            seller_id=order.seller_id,
            channel=order.channel,
            command_id=cause.command_id or "",
            command=kind,
            code=no.code,
            reason=no.reason,
        )
        self.handled.outputs.append(Output(refused, record))

    def _bury(self, record: Record, why: Why) -> None:
        self.handled.dead.append(Dead(record, why.code, why.reason))


def refused_before(order: Order, content: Content) -> bool:
    """Whether a newer version than the one in force said the same: its refusal was told then."""
    return any(
        fingerprint == content.fingerprint
        for version, fingerprint in order.seen.items()
        if order.payload_version < version != content.payload.version
    )
