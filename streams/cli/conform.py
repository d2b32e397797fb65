"""`ocop conform`."""

import asyncio
import os
import sys
from dataclasses import asdict, replace
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.carriers.account import CarrierSettings
from services.carriers.directory import INTERFACES, name_of
from services.channels.directory import CHANNELS
from services.channels.settings import ChannelSettings
from services.conform.carrier_api import examine_carrier
from services.conform.channel_api import GivenSecrets, examine_channel
from services.conform.gateway import examine_gateway
from services.conform.senders import Credentials, sender_of
from services.conform.verdict import Outcome, Verdict, holds
from services.errors import OperatorError
from services.reference.rule_book import sample_rule_book

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SECRET = "OCOP_CONFORM_SECRET"  # noqa: S105 - a variable's name
SHOP_SECRET = "OCOP_CONFORM_SHOP_SECRET"  # noqa: S105 - the same
MARKS = {Outcome.PASSED: "[green]passed[/]", Outcome.FAILED: "[red]FAILED[/]"}

EXAMPLES = """Examples:
OCOP_CONFORM_SECRET=… ocop conform ghn --url https://gateway.example
ocop conform ghn --api --url http://127.0.0.1:8495"""


@app.command(epilog=EXAMPLES)
def conform(
    name: Annotated[
        str, typer.Argument(help="A carrier's interface, a channel, or a partner's id.")
    ],
    *,
    url: Annotated[str, typer.Option(help="The gateway; with --api, the partner's own API.")],
    api: Annotated[
        bool, typer.Option("--api", help="Examine the partner's API instead of our gateway.")
    ] = False,
    shop: Annotated[
        str, typer.Option(help="With --api, whose orders a channel is asked for.")
    ] = "",
    service: Annotated[
        str, typer.Option(help="With --api, the carrier's service; default: the rule book's first.")
    ] = "",
    push_url: Annotated[
        str, typer.Option(help="Shopee: the address on record; default: under --url.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Send a partner's good and bad requests, and say what came of each.

    At our gateway it plays the partner, with its secret from OCOP_CONFORM_SECRET (for Vietnam
    Post a private key as PEM; `-` reads standard input). With --api it plays us at the partner's
    test host, with the account of OCOP_CARRIER_… or OCOP_CHANNEL_…, and books parcels there.
    """
    verdicts = asyncio.run(
        ask_api(name, url, shop, service) if api else ask_gateway(name, url, push_url)
    )
    if as_json:
        rows = [asdict(verdict) for verdict in verdicts]
        typer.echo(orjson.dumps({"conforms": holds(verdicts), "cases": rows}))
    else:
        show(name, verdicts)
    if not holds(verdicts):
        raise typer.Exit(1)


async def ask_gateway(name: str, url: str, push_url: str) -> list[Verdict]:
    """Play the partner at our door."""
    app_id = ChannelSettings().lazada_app_id if name == "lazada" else ""
    registered = push_url or f"{url.rstrip('/')}/v1/channels/{name}/push"
    return await examine_gateway(url, sender_of(name, Credentials(secret(), app_id, registered)))


async def ask_api(name: str, url: str, shop: str, service: str) -> list[Verdict]:
    """Play us at the partner's door."""
    for interface in INTERFACES:
        if interface.name == name:
            account = replace(CarrierSettings().account(name), base_url=url)
            chosen = service or first_service(name)
            return await examine_carrier(interface, account, chosen)
    for channel in CHANNELS:
        if channel.name == name:
            given = GivenSecrets(words(SECRET), words(SHOP_SECRET))
            there = replace(ChannelSettings().account(name), base_url=url)
            return await examine_channel(channel, there, given, shop)
    known = ", ".join([row.name for row in INTERFACES] + [row.name for row in CHANNELS])
    raise OperatorError(f"{name} has no API that we call: choose from {known}.")


def first_service(name: str) -> str:
    """A service of the sample rule book that is booked through this interface."""
    for one in sample_rule_book().services:
        if name_of(one.carrier, one.api) == name:
            return one.code
    return ""


def secret() -> str:
    """The partner's secret. Raises OperatorError if there is none."""
    given = os.environ.get(SECRET, "")
    if given == "-":
        given = sys.stdin.read().strip()
    if not given:
        raise OperatorError(f"Set {SECRET} to the partner's secret, or to - to read it from input.")
    return given


def words(variable: str) -> tuple[str, ...]:
    """A secret of the environment, if it is set."""
    return tuple(one for one in [os.environ.get(variable, "")] if one)


def show(name: str, verdicts: list[Verdict]) -> None:
    """A line a case; what to do stands under one that failed."""
    table = Table("", "case", "seen", title=f"{name} conforms" if holds(verdicts) else name)
    for verdict in verdicts:
        seen = f"{verdict.seen}\n→ {verdict.advice}" if verdict.advice else verdict.seen
        table.add_row(MARKS.get(verdict.outcome, "–"), verdict.case, seen)
    Console().print(table)
