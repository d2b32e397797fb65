"""Watches for partitions that have records and make no progress, and measures the lag."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog

from services import telemetry
from streams.runtime.unit import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.runtime.unit import Unit
    from streams.runtime.units import Units

log = structlog.get_logger()

EVERY_S: Final = 2.0
LOST_AFTER_S: Final = 10.0
"""An idle unit behind the log's end for so long lost a fetch on its way: it reads again."""

STALLED_AFTER_S: Final = 60.0
FETCHER_STUCK_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """After how many seconds without progress what is done."""

    lost_s: float = LOST_AFTER_S
    stalled_s: float = STALLED_AFTER_S
    stuck_s: float = FETCHER_STUCK_AFTER_S


class Watchdog:
    """Looks at every unit of a worker, again and again. `stalled` is told the stalled ones."""

    def __init__(
        self,
        stages: Callable[[], Iterable[Units]],
        patience: Patience = Patience(),
        stalled: Callable[[list[Unit]], None] = lambda _units: None,
    ) -> None:
        self._stages = stages
        self._patience = patience
        self._stalled = stalled
        self._shown: set[tuple[str, str, str]] = set()
        self._alarmed: set[tuple[str, int]] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 (whoever watches must not die)
                log.warning("watchdog_failed", error=type(error).__qualname__)

    def look(self) -> None:
        """One round."""
        shown: set[tuple[str, str, str]] = set()
        found: list[Unit] = []
        for units in self._stages():
            members = list(units)
            shown |= {label for unit in members for label in _show_lag(unit)}
            stalled = [unit for unit in members if self._is_stalled(unit)]
            parked = sum(unit.state is State.PARKED for unit in members)
            telemetry.PARKED_UNITS.labels(units.stage.name).set(parked)
            telemetry.STALLED_UNITS.labels(units.stage.name).set(len(stalled))
            self._check_fetcher(units, members)
            found += stalled
        for label in self._shown - shown:
            telemetry.LAG_RECORDS.remove(*label)
            telemetry.LAG_SECONDS.remove(*label)
        self._shown = shown
        self._alarm(found)

    def _is_stalled(self, unit: Unit) -> bool:
        behind = any(unit.lag(topic)[0] for topic in unit.settler.topics)
        waited = monotonic() - unit.progressed_at
        if behind and unit.idle and waited > self._patience.lost_s:
            log.warning("fetch_lost", stage=unit.id.stage, partition=unit.id.partition)
            unit.look_again()
        return (behind or unit.state is State.OPENING) and waited > self._patience.stalled_s

    def _check_fetcher(self, units: Units, members: list[Unit]) -> None:
        silent = monotonic() - units.fetching_at
        if members and silent > self._patience.stuck_s:
            log.error("fetcher_stuck", stage=units.stage.name, seconds=round(silent))

    def _alarm(self, stalled: list[Unit]) -> None:
        """One alarm for each unit and stall, not one a round."""
        names = {(unit.id.stage, unit.id.partition) for unit in stalled}
        for unit in stalled:
            if (unit.id.stage, unit.id.partition) not in self._alarmed:
                log.error(
                    "unit_stalled",
                    stage=unit.id.stage,
                    partition=unit.id.partition,
                    state=unit.state.value,
                    seconds=round(monotonic() - unit.progressed_at),
                )
        self._alarmed = names
        if stalled:
            self._stalled(stalled)


def _show_lag(unit: Unit) -> list[tuple[str, str, str]]:
    labels = []
    for topic in unit.settler.topics:
        records, seconds = unit.lag(topic)
        label = (unit.id.stage, topic, str(unit.id.partition))
        telemetry.LAG_RECORDS.labels(*label).set(records)
        telemetry.LAG_SECONDS.labels(*label).set(seconds)
        labels.append(label)
    return labels
