"""The label desk: who asks for labels gets them, or hears what is missing.

The only reader of buyers' data outside the calls to carriers; what it reads leaves as paper.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from schemas.intake import Channel, Handling
from schemas.place import HOME
from services.carriers.port import Party
from services.carriers.recipient import party_abroad
from services.labels.content import Customs, CustomsItem, Label
from services.labels.faces import address
from services.labels.gs1 import sscc
from services.labels.pages import print_labels
from services.store.consignees import NoConsignee, read_consignee
from services.store.labels import number_units, read_parcels, read_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    import asyncpg

    from services.labels.pages import Paper
    from services.reference.places import Places
    from services.reference.rule_book import RuleBook
    from services.store.consignees import Consignee
    from services.store.pool import Connection, Pool
    from services.store.vault import Vault

    Made = TypeVar("Made")

PLATFORMS: Final = frozenset(channel.value for channel in Channel)
"""A channel that carries its own orders prints their labels itself."""

VIETNAM_CODE: Final = "+84"


class Missing(NamedTuple):
    """Why there is no label; `what` is a parcel or shipment id."""

    what: str
    code: str
    reason: str


Wanted: TypeAlias = "Label | Missing"

NOT_BOOKED: Final = {
    None: ("not_booked", "it is not booked yet"),
    "requested": ("not_booked", "its carrier has not answered the booking yet"),
    "unknown": ("booking_unclear", "its carrier neither confirmed nor refused the booking"),
    "void_pending": ("booking_ending", "its booking is being cancelled"),
    "voided": ("booking_ended", "its booking was cancelled"),
    "refused": ("not_booked", "its carrier refused it; the next one is being asked"),
    "carrier_cancelled": ("booking_ended", "its carrier cancelled the booking"),
}
"""By the state of the booking: a code, and what to tell people."""


@dataclass(frozen=True, slots=True)
class Names:
    """What carriers and services are called; a code we have no name for stands for itself."""

    carriers: Mapping[str, str]
    services: Mapping[tuple[str, str], str]
    papers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What must go with a parcel, by the country it goes to."""

    @classmethod
    def of(cls, book: RuleBook) -> Names:
        """Those of a rule book."""
        return cls(
            {code: carrier.name for code, carrier in book.carriers.items()},
            {(service.carrier, service.code): service.name for service in book.services},
            {code: country.papers for code, country in book.exports.countries.items()},
        )

    def carrier(self, code: str) -> str:
        """`Vietnam Post`."""
        return self.carriers.get(code, code)

    def service(self, carrier: str, code: str) -> str:
        """`CTN009 · Tiêu chuẩn (TMĐT)`."""
        name = self.services.get((carrier, code))
        return f"{code} · {name}" if name else code


