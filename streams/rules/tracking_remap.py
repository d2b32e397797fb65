"""Reading an event of the log again, with another version of its carrier's status map (R9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.rules.tracking import on_return_leg

if TYPE_CHECKING:
    from services.reference.status_map import Meaning, StatusMap


class Logged(NamedTuple):
    """A carrier's event as it wrote it, what it is read as now, and with which version.

    `reading` counts the times it was read again.
    """

    carrier: str
    api: str
    code: str
    reason_code: str | None
    is_return_leg: bool
    meaning: Meaning
    mapping: str
    reading: int = 0


def reread(event: Logged, meanings: StatusMap) -> Meaning | None:
    """What the event means by the map in use; None where that is what it is read as already."""
    meaning = meanings.meaning(event.carrier, event.api, event.code, event.reason_code)
    if event.is_return_leg:
        meaning = on_return_leg(meaning, meanings)
    return None if meaning == event.meaning else meaning
