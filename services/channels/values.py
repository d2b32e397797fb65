"""Values as Tiki and Sendo write them: ids as numbers, local times without a zone, codes as text."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator

from services.channels.numbers import VIETNAM_TIME

NO_WORD: Final = re.compile(r"[^a-z0-9]+")


def text(given: object) -> object:
    """An id may come as a number; null is no text."""
    if given is None:
        return ""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def local_time(given: object) -> object:
    """`2026-07-01 07:00:00` without a zone is Vietnam's."""
    if not isinstance(given, str):
        return given
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        return given
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM_TIME)


def word(given: str) -> str:
    """A channel's code as one of ours may hold it: `Cash On Delivery` is `cash_on_delivery`."""
    return NO_WORD.sub("_", given.lower()).strip("_")[:32]


Given = Annotated[str, BeforeValidator(text)]
Local = Annotated[datetime, BeforeValidator(local_time)]