class Desk:
    """Reads what labels say and prints them. `company_prefix`: ours at GS1; None: no SSCC."""

    def __init__(
        self, pool: Pool, vault: Vault, places: Places, names: Names, company_prefix: str | None
    ) -> None:
        self.names = names
        self._pool = pool
        self._vault = vault
        self._places = places
        self._company_prefix = company_prefix
        # One at a time: type is set in pure Python, and the type's tables are shared.
        self._press = ThreadPoolExecutor(1, "press")

    async def of_order(self, order_id: str) -> list[Wanted]:
        """A label, or why not, for each parcel of an order and each shipment not packed yet."""
        async with self._pool.acquire() as connection:
            rows = await read_parcels(connection, (), order_id)
            unpacked = await read_unpacked(connection, order_id)
            labels = await self._labels(connection, rows)
        return [*labels, *(Missing(one, "not_packed", "it is not packed yet") for one in unpacked)]

    async def of_parcels(self, parcels: Sequence[str]) -> list[Wanted]:
        """The same for single parcels, in the order they are asked for."""
        async with self._pool.acquire() as connection:
            rows = {row["parcel_id"]: row for row in await read_parcels(connection, parcels)}
            labels = await self._labels(connection, rows.values())
        made = dict(zip(rows, labels, strict=True))
        nobody = ("not_packed", "no closed parcel has this id")
        return [made.get(parcel) or Missing(parcel, *nobody) for parcel in parcels]

    async def print(self, labels: Sequence[Label], paper: Paper) -> bytes:
        """A PDF of them, made beside the event loop. Raises ValueError without any."""
        return await self.press(lambda: print_labels(labels, paper))

    async def press(self, make: Callable[[], Made]) -> Made:
        """Have something printed, after what waits already."""
        return await asyncio.get_running_loop().run_in_executor(self._press, make)

    def close(self) -> None:
        """Print what was begun, and nothing more."""
        self._press.shutdown(cancel_futures=True)

    async def _labels(self, connection: Connection, rows: Iterable[asyncpg.Record]) -> list[Wanted]:
        found = [(row, missing_of(row)) for row in rows]
        ready = [row["parcel_id"] for row, missing in found if missing is None]
        units: Mapping[str, int] = {}
        if self._company_prefix and ready:
            units = await number_units(connection, ready)
        return [
            missing or await self._label(connection, row, units.get(row["parcel_id"]))
            for row, missing in found
        ]

    async def _label(self, connection: Connection, row: asyncpg.Record, unit: int | None) -> Wanted:
        try:
            consignee = await read_consignee(connection, self._vault, row["order_id"])
        except NoConsignee as nobody:
            code = "buyer_erased" if nobody.erased else "no_consignee"
            return Missing(row["parcel_id"], code, "there is nobody it could go to")
        carrier = row["carrier"]
        freight_vnd, is_sample = price_of(row)
        contents: list[Any] = orjson.loads(row["contents"] or "[]")
        return Label(
            carrier=self.names.carrier(carrier),
            service=self.names.service(carrier, row["service"]),
            tracking_no=row["tracking_no"],
            reference=row["reference"],
            parcel_id=row["parcel_id"],
            parcel_no=row["parcel_no"],
            parcel_count=row["parcel_count"],
            sender=self._sender(row),
            recipient=self._recipient(consignee),
            weight_g=row["weight_g"],
            pieces=sum(quantity for _, quantity, _ in contents),
            contents=", ".join(f"{name} × {quantity}" for name, quantity, _ in contents),
            cod_vnd=row["cod_vnd"],
            sort_code=row["sort_code"],
            handling=tuple(Handling(kind) for _, _, kinds in contents for kind in kinds),
            freight_vnd=freight_vnd,
            freight_is_sample=is_sample,
            sscc=sscc(self._company_prefix, unit)
            if self._company_prefix and unit is not None
            else None,
            customs=self._customs(consignee.country, row["declared"]),
        )

    def address(self, street: str, ward_code: str) -> str:
        """Street, ward, province."""
        return address(self._party("", "", street, ward_code))

    def _sender(self, row: asyncpg.Record) -> Party:
        return self._party(row["seller"], row["phone"], row["street"], row["ward_code"])

    def _customs(self, country: str, declared: str | None) -> Customs | None:
        """Nothing for a parcel that stays at home."""
        if declared is None:
            return None
        items = tuple(customs_item(*line) for line in orjson.loads(declared))
        return Customs(country, items, self.names.papers.get(country, ()))

    def _recipient(self, consignee: Consignee) -> Party:
        if consignee.country != HOME:
            return party_abroad(consignee)
        return self._party(consignee.name, consignee.phone, consignee.street, consignee.ward_code)

    def _party(self, name: str, phone: str, street: str, ward_code: str) -> Party:
        ward = self._places.ward(ward_code)
        return Party(
            name=name,
            phone=as_dialled(phone),
            street=street,
            ward_code=ward_code,
            ward=ward.full_name,
            province_code=ward.province_code,
            province=self._places.province_name(ward.province_code),
        )


def customs_item(  # noqa: PLR0917 - the columns of a declared line
    name: str, quantity: int, weight_g: int, price_vnd: int, hs_code: str | None, origin: str | None
) -> CustomsItem:
    """A line of the parcel as it is declared; a unit's weight as it is sold stands for its net."""
    return CustomsItem(
        description=name,
        quantity=quantity,
        net_weight_g=quantity * weight_g,
        value=Decimal(quantity * price_vnd),
        currency="VND",
        origin_country=origin or HOME,
        hs_code=hs_code,
    )


def missing_of(row: asyncpg.Record) -> Missing | None:
    """Why a parcel has no label of ours; None: it has one."""
    if row["carrier"] in PLATFORMS:
        reason = "it travels by its platform's own logistics: print the platform's label"
        return Missing(row["parcel_id"], "platform_label", reason)
    if row["state"] == "booked" and row["tracking_no"]:
        return None
    return Missing(row["parcel_id"], *NOT_BOOKED.get(row["state"], NOT_BOOKED[None]))


def price_of(row: asyncpg.Record) -> tuple[int | None, bool]:
    """The carrier's price, or what routing reckoned with; and whether it is a sample."""
    if row["freight_vnd"] is not None:
        return row["freight_vnd"], False
    if not row["as_routed"]:
        return None, False
    return row["reckoned_vnd"], row["tariff"] == "sample"


def as_dialled(phone: str) -> str:
    """A Vietnamese number as couriers dial it: `+84900000002` is `0900000002`."""
    return f"0{phone.removeprefix(VIETNAM_CODE)}" if phone.startswith(VIETNAM_CODE) else phone
