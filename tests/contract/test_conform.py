"""The exams at partners' own doors: every sandbox passes, and a careless one is found out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.carriers.account import CarrierSettings
from services.carriers.directory import INTERFACES
from services.channels.directory import CHANNELS
from services.channels.settings import ChannelSettings
from services.conform.carrier_api import examine_carrier
from services.conform.channel_api import GivenSecrets, examine_channel
from services.conform.verdict import Outcome, Verdict, holds
from services.errors import OperatorError
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.peers import SANDBOXES
from services.sandbox.serving import serving
from streams.cli.conform import first_service

if TYPE_CHECKING:
    from pathlib import Path

    from services.carriers.directory import Interface
    from services.channels.directory import ChannelInterface

SHOP = "100001"
AN_ORDER = {
    "number": "100000001",
    "shop": SHOP,
    "placed_at": "2026-10-01T07:00:00+07:00",
    "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
    "address": {
        "street": "Số 1 Đường Mẫu",
        "ward": "Phường Cầu Giấy",
        "district": "",
        "province": "Hà Nội",
    },
    "lines": [
        {
            "sku": "OCOP-TS-01-600",
            "name": "Trà sen",
            "quantity": 2,
            "price": 175_000,
            "weight": 600,
            "ref": "30000000001",
        }
    ],
    "shipping": 16_000,
    "discount": 0,
    "cod": 366_000,
}
STILL = Options(mischief=CALM, lives=EVEN, speed=1.0)


def failures(verdicts: list[Verdict]) -> list[str]:
    return [
        f"{verdict.case}: {verdict.seen}"
        for verdict in verdicts
        if verdict.outcome is Outcome.FAILED
    ]


async def examined(interface: Interface, url: str) -> list[Verdict]:
    account = replace(CarrierSettings().account(interface.name), base_url=url, timeout_s=5.0)
    return await examine_carrier(interface, account, first_service(interface.name))


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda one: one.name)
async def test_every_carriers_sandbox_conforms(interface: Interface, tmp_path: Path) -> None:
    peer = SANDBOXES[interface.name].build(STILL, tmp_path)
    async with serving(peer) as url:
        verdicts = await examined(interface, url)
    assert failures(verdicts) == []
    assert sum(verdict.outcome is Outcome.PASSED for verdict in verdicts) >= 3


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda one: one.name)
async def test_every_channels_sandbox_conforms(channel: ChannelInterface, tmp_path: Path) -> None:
    peer = SANDBOXES[channel.name].build(STILL, tmp_path)
    async with serving(peer) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/admin/joining") as answer:
            (secret,) = (await answer.json())["secrets"]
        async with session.post(f"{url}/admin/orders", json=AN_ORDER) as answer:
            assert answer.status == 200, await answer.text()
        account = replace(ChannelSettings().account(channel.name), base_url=url)
        given = GivenSecrets((secret,), (f"{SHOP}:{secret}",))
        verdicts = await examine_channel(channel, account, given, SHOP)
    assert failures(verdicts) == []
    assert sum(verdict.outcome is Outcome.PASSED for verdict in verdicts) >= 4


async def careless(_request: web.Request) -> web.Response:
    """Says yes to everything and everybody, in GHTK's envelope."""
    order: dict[str, Any] = {"label": "S1.A.1", "fee": "15000", "partner_id": "x", "status_id": "2"}
    return web.json_response({"success": True, "order": order, "fee": {"fee": 15000}})


async def test_a_carrier_that_never_says_no_does_not_conform() -> None:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", careless)
    (ghtk,) = [one for one in INTERFACES if one.name == "ghtk"]
    async with TestServer(app) as server:
        verdicts = await examined(ghtk, str(server.make_url("")))
    assert not holds(verdicts)
    told = " ".join(failures(verdicts))
    assert "without valid credentials" in told
    assert "without a consignee" in told


async def test_nobody_at_the_address_is_one_clear_sentence() -> None:
    with pytest.raises(OperatorError, match="Nobody answers for ghn"):
        await examined(next(one for one in INTERFACES if one.name == "ghn"), "http://127.0.0.1:9")
