"""JSON lines: one `ocop.order/1` a line, and a last object with the count of the lines before it.

The last line is `{"format": "ocop.order/1", "lines": 120}`: that a file was cut off on the way
shows before anything of it is sent. The shape of this object is ours.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from services.channels.files.complaint import FileRefused
from services.channels.files.rows import FileRead

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_jsonl(raw: bytes, channel: str) -> FileRead:
    """Check every line.

    Raises:
        FileRefused: the last object is no line count, or counts other lines than there are.
    """
    numbered = [
        (number, line.strip())
        for number, line in enumerate(raw.removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1)
        if line.strip()
    ]
    counted = _line_count(numbered[-1][1]) if numbered else None
    if counted is None:
        raise FileRefused(
            'The last line is no line count: end the file with {"format":"ocop.order/1","lines":N}.'
        )
    lines = numbered[:-1]
    if counted != len(lines):
        raise FileRefused(
            f"The file says it has {counted} lines and has {len(lines)}: fetch or write it again."
        )
    read = FileRead(rows=len(lines))
    for number, line in lines:
        read.take(number, line, channel)
    return read


def _line_count(line: bytes) -> int | None:
    """`lines` of an object that is no order: an order's lines are a list."""
    try:
        last: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    count = last.get("lines") if isinstance(last, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None
