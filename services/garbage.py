"""Python's cycle collector, set for processes that make many objects and few cycles."""

import gc
from typing import Final

YOUNG: Final = 50_000
"""Objects made before the youngest are looked through: about as many as a batch holds."""
OLDER: Final = 20


def collect_seldom() -> None:
    """Call once everything that stays is loaded: it is never looked through again.

    A batch's objects die by their counts. Looking for cycles among them, and every time among all
    that was loaded, took a tenth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
