"""Structured logs: one JSON object a line on standard error. Ids only, never a buyer's name."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

import orjson
import structlog

# Libraries that say on INFO what our own canonical lines say better.
QUIET: Final = ("aiokafka", "faust", "mode", "kafka", "uvicorn.access", "asyncio", "pgqueuer")


def configure_logs(process: str, level: str = "info") -> None:
    """Send our lines and every library's through one JSON renderer.

    Faust replaces `sys.stdout` and `sys.stderr` by its logger; writing to a copy of the file
    descriptor keeps a line from coming back to us.
    """
    stream = _own_stderr()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=as_json),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)


def as_json(line: dict[str, Any], default: Callable[[Any], Any], **_options: object) -> str:
    """A line as JSON text; `default` turns what JSON does not know into something it does."""
    return orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS).decode()


def _own_stderr() -> TextIO:
    return os.fdopen(os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2), "w", buffering=1)
