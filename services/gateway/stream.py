"""A seller's feed as server-sent events: the table first, then the topic's tail, no gap between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from services.store.feed import read_feed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.gateway.tail import FeedTail
    from services.store.pool import Pool

PAGE = 500


class Entry(NamedTuple):
    """An entry of a seller's feed, as it is sent; `change` is `order.status_changed` as JSON."""

    number: int
    change: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """What a seller gets, by stream and by page alike."""
        return {"number": self.number, "type": "order.status_changed", "data": self.change}


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
                    last = entry.number
                reread = len(page) == PAGE
            newest = parsed(await appended.get())
            if newest is None or newest.number > last + 1:
                reread = True
            elif newest.number == last + 1:
                yield server_sent(newest)
                last = newest.number


def parsed(value: bytes | None) -> Entry | None:
    """A `feed.appended` value; None where the listener is told to read the table."""
    if value is None:
        return None
    event = orjson.loads(value)
    return Entry(event["number"], event["change"])


async def read_page(pool: Pool, seller_id: str, after: int) -> list[Entry]:
    """The next entries after `after`, `PAGE` at most."""
    async with pool.acquire() as connection:
        rows = await read_feed(connection, seller_id, after, PAGE)
    return [Entry(row.number, row.change) for row in rows]


def server_sent(entry: Entry) -> dict[str, str]:
    """The entry as one event; its id is what `Last-Event-ID` resumes from."""
    return {
        "id": str(entry.number),
        "event": "order.status_changed",
        "data": orjson.dumps(entry.told()).decode(),
    }
