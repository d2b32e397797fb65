"""What a settled batch tells: one canonical log line and the counters. Never a key or a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from services import telemetry

if TYPE_CHECKING:
    from streams.runtime.ports import Settled

log = structlog.get_logger()


def tell(settled: Settled) -> None:
    """Log and count a batch (the observer of a worker)."""
    _log(settled)
    _count(settled)


def _log(settled: Settled) -> None:
    counts = settled.counts
    log.info(
        "batch_settled",
        stage=settled.unit.stage,
        partition=settled.unit.partition,
        batch_no=settled.batch_no,
        offsets=settled.offsets,
        applied=counts.applied,
        duplicate=counts.duplicate,
        parked=counts.parked,
        dead=counts.dead,
        holes=counts.holes,
        redelivered=counts.redelivered,
        outputs=settled.outputs,
        taken_over=settled.taken_over,
        transact_ms=round(settled.transact_s * 1000, 1),
        publish_ms=round(settled.publish_s * 1000, 1),
        lag_s=round(settled.lag_s, 3),
    )


def _count(settled: Settled) -> None:
    stage, counts = settled.unit.stage, settled.counts
    for topic in settled.offsets:
        telemetry.BATCHES.labels(stage, topic).inc()
    telemetry.BATCH_SECONDS.labels(stage).observe(settled.transact_s + settled.publish_s)
    for outcome in ("applied", "duplicate", "parked", "dead"):
        if count := getattr(counts, outcome):
            telemetry.RECORDS.labels(stage, outcome).inc(count)
    if counts.redelivered:
        telemetry.REDELIVERED.labels(stage).inc(counts.redelivered)
    for dead in settled.dead:
        telemetry.DEAD_LETTERS.labels(stage, dead.code).inc()
