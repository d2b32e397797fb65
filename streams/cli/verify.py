"""`ocop verify`."""

import asyncio
from typing import Annotated

import orjson
import typer
from rich.console import Console

from schemas.catalogue import TOPICS
from services.reference.status_map import read_status_map
from services.settings import Settings, read_settings
from services.store.pool import READER_SESSION, open_pool
from services.verify.evidence import Evidence
from services.verify.log import KafkaTopics
from services.verify.promises import Finding, document
from services.verify.promises import verify as verify_promises
from services.verify.survey import survey
from streams.rechecks import Rechecks
from streams.topology import stages_now

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop verify --json")
def verify(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Check every promise from PostgreSQL and Kafka; exit code 1 if one is broken.

    Ask a system at rest: what is on its way between two stages looks like something lost.
    """
    found = asyncio.run(findings(read_settings()))
    if as_json:
        typer.echo(orjson.dumps(document(found)))
    else:
        show(found)
    if not all(finding.holds for finding in found):
        raise typer.Exit(1)


async def findings(settings: Settings) -> list[Finding]:
    """What became of each promise. The database is read as it was before the topics were."""
    rules = Rechecks(read_status_map())
    pool = await open_pool(
        settings.database, application_name="ocop-verify", size=1, session=SESSION
    )
    async with (
        pool,
        pool.acquire() as db,
        db.transaction(isolation="repeatable_read", readonly=True),
        KafkaTopics(settings.kafka) as log,
    ):
        await db.fetchval("SELECT now()")  # the snapshot is taken by the first statement
        stages = await stages_now(db)
        flow = {stage: [topic.name for topic in inputs] for stage, inputs in stages}
        names = {topic.name for topic in TOPICS} | {
            name for names in flow.values() for name in names
        }
        topics = await survey(log, rules.hear, sorted(names))
        return await verify_promises(Evidence(db, topics, rules, flow))


# Reading the topics takes as long as it takes; the snapshot waits for it.
SESSION = {**READER_SESSION, "idle_in_transaction_session_timeout": "0"}


def show(found: list[Finding]) -> None:
    """One line a promise, and what breaks it."""
    console = Console(soft_wrap=True)
    for number, finding in enumerate(found, 1):
        mark = "[green]holds[/]" if finding.holds else "[red]BROKEN[/]"
        counts = f"{finding.checked:,} checked"
        if finding.broken:
            counts += f", {finding.broken:,} broken"
        console.print(f"{number}. {mark}  {finding.sentence} ({counts})", highlight=False)
        for example in finding.examples:
            console.print(f"     {example}", markup=False, highlight=False)
