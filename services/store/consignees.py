"""Who an order goes to: the only place where buyers' names, phones and streets are kept.

Each is encrypted with a key of the buyer; a buyer is a phone. Deleting the key erases them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.place import HOME
from services.channels.contact import Contact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.pool import Connection
    from services.store.vault import Vault

KEEP_KEYS: Final = """
-- Make a key for every buyer that has none, and answer all keys. The update changes nothing; it
-- makes a row of before answer too, and holds it until the buyers' data is written.
INSERT INTO intake.buyer_keys AS k (buyer_id, wrapped)
SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (buyer_id) DO UPDATE SET wrapped = k.wrapped
RETURNING buyer_id, wrapped
"""
WRITE_BUYERS: Final = """
-- An order has one buyer: the newest.
INSERT INTO intake.buyers AS b (order_id, buyer_id, sealed)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (order_id) DO UPDATE SET buyer_id = EXCLUDED.buyer_id, sealed = EXCLUDED.sealed
"""
READ_CONSIGNEE: Final = """
-- An order's buyer with the key, null if it was erased, and where the order goes.
SELECT o.country, o.ward_code, o.province_code, b.buyer_id, b.sealed, k.wrapped
FROM intake.orders o
JOIN intake.buyers b USING (order_id)
LEFT JOIN intake.buyer_keys k USING (buyer_id)
WHERE o.order_id = $1
"""
DELETE_KEY: Final = "DELETE FROM intake.buyer_keys WHERE buyer_id = $1 RETURNING buyer_id"
BUYER_OF: Final = "SELECT buyer_id FROM intake.buyers WHERE order_id = $1"
COUNT_ORDERS: Final = "SELECT count(*) FROM intake.buyers WHERE buyer_id = $1"
NOTE_ERASURE: Final = """
-- Who asked for it and why, for good.
INSERT INTO intake.erasures (buyer_id, erased_at, by, why, was_known)
VALUES ($1, clock_timestamp(), $2, $3, $4)
"""


class NoConsignee(Exception):
    """There is nobody to send the order to. `erased`: there was, and the buyer asked to be forgotten."""

    def __init__(self, order_id: str, why: str, *, erased: bool = False) -> None:
        super().__init__(f"{order_id}: {why}")
        self.erased = erased


@dataclass(frozen=True, slots=True)
class Consignee:
    """Personal data: never logged, so it has no representation. `phone` is E.164.

    Abroad `city` and `postcode` stand for ward and province, which are empty.
    """

    name: str = field(repr=False)
    phone: str = field(repr=False)
    street: str = field(repr=False)
    ward_code: str
    province_code: str
    note: str = field(default="", repr=False)
    country: str = HOME
    city: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)


async def write_contacts(tx: Connection, vault: Vault, contacts: Mapping[str, Contact]) -> None:
    """Encrypt and store the buyer of each order (by order id): two statements, however many."""
    if not contacts:
        return
    buyers = {order: _buyer_id(vault, order, contact) for order, contact in contacts.items()}
    # In one order everywhere, so that two partitions with the same buyers cannot deadlock.
    ids = sorted(set(buyers.values()))
    rows = await tx.fetch(KEEP_KEYS, ids, [vault.new_key(buyer) for buyer in ids])
    keys: dict[str, bytes] = {row["buyer_id"]: row["wrapped"] for row in rows}
    sealed = [
        vault.seal(keys[buyers[order]], buyers[order], order, contact.model_dump_json().encode())
        for order, contact in contacts.items()
    ]
    await tx.execute(WRITE_BUYERS, list(contacts), [buyers[order] for order in contacts], sealed)


async def read_consignee(connection: Connection, vault: Vault, order_id: str) -> Consignee:
    """Decrypt who an order goes to, for a carrier.

    Raises:
        NoConsignee: the order is not known, was never placed, or its buyer was erased.
    """
    row = await connection.fetchrow(READ_CONSIGNEE, order_id)
    if row is None:
        raise NoConsignee(order_id, "intake knows no such order")
    if row["wrapped"] is None:
        raise NoConsignee(order_id, "its buyer was erased", erased=True)
    if row["ward_code"] is None and row["country"] is None:
        raise NoConsignee(order_id, "it was never placed")
    plain = vault.open(row["wrapped"], row["buyer_id"], order_id, row["sealed"])
    contact = Contact.model_validate_json(plain)
    return Consignee(
        name=contact.name,
        phone=contact.phone,
        street=contact.street,
        ward_code=row["ward_code"] or "",
        province_code=row["province_code"] or "",
        note=contact.note,
        country=row["country"] or HOME,
        city=contact.city,
        postcode=contact.postcode,
    )


class Erased(NamedTuple):
    """What an erasure met: whether there was a key, and how many orders it opened."""

    was_known: bool
    orders: int


async def erase_buyer(
    connection: Connection,
    vault: Vault,
    *,
    by: str,
    why: str,
    phone: str | None = None,
    order: str | None = None,
) -> Erased | None:
    """Forget a buyer, by phone (E.164) or by an order, for ever; None for an order without one."""
    async with connection.transaction():
        buyer = vault.buyer_id(phone) if phone else await connection.fetchval(BUYER_OF, order)
        if buyer is None:
            return None
        was_known = await connection.fetchval(DELETE_KEY, buyer) is not None
        await connection.execute(NOTE_ERASURE, buyer, by, why, was_known)
        return Erased(was_known, await connection.fetchval(COUNT_ORDERS, buyer))


def _buyer_id(vault: Vault, order_id: str, contact: Contact) -> str:
    """A valid phone is a buyer; what is no phone must not join strangers under one key."""
    return vault.buyer_id(contact.phone if contact.phone_valid else f"order:{order_id}")
