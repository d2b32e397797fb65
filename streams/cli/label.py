"""`ocop label`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services.errors import OperatorError
from services.labels.content import Label
from services.labels.desk import Desk, Missing, Names
from services.labels.pages import Paper
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.settings import Settings, read_settings
from services.store.master_key import master_key
from services.store.pool import READER_SESSION, open_pool
from services.store.vault import Vault

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop label postmart:HTX-MAU-01:PM-0000001 -o labels.pdf")
def label(
    what: Annotated[str, typer.Argument(help="An order or a parcel.", metavar="ORDER|PARCEL")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the PDF goes.")],
    paper: Annotated[Paper, typer.Option("--format", help="One a page, or four.")] = Paper.A6,
) -> None:
    """Print the labels of an order, or of one parcel, into a PDF. It names the buyer: keep it so."""
    document = asyncio.run(printed(read_settings(), what, paper))
    output.write_bytes(document)
    typer.echo(f"{output}: {len(document):,} bytes")


async def printed(settings: Settings, what: str, paper: Paper) -> bytes:
    """The PDF. Raises OperatorError that says what is missing."""
    pool = await open_pool(
        settings.database, application_name="ocop-label", size=1, session=READER_SESSION
    )
    async with pool:
        vault, names = Vault(master_key(settings)), Names.of(sample_rule_book())
        desk = Desk(pool, vault, Places.load(), names, settings.gs1_company_prefix)
        found = await (desk.of_parcels([what]) if "/" in what else desk.of_order(what))
        if missing := [one for one in found if isinstance(one, Missing)]:
            told = "; ".join(f"{one.what}: {one.reason}" for one in missing)
            raise OperatorError(f"There is no label for all of it: {told}.")
        if not found:
            raise OperatorError(f"No order {what} goes anywhere.")
        return await desk.print([one for one in found if isinstance(one, Label)], paper)
