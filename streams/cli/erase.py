"""`ocop erase`."""

import asyncio
import sys
from typing import Annotated

import orjson
import typer

from services.channels.phones import Phone, read_phone
from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.store.consignees import Erased, erase_buyer
from services.store.master_key import master_key
from services.store.pool import READER_SESSION, open_pool
from services.store.vault import Vault
from streams.cli.saying import AsJson, By, Why, operator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog='Example: ocop erase --why "asked by letter of 3 November" < phone.txt')
def erase(
    *,
    why: Why,
    order: Annotated[
        str | None, typer.Option(help="The buyer of this order, instead of a phone.")
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Forget a buyer for ever: the phone is read from standard input, so no history keeps it.

    The key of the buyer's data is destroyed at once; raw topics lose theirs within eight days.
    Orders stay, without a name, phone or street: what is not shipped yet cannot be any more.
    """
    phone = None if order else phone_given(sys.stdin.readline())
    erased = asyncio.run(work(read_settings(), order, phone, operator(by), why))
    if as_json:
        typer.echo(orjson.dumps({"was_known": erased.was_known, "orders": erased.orders}))
    elif erased.was_known:
        typer.echo(f"forgotten, with what {erased.orders} orders knew of the buyer")
    else:
        typer.echo("nobody knew this buyer, or not any more; the request is written down")


def phone_given(text: str) -> str:
    """The phone in E.164. Raises OperatorError, which does not repeat it."""
    found = read_phone(text)
    if not isinstance(found, Phone):
        raise OperatorError(f"Standard input holds no phone: {found}.")
    return found.e164


async def work(
    settings: Settings, order: str | None, phone: str | None, by: str, why: str
) -> Erased:
    """Erase. Raises OperatorError for an order without a buyer."""
    pool = await open_pool(
        settings.database, application_name="ocop-erase", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        vault = Vault(master_key(settings))
        erased = await erase_buyer(connection, vault, phone=phone, order=order, by=by, why=why)
    if erased is None:
        raise OperatorError(f"The order {order} has no buyer.")
    return erased
