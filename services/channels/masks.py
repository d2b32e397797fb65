"""Text a platform has blacked out: `T******B`, `++++`. It reaches nobody and replaces nothing."""

from __future__ import annotations

import re
from typing import Final

MASKED: Final = re.compile(r"[*•●]|\+\+")


def is_masked(text: str) -> bool:
    """Whether some of it was blacked out."""
    return MASKED.search(text) is not None
