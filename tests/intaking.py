"""Intake on its own log with a small registry, and words for what its neighbours do."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.ids import channel_key
from schemas.intake import CommandRefused, HoldReason, OrderHeld
from services.reference.places import Places
from services.store.vault import Vault
from streams.intake import Intake
from streams.runtime.memory import ManualClock, Pipeline
from tests.intake_examples import NUMBER, ORDER_ID, SELLER, a_command, body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.event import Event
    from services.store.pool import Pool

PLACES = Places.load()
VAULT = Vault(bytes(range(32)))
TOPICS = (
    *("order.placed.v1", "order.amended.v1", "order.held.v1", "order.released.v1"),
    *("order.cancel_requested.v1", "order.received_back.v1", "delivery.decided.v1"),
    "command.refused.v1",
)
BAD_ADDRESS: Final[dict[str, Any]] = {"ward_code": None, "ward_name": "Phường Không Có Thật"}
SECOND_SELLER = "HTX-MAU-02"
PUBLISHED = {
    *("placed", "province_code", "ward_code", "place_confidence", "goods_vnd", "shipping_vnd"),
    *("discount_vnd", "total_vnd", "cod_vnd", "shipping_payer", "fixed_carrier", "country"),
}
REGISTRY: Final = """
INSERT INTO registry.sellers VALUES
    ('HTX-MAU-01', 'HTX Mẫu 1', 'cooperative'), ('HTX-MAU-02', 'HTX Mẫu 2', 'cooperative');
INSERT INTO registry.origins (origin_id, seller_id, contact_name, phone, street, ward_code,
                              province_code)
SELECT seller_id || '-K1', seller_id, 'Phạm Văn C', '0900000009', 'Thôn 1', '24778', '68'
FROM registry.sellers;
INSERT INTO registry.shops VALUES ('postmart', 'P-2', 'HTX-MAU-02');
INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group, weight_g,
                               length_cm, handling, transit_tolerance_h)
SELECT seller_id, 'OCOP-TS-01-600', seller_id || '-K1', 'Trà sen', 'beverage', 650, 20,
       '{dry,fragile}', 96
FROM registry.sellers;
INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group) VALUES
    ('HTX-MAU-01', 'TOUR-1', 'HTX-MAU-01-K1', 'Tour vườn trà', 'tourism');
INSERT INTO registry.certificates (certificate_no, seller_id, sku, kind, star, issued_on,
                                   expires_on)
VALUES ('OCOP-MAU-0001', 'HTX-MAU-01', 'OCOP-TS-01-600', 'OCOP', 4, '2025-06-30',
        '2028-06-30');
    """
"""Two sellers of one product; only the first has a certificate, until June 2028."""


class Intaking:
    """The stage on its own log, and words for what its neighbours do."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        clock = ManualClock(datetime(2026, 7, 1, tzinfo=UTC))
        self.pipeline = Pipeline([Intake(PLACES, VAULT)], pool, clock)

    async def sends(self, *payloads: Mapping[str, Any], channel: str = "postmart") -> None:
        """The channel sends payloads in one go."""
        for payload in payloads:
            key = channel_key(channel, payload.get("channel_order_no", NUMBER))
            await self.append(key, body(dict(payload)), channel, "order", f"channel:{channel}")
        await self.pipeline.run_until_idle()

    async def asks(
        self, kind: str, command_id: str = "", actor: str = f"seller:{SELLER}", **fields: Any
    ) -> str:
        """Somebody commands something; its command id."""
        command_id = command_id or str(uuid.uuid4())
        key = channel_key("postmart", NUMBER)
        raw = body(a_command(**fields))
        await self.append(key, raw, "postmart", kind, actor, ("ocop_command_id", command_id))
        await self.pipeline.run_until_idle()
        return command_id

    async def append(
        self, key: str, raw: bytes, channel: str, kind: str, actor: str, *more: tuple[str, str]
    ) -> None:
        headers = (
            ("ocop_channel", channel),
            ("ocop_kind", kind),
            ("ocop_actor", actor),
            *more,
        )
        encoded = [(name, value.encode()) for name, value in headers]
        await self.pipeline.send("order.received.v1", key, raw, encoded)

    @property
    def events(self) -> list[Event]:
        """Everything told, by version; refusals last."""
        told = [event for topic in TOPICS for event in self.pipeline.events(topic)]
        return sorted(told, key=lambda event: (isinstance(event, CommandRefused), event.version))

    @property
    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [type(event).__name__ for event in self.events]

    @property
    def dead_codes(self) -> list[str]:
        return [dead.code for dead in self.pipeline.dead]

    def count(self, name: str) -> int:
        return sum(getattr(settled.counts, name) for settled in self.pipeline.settled)

    async def state(self) -> dict[str, Any]:
        """What intake stores of orders, without version counter and ciphertexts."""
        orders = await self.pool.fetch("SELECT * FROM intake.orders ORDER BY order_id")
        lines = await self.pool.fetch("SELECT * FROM intake.lines ORDER BY order_id, line_no")
        parked = await self.pool.fetch("SELECT channel, channel_order_no, ref FROM intake.parked")
        rows = [{k: v for k, v in row.items() if k != "version"} for row in orders]
        for row in rows:
            row["seen"] = json.loads(row["seen"])
        return {"orders": rows, "lines": [dict(row) for row in lines], "parked": len(parked)}

    async def decided(self) -> dict[str, Any]:
        """The state without what was published of content that a later one replaced.

        An order placed and then amended into trouble was placed; one that never was fine was not.
        """
        state = await self.state()
        if any(order["untold"] for order in state["orders"]):
            del state["lines"]
            state["orders"] = [
                {name: value for name, value in order.items() if name not in PUBLISHED}
                for order in state["orders"]
            ]
        return state


async def start_intake(pool: Pool) -> Intaking:
    """The stage on a fresh registry."""
    await pool.execute(REGISTRY)
    return Intaking(pool)


async def expire_certificate(pool: Pool, on: str) -> None:
    await pool.execute("UPDATE registry.certificates SET expires_on = $1", date.fromisoformat(on))


async def pack(pool: Pool, state: str) -> None:
    await pool.execute(
        """
        INSERT INTO packing.shipments (shipment_id, order_id, station, state, reported, version)
        VALUES ($1 || '/1', $1, 'S1', $2, '{}', 1)
        """,
        ORDER_ID,
        state,
    )


def holds_of(event: Event) -> list[HoldReason]:
    assert isinstance(event, OrderHeld)
    return [hold.reason for hold in event.holds]


def refusal_of(event: Event) -> str:
    assert isinstance(event, CommandRefused)
    return event.code
