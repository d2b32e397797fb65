"""Whose fault it is, and how much of it is too much."""

from __future__ import annotations

import asyncpg
import pytest

from streams.runtime.dead_share import DeadShare
from streams.runtime.failures import Blame, LogReplaced, PublishFailed, TooManyDead, blame
from streams.runtime.persevere import LONGEST_PAUSE_S, pause


@pytest.mark.parametrize(
    ("error", "culprit"),
    [
        (asyncpg.DeadlockDetectedError("x"), Blame.WORLD),
        (asyncpg.SerializationError("x"), Blame.WORLD),
        (asyncpg.CannotConnectNowError("x"), Blame.WORLD),
        (asyncpg.TooManyConnectionsError("x"), Blame.WORLD),
        (asyncpg.DiskFullError("x"), Blame.WORLD),
        (asyncpg.LockNotAvailableError("x"), Blame.WORLD),
        (asyncpg.InvalidPasswordError("x"), Blame.WORLD),
        (asyncpg.InterfaceError("connection is closed"), Blame.WORLD),
        (ConnectionRefusedError(), Blame.WORLD),
        (TimeoutError(), Blame.WORLD),
        (PublishFailed(), Blame.WORLD),
        (asyncpg.QueryCanceledError("x"), Blame.SIZE),
        (asyncpg.UniqueViolationError("x"), Blame.RECORD),
        (asyncpg.CheckViolationError("x"), Blame.RECORD),
        (asyncpg.UndefinedColumnError("x"), Blame.RECORD),
        (asyncpg.DataError("x"), Blame.RECORD),
        (asyncpg.InterfaceError("another operation is in progress"), Blame.RECORD),
        (KeyError("x"), Blame.RECORD),
        (LogReplaced(), Blame.OURS),
    ],
)
def test_each_error_has_its_culprit(error: Exception, culprit: Blame) -> None:
    assert blame(error) is culprit


def lost_after(error: Exception) -> Exception:
    """What comes out of a transaction whose connection is gone."""
    lost = asyncpg.InterfaceError("the underlying connection is closed")
    lost.__context__ = error
    return lost


def test_a_session_lost_after_long_was_ended_for_being_slow() -> None:
    lost = lost_after(asyncpg.ConnectionDoesNotExistError("x"))
    assert blame(lost, took_s=0.1) is Blame.WORLD
    assert blame(lost, took_s=5.0) is Blame.SIZE


def test_a_broker_that_is_away_is_not_mended_by_smaller_batches() -> None:
    assert blame(lost_after(PublishFailed()), took_s=20.0) is Blame.WORLD


def test_pauses_grow_and_end_somewhere() -> None:
    assert max(pause(1) for _ in range(200)) <= 0.1
    assert all(0 < pause(50) <= LONGEST_PAUSE_S for _ in range(200))
    assert max(pause(50) for _ in range(200)) > 1


def test_few_dead_records_are_nothing_to_worry_about() -> None:
    share = DeadShare(limit=0.25, at_least=50)
    share.check(49, 49)
    share.add(10, 49)
    share.check(1, 1)


def test_a_share_over_the_limit_trips_for_good() -> None:
    share = DeadShare(limit=0.25, at_least=50)
    share.add(10, 40)
    with pytest.raises(TooManyDead):
        share.check(10, 10)
    with pytest.raises(TooManyDead):
        share.check(0, 1000)


def test_what_is_long_past_is_forgotten() -> None:
    share = DeadShare(limit=0.25, at_least=50, window=100)
    share.add(24, 100)
    share.add(0, 100)
    share.add(0, 100)
    share.check(20, 100)


def test_healthy_batches_never_trip() -> None:
    share = DeadShare(limit=0.0, at_least=1)
    share.check(0, 1000)
