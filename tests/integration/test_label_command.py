"""`ocop label`, and what `ocop trace` shows of a hand-over."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.place import VIETNAM
from services.errors import OperatorError
from services.gateway.ingest import Ingest
from services.handover.desk import HandoverDesk
from services.handover.manifest import Manifest, Opening, Signatures, Signing
from services.labels.pages import Paper
from services.registry.load import load_registry
from services.sandbox.sample import FOLDER
from services.settings import Settings
from services.store.journey import order_journey
from services.store.vault import Vault
from streams.cli.label import printed
from streams.cli.trace import shipment_moments
from streams.runtime.memory import ManualClock, Pipeline
from tests.appended import Appended
from tests.labelled import NAME, ORIGIN, SELLER, an_order_with_parcels
from tests.order_facts import at
from tests.papers import text_of

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

KEY = bytes(range(32))
ORDER = f"direct:{SELLER}:T-1"


@pytest.fixture
async def parcel(pool: Pool) -> str:
    async with pool.acquire() as connection:
        await load_registry(connection, FOLDER)
    (one,) = await an_order_with_parcels(pool, ORDER, master_key=KEY)
    return one


def settings_of(database: str) -> Settings:
    return Settings.model_validate(
        {"database_url": database, "master_key": base64.b64encode(KEY).decode()}
    )


async def test_an_operator_prints_an_order_or_one_parcel(database: str, parcel: str) -> None:
    for what in (ORDER, parcel):
        (page,) = text_of(await printed(settings_of(database), what, Paper.A6))
        assert NAME in page


async def test_what_has_no_label_is_said_in_a_sentence(database: str, parcel: str) -> None:
    with pytest.raises(OperatorError, match="no closed parcel has this id"):
        await printed(settings_of(database), f"{parcel}9", Paper.A6)
    with pytest.raises(OperatorError, match="goes anywhere"):
        await printed(settings_of(database), "direct:S68-01:nobody", Paper.A6)


async def test_a_trace_tells_of_manifest_and_signature(pool: Pool, parcel: str) -> None:
    ingest = Ingest(Appended(Pipeline([], pool, ManualClock(at(2)))))
    desk = HandoverDesk(pool, Vault(KEY), ingest)
    manifest = await desk.open(Opening(SELLER, "vnpost", ORIGIN, None, "K"), at(2))
    assert isinstance(manifest, Manifest)
    number = manifest.row["manifest_no"]
    signing = Signing([parcel], Signatures("C", "D"), at(2) + timedelta(hours=1))
    await desk.close(SELLER, number, signing)
    async with pool.acquire() as connection:
        journey = await order_journey(connection, ORDER)
    assert journey is not None
    told = [
        (f"{one.at:%H}", one.what) for one in shipment_moments(journey) if one.who == "hand-over"
    ]
    assert at(2).astimezone(VIETNAM).hour == 9
    assert told == [
        ("09", f"parcel 1/1: on the manifest {number}"),
        ("10", f"parcel 1/1: handed over, manifest {number} signed"),
    ]
