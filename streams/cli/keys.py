"""`ocop keys`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.errors import OperatorError
from services.settings import read_settings
from services.store.credentials import (
    OwnerKind,
    adopt_secret,
    issue_key,
    issue_signing_secret,
    read_credentials,
    revoke_key,
    seal_secret,
    trust_public_key,
)
from services.store.master_key import master_key
from services.store.pool import READER_SESSION, open_pool
from services.store.vault import Vault

if TYPE_CHECKING:
    from services.store.pool import Connection

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Issue, rotate and withdraw the keys of sellers, channels and partners.",
)

Answer = TypeVar("Answer")

OWNERS = {
    "seller": "SELECT true FROM registry.sellers WHERE seller_id = $1",
    "partner": "SELECT true FROM registry.partners WHERE partner_id = $1",
    "channel": "SELECT true FROM registry.shops WHERE channel = $1 LIMIT 1",
    "ops": "SELECT $1::text <> ''",
}

SHOP = "SELECT true FROM registry.shops WHERE channel = $1 AND shop_ref = $2"
SIGNS_WEBHOOKS = """
SELECT verification = 'standard_webhooks' FROM registry.partners WHERE partner_id = $1
"""

SHORTEST_SECRET = 16

AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


def with_database(work: Callable[["Connection"], Awaitable[Answer]]) -> Answer:
    """Run `work` on one connection."""

    async def connected() -> Answer:
        pool = await open_pool(
            read_settings().database, application_name="ocop-keys", size=1, session=READER_SESSION
        )
        async with pool, pool.acquire() as connection:
            return await work(connection)

    return asyncio.run(connected())


@app.command(epilog="Example: ocop keys issue seller S68-01")
def issue(
    kind: Annotated[str, typer.Argument(help="seller, channel, partner or ops.")],
    owner: Annotated[str, typer.Argument(help="The owner's id; for ops the operator's name.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Issue a key, shown once. Two of an owner are valid at a time; a third ends the oldest.

    Sellers and operators get an API key and partners a secret; channels, and partners that sign
    Standard Webhooks, get a signing secret.
    """
    if kind not in OWNERS:
        raise OperatorError(f"'{kind}' has no keys: use seller, channel, partner or ops.")
    vault = Vault(master_key(read_settings()))

    async def work(connection: "Connection") -> str:
        if not await connection.fetchval(OWNERS[kind], owner):
            raise OperatorError(f"There is no {kind} '{owner}' in the registry.")
        return await issue_for(connection, vault, kind, owner)

    secret = with_database(work)
    if as_json:
        typer.echo(orjson.dumps({"owner_kind": kind, "owner_id": owner, "key": secret}))
    else:
        typer.echo(secret)
        typer.echo("Keep it now: it cannot be shown again.", err=True)


async def issue_for(connection: "Connection", vault: Vault, kind: str, owner: str) -> str:
    """The kind of secret that kind of owner needs."""
    if kind == "channel":
        return await issue_signing_secret(connection, "channel", owner, vault.seal_secret)
    if kind == "partner" and await connection.fetchval(SIGNS_WEBHOOKS, owner):
        return await issue_signing_secret(connection, "partner", owner, vault.seal_secret)
    kinds: dict[str, OwnerKind] = {"seller": "seller", "partner": "partner", "ops": "ops"}
    return await issue_key(connection, kinds[kind], owner)


@app.command(epilog="Example: ocop keys adopt viettelpost < secret.txt")
def adopt(partner: Annotated[str, typer.Argument(help="The partner's id.")]) -> None:
    """Accept a secret the partner chose, read from standard input. Two are valid at a time."""
    secret = sys.stdin.readline().strip()
    if len(secret) < SHORTEST_SECRET:
        raise OperatorError(f"The secret has fewer than {SHORTEST_SECRET} characters.")
    with_database(lambda connection: adopt_secret(connection, "partner", partner, secret))
    typer.echo(f"accepted for {partner}")


@app.command(epilog="Example: ocop keys seal shopee/100001 < access-token.txt")
def seal(
    owner: Annotated[str, typer.Argument(help="A channel, or channel/shop for a shop's token.")],
) -> None:
    """Keep a secret a channel gave us, read from standard input; it is used within seconds.

    Two of an owner are valid at a time: the newest signs our calls, both are accepted in pushes.
    """
    secret = sys.stdin.readline().strip()
    channel, _, shop = owner.partition("/")
    if not secret:
        raise OperatorError("There is no secret on standard input.")
    vault = Vault(master_key(read_settings()))

    async def work(connection: "Connection") -> None:
        known = await connection.fetchval(
            SHOP if shop else OWNERS["channel"], *filter(None, (channel, shop))
        )
        if not known:
            raise OperatorError(f"There is no shop of '{owner}' in the registry.")
        await seal_secret(connection, owner, secret, vault.seal_secret)

    with_database(work)
    typer.echo(f"sealed for {owner}")


@app.command(epilog="Example: ocop keys trust vnpost vnpost-public.pem")
def trust(
    partner: Annotated[str, typer.Argument(help="The partner's id.")],
    pem: Annotated[Path, typer.Argument(help="Its RSA public key as PEM.")],
) -> None:
    """Check the partner's signatures with this public key from now on."""
    text = pem.read_text("ascii")
    if not with_database(lambda connection: trust_public_key(connection, partner, text)):
        raise OperatorError(f"There is no partner '{partner}' in the registry.")
    typer.echo(f"trusted for {partner}")


@app.command("list", epilog="Example: ocop keys list --json")
def show(*, as_json: AsJson = False) -> None:
    """Show who has valid keys, never the keys."""
    rows = [
        {"key_id": key.key_id, "owner_kind": key.owner_kind, "owner_id": key.owner_id}
        for key in with_database(read_credentials)
    ]
    if as_json:
        typer.echo(orjson.dumps(rows))
        return
    table = Table("key", "of", "id")
    for row in sorted(rows, key=lambda row: (row["owner_kind"], row["owner_id"])):
        table.add_row(row["key_id"], row["owner_kind"], row["owner_id"])
    Console().print(table)


@app.command(epilog="Example: ocop keys revoke 3f9a1c2b4d5e")
def revoke(key_id: Annotated[str, typer.Argument(help="As `ocop keys list` shows it.")]) -> None:
    """Withdraw a key; the gateway refuses it within seconds."""

    async def work(connection: "Connection") -> bool:
        return await revoke_key(connection, key_id)

    if not with_database(work):
        raise OperatorError(f"No valid key has the id '{key_id}'.")
    typer.echo(f"revoked {key_id}")
