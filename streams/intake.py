"""Intake: raw payloads and commands → orders that are understood, checked, held or placed.

What a batch is about is loaded whole, folded record by record in memory, and written whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.catalogue import ORDER_RECEIVED
from services.channels.port import Nothing
from services.reference.rule_book import sample_rule_book
from services.store.consignees import write_contacts
from streams.intake_book import Book
from streams.intake_desk import Desk
from streams.intake_reading import Command, Content, Noticed, read
from streams.intake_registry import read_products, read_sellers
from streams.intake_store import (
    delete_parked,
    read_commands,
    read_orders,
    read_packing,
    read_parked,
    write_commands,
    write_orders,
    write_parked,
)
from streams.runtime.stage import Dead, Handled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.reference.exports import Exports
    from services.reference.places import Places
    from services.store.vault import Vault
    from streams.intake_reading import Incoming
    from streams.intake_registry import Sellers
    from streams.rules.intake_order import Order
    from streams.runtime.stage import Batch, Transaction


class Intake:
    """The intake stage. `vault` encrypts buyers; `places` is the map addresses are found on.

    `exports`: what may go abroad; None: what the sample rule book lets go.
    """

    name: Final = "intake"
    inputs: Final = (ORDER_RECEIVED,)

    def __init__(self, places: Places, vault: Vault, exports: Exports | None = None) -> None:
        self._places = places
        self._exports = exports or sample_rule_book().exports
        self._vault = vault

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Settle every record, in the order of the log."""
        readings = [read(message.record, self._vault) for message in batch.messages]
        incoming = [one for one in readings if not isinstance(one, Dead | Nothing)]
        handled = Handled(dead=[one for one in readings if isinstance(one, Dead)])
        if not incoming:
            return handled
        desk = Desk(await load(tx, incoming, self._places, self._exports), batch, handled)
        for one in incoming:
            desk.settle(one)
        await write_orders(tx, desk.changed)
        await write_contacts(tx, self._vault, desk.contacts)
        await write_commands(tx, desk.commands.values())
        await write_parked(tx, desk.newly_parked, batch.now)
        await delete_parked(tx, desk.applied)
        return handled


async def load(
    tx: Transaction, incoming: Sequence[Incoming], places: Places, exports: Exports
) -> Book:
    """Everything in the database that decides about these records."""
    names = sorted({name_of(one) for one in incoming})
    sellers = await read_sellers(tx, sorted(set(refs_of(incoming))))
    orders = await read_orders(tx, names)
    parked = await read_parked(tx, names)
    known = [order for found in orders.values() for order in found.values()]
    asked = [
        (one.order_id, one.command_id)
        for one in incoming
        if isinstance(one, Command) and name_of(one) in orders
    ]
    return Book(
        sellers=sellers,
        orders=orders,
        parked=parked,
        products=await read_products(tx, sorted(set(skus_of(incoming, known, sellers)))),
        settled=await read_commands(tx, asked),
        packing=await read_packing(tx, [order.order_id for order in known]),
        places=places,
        exports=exports,
    )


def name_of(one: Incoming) -> tuple[str, str]:
    """The channel and number it is about."""
    if isinstance(one, Content):
        return one.payload.channel, one.payload.channel_order_no
    return one.channel, one.number


def refs_of(incoming: Iterable[Incoming]) -> Iterator[tuple[str, str]]:
    """Every (channel, name of a seller) that must be looked up."""
    for one in incoming:
        said = one.content if isinstance(one, Command) else one
        if isinstance(said, Content):
            names = said.payload.seller_ref, said.claim
            yield from ((said.payload.channel, name) for name in names if name)
        elif isinstance(said, Noticed):
            names = said.seller_ref, said.claim
            yield from ((said.channel, name) for name in names if name)


def skus_of(
    incoming: Iterable[Incoming], known: Iterable[Order], sellers: Sellers
) -> Iterator[tuple[str, str]]:
    """Every (seller, sku) a check may ask for: of new content, and of orders not yet told of."""
    for order in known:
        if order.untold:
            yield from ((order.seller_id, line.sku) for line in order.wanted.lines)
    for one in incoming:
        if isinstance(one, Content):
            payload, content = one.payload, one
            seller_id = sellers.of(payload.channel, payload.seller_ref, one.claim)
        elif isinstance(one, Command) and isinstance(one.content, Content):
            seller_id, content = one.seller_id, one.content
        else:
            continue
        if seller_id:
            yield from ((seller_id, line.sku) for line in content.payload.lines)
