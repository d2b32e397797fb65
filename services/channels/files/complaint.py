"""What is wrong with a row, in words its sender can act on. No given value is ever repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError

EVENTS: Final = frozenset({"placed", "amended", "cancel_requested", "cancelled", "returned"})
"""The tag of the union a payload is read by: pydantic puts it in front of every location."""

ADVICE: Final = {
    "missing": "Add it.",
    "json": "Write one JSON object a line, in UTF-8, without a line break inside.",
    "int": "Write a whole number, without separators, decimals or a currency sign.",
    "greater": "Write a number within the limit.",
    "less": "Write a number within the limit.",
    "literal": "Use one of the values named.",
    "enum": "Use one of the values named.",
    "union": "Use placed, amended, cancel_requested, cancelled or returned.",
    "timezone": "Write the time with its offset: 2026-07-01T07:00:00+07:00.",
    "datetime": "Write the time with its offset: 2026-07-01T07:00:00+07:00.",
    "date": "Write the date as 2027-06-01.",
    "string": "Write text within the limit, with the characters allowed.",
    "too": "Give as many as are allowed.",
    "bool": "Write true or false.",
}
"""By the first word of pydantic's error type (`int_parsing`, `string_too_long`)."""
MEND: Final = "Mend it as the problem says."


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong in one row. `line` is the file's, counted from 1, as an editor shows it."""

    line: int
    column: str
    problem: str
    advice: str = MEND

    def as_row(self) -> dict[str, object]:
        """For JSON and CSV."""
        return asdict(self)


class FileRefused(Exception):
    """The file as a whole cannot be taken; nothing of it was sent. One sentence what to mend."""


def complaints(line: int, problems: ValidationError) -> Iterator[Complaint]:
    """One complaint a field; the column is the field's path (`lines.0.quantity`)."""
    errors = problems.errors(include_url=False, include_input=False, include_context=False)
    for error in errors:
        if error["type"] == "too_short" and any(
            _inside(one["loc"], error["loc"]) for one in errors
        ):
            continue  # a list whose items are wrong is also said to be empty
        path = [part for part in error["loc"] if part not in EVENTS]
        column = ".".join(map(str, path)) or "*"
        kind = error["type"].partition("_")[0]
        # This message alone would repeat what was sent.
        told = "is none of the format's" if kind == "union" else error["msg"]
        yield Complaint(line, "event" if kind == "union" else column, told, ADVICE.get(kind, MEND))


def _inside(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer
