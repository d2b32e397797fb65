"""GHN brings a part back under another number: one parcel of ours, whatever comes first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.ids import booking_reference
from services.carriers.webhooks import WEBHOOKS
from tests.tracking_facts import PARCEL, a_booking, a_pipeline, a_record, booked, last_states, told

if TYPE_CHECKING:
    from services.store.pool import Pool
    from tests.tracking_facts import Fact

pytestmark = pytest.mark.postgres

GHN = WEBHOOKS["ghn", "v2"]
OURS = booking_reference(PARCEL, 1)


def said(status: str, hour: int, number: str = "G1", **more: object) -> list[Fact]:
    """One webhook of GHN as the gateway stores it: a record an item."""
    body = orjson.dumps(
        {
            "OrderCode": number,
            "ClientOrderCode": OURS if number == "G1" else "",
            "Status": status,
            "Type": "switch_status",
            "Time": f"2026-10-03T{hour:02}:00:00Z",
            "CODAmount": 500,
            **more,
        }
    )
    return [a_record("ghn", "v2", key, body, item) for key, item in GHN.keys(body)]


FACTS = [
    [booked(a_booking("G1", carrier="ghn"))],
    said("delivered", 1, IsPartialReturn=True, PartialReturnCode="G1PR"),
    said("storing", 2, "G1PR"),
    said("returned", 9, "G1PR"),
]


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))][::5], ids=str)
async def test_a_part_comes_back_to_the_parcel_it_was_of(
    pool: Pool, order: tuple[int, ...]
) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, *(fact for number in order for fact in FACTS[number]))
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["partial"], state["return_no"]) == ("returned", True, "G1PR")
    assert (state["cod_state"], state["delivered_at"] is None) == ("collected", False)
    assert await pool.fetchval("SELECT count(*) FROM tracking.waiting") == 0


async def test_a_payout_is_booked_once_however_often_the_webhook_repeats_it(pool: Pool) -> None:
    paid = {"CODTransferDate": "2026-10-04T02:00:00Z"}
    pipeline = a_pipeline(pool)
    facts = [booked(a_booking("G1", carrier="ghn")), *said("delivered", 1)]
    facts += [*said("delivered", 2, Type="Update_fee", **paid)]
    facts += [*said("delivered", 3, Type="Update_fee", **paid)]
    await told(pipeline, *facts)
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["cod_state"]) == ("delivered", "remitted")
    paid_out = "SELECT count(*) FROM tracking.events WHERE code = 'cod_transferred'"
    assert await pool.fetchval(paid_out) == 1
