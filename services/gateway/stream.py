"""A seller's feed as server-sent events: the table first, then the topic's tail, no gap between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from services.store.feed import read_feed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.gateway.tail import FeedTail
    from services.store.pool import Pool

PAGE = 500


async def follow_feed(
    pool: Pool, tail: FeedTail, seller_id: str, after: int
) -> AsyncIterator[dict[str, str]]:
    """Entries `after + 1`, `after + 2`, … for ever, each once and in order.

    Listening starts before the table is read, so what is appended meanwhile waits in the
    listener; what the table gave already is skipped, and a jump sends us back to the table.
    """
    with tail.listen(seller_id) as appended:
        last = after
        reread = True
        while True:
            while reread:
                page = await read_page(pool, seller_id, last)
                for entry in page:
                    yield server_sent(entry)
                    last = entry["number"]
                reread = len(page) == PAGE
            entry = parsed(await appended.get())
            if entry is None or entry["number"] > last + 1:
                reread = True
            elif entry["number"] == last + 1:
                yield server_sent(entry)
                last += 1


def parsed(value: bytes | None) -> dict[str, object] | None:
    """A `feed.appended` value in the form the table's entries have."""
    if value is None:
        return None
    event = orjson.loads(value)
    return entry_of(event["number"], event["change"])


def entry_of(number: int, change: object) -> dict[str, object]:
    """What a seller gets of one entry, by stream and by page alike."""
    return {"number": number, "type": "order.status_changed", "data": change}


async def read_page(pool: Pool, seller_id: str, after: int) -> list[dict[str, object]]:
    """The next entries after `after`, `PAGE` at most."""
    async with pool.acquire() as connection:
        rows = await read_feed(connection, seller_id, after, PAGE)
    return [entry_of(row.number, row.change) for row in rows]


def server_sent(entry: dict[str, object]) -> dict[str, str]:
    """The entry as one event; its id is what `Last-Event-ID` resumes from."""
    return {
        "id": str(entry["number"]),
        "event": str(entry["type"]),
        "data": orjson.dumps(entry).decode(),
    }
