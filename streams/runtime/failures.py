"""What can go wrong with a batch, and whose fault it is."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import asyncpg


class PublishFailed(Exception):
    """The broker did not confirm every output. The stored outputs are sent again."""


class LogUnavailable(Exception):
    """The broker did not say what a log holds. Asked again, later."""


class OutputTooLarge(Exception):
    """An output is larger than its topic accepts; the record that caused it is buried."""


class Fatal(Exception):
    """Going on would do harm: the unit parks unacked until a human looks."""


class LogReplaced(Fatal):
    """The topic is not the one the checkpoint was made on: cut, or created again."""


class CheckpointLost(Fatal):
    """The unit's checkpoint row, or a topic in it, vanished while we worked."""


class Miscounted(Fatal):
    """A stage reports more or other records than it was given: its books cannot be trusted."""


class TooManyDead(Fatal):
    """So many records cannot be handled that our code is more likely wrong than they are."""


class Blame(Enum):
    """Whose fault a failed batch is."""

    WORLD = auto()
    """A server is away, or two transactions met: the same again, later."""
    SIZE = auto()
    """The transaction took too long: the same again, halved."""
    RECORD = auto()
    """One record cannot be handled: found by halving, then buried."""
    OURS = auto()
    """Park and call a human."""


# SQLSTATE classes (PostgreSQL, Appendix A): connection, authorization, catalog name, rollback,
# resources, operator, system.
PASSING_CLASSES: Final = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
LOCK_NOT_AVAILABLE: Final = "55P03"
OUT_OF_TIME: Final = frozenset({"25P03", "25P04", "57014"})  # idle, transaction, statement

OVERDUE_S: Final = 4.5
"""A little under the shortest time-out of a worker's session (services/store/pool.py)."""


def blame(error: BaseException, took_s: float = 0.0, overdue_s: float = OVERDUE_S) -> Blame:
    """Who has to change for the batch to succeed.

    A ROLLBACK on a connection that is gone hides what went wrong before it: that is the context.
    The server does not reliably tell why it ended a session; one that is lost after `overdue_s`
    was most likely ended for being slow, and halving the batch does no harm if not.
    """
    before = error.__context__
    if isinstance(before, PublishFailed | Fatal):
        return blame(before)
    found = _blame(error)
    if found is Blame.WORLD and took_s >= overdue_s and _connection_lost(error):
        return Blame.SIZE
    return found


def _connection_lost(error: BaseException) -> bool:
    return isinstance(error, asyncpg.InterfaceError | asyncpg.PostgresConnectionError)


def _blame(error: BaseException) -> Blame:
    """By kind alone.

    asyncpg's own InterfaceError is ambiguous: a closed connection passes, a value that does not
    fit its column (DataError, also a ValueError) does not.
    """
    match error:
        case Fatal():
            return Blame.OURS
        case asyncpg.PostgresError():
            return _blame_sqlstate(error.sqlstate or "")
        case asyncpg.InterfaceError() if isinstance(error, ValueError):
            return Blame.RECORD
        case asyncpg.InterfaceError() if "clos" in str(error) or "released" in str(error):
            return Blame.WORLD
        case PublishFailed() | LogUnavailable() | OSError() | TimeoutError():
            return Blame.WORLD
        case asyncpg.InternalClientError():
            return Blame.WORLD
        case _:
            return Blame.RECORD


def _blame_sqlstate(state: str) -> Blame:
    if state in OUT_OF_TIME:
        return Blame.SIZE
    if state[:2] in PASSING_CLASSES or state == LOCK_NOT_AVAILABLE:
        return Blame.WORLD
    return Blame.RECORD
