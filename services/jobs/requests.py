"""A booking's row as the request a carrier is sent: who, to whom, what, and under which number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.intake import Handling
from schemas.place import HOME
from services.carriers.port import BookingRequest, Party
from services.carriers.recipient import party_abroad
from services.jobs.gather import Gathering
from services.store.consignees import NoConsignee, read_consignee
from services.store.s10_numbers import number_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from services.reference.places import Places
    from services.store.consignees import Consignee
    from services.store.pool import Pool
    from services.store.vault import Vault

CONTENTS: Final = "Hàng OCOP"
"""What is inside, at home: the wording of orders stays with intake. Abroad customs want to know."""
MEASURES: Final = (
    "pieces",
    "weight_g",
    "length_cm",
    "width_cm",
    "height_cm",
    "goods_vnd",
    "cod_vnd",
)


class Requests:
    """Makes them. Whom parcels go to is read for many at a time."""

    def __init__(self, pool: Pool, vault: Vault, places: Places) -> None:
        self._pool = pool
        self._vault = vault
        self._places = places
        self._consignees = Gathering(self._read_consignees)

    async def make(self, row: asyncpg.Record, at: datetime) -> BookingRequest:
        """The request of a row of READ_FACTS, made `at`.

        Raises:
            NoConsignee: there is nobody to send it to.
            NumbersExhausted: it needs a number of ours, and none is free.
        """
        consignee = await self._consignees.ask(row["order_id"])
        if isinstance(consignee, NoConsignee):
            raise consignee
        return BookingRequest(
            reference=row["reference"],
            service=row["service"],
            sender=self._at_home(row["contact_name"], row),
            recipient=self._recipient(consignee),
            contents=row["names_en"] or CONTENTS,
            ready_at=at,
            handling=frozenset(map(Handling, row["handling"])),
            perishable=row["perishable"],
            number=await self._number(row, at),
            **{name: row[name] for name in MEASURES},
        )

    async def _number(self, row: asyncpg.Record, at: datetime) -> str | None:
        """The number we gave the parcel, else the first that is free now; None: not ours to give."""
        given: str | None = row["own_number"]
        if given or not row["numbered_as"]:
            return given
        async with self._pool.acquire() as connection:
            return await number_for(connection, row["reference"], row["numbered_as"], at)

    async def _read_consignees(self, order_ids: Sequence[str]) -> Sequence[Consignee | NoConsignee]:
        """On one connection: giving one back costs as much as reading."""
        found: list[Consignee | NoConsignee] = []
        async with self._pool.acquire() as connection:
            for order_id in order_ids:
                try:
                    found.append(await read_consignee(connection, self._vault, order_id))
                except NoConsignee as nobody:
                    found.append(nobody)
        return found

    def _recipient(self, consignee: Consignee) -> Party:
        if consignee.country != HOME:
            return party_abroad(consignee)
        where = {
            "phone": consignee.phone,
            "street": consignee.street,
            "ward_code": consignee.ward_code,
            "province_code": consignee.province_code,
        }
        return self._at_home(consignee.name, where)

    def _at_home(self, name: str, where: Any) -> Party:
        return Party(
            name=name,
            phone=where["phone"],
            street=where["street"],
            ward_code=where["ward_code"],
            ward=self._places.ward(where["ward_code"]).full_name,
            province_code=where["province_code"],
            province=self._places.province_name(where["province_code"]),
        )
