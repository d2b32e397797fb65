"""What is no order we can understand, and how its sender is told so."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLD_ERRORS: Final = 5


class PayloadInvalid(Exception):
    """A payload that is no order we can understand: a stable code and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """What is not as the marketplace writes it, or cannot be said in our format, is PayloadInvalid."""
    try:
        yield
    except ValidationError as problems:
        raise PayloadInvalid("payload_invalid", told(problems)) from None


def told(problems: ValidationError) -> str:
    """The first few errors as `field: what is wrong`, without any given value."""
    errors = problems.errors(include_url=False, include_input=False, include_context=False)
    sentences = [
        # This message alone would repeat what was sent.
        "event: is none of the format's"
        if error["type"] == "union_tag_invalid"
        else f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['msg']}"
        for error in errors[:TOLD_ERRORS]
    ]
    more = len(errors) - TOLD_ERRORS
    return "; ".join(sentences) + (f"; and {more} more" if more > 0 else "")
