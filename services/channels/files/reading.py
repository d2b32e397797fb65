"""One file of orders, by its name: `<channel>-<yyyymmdd>-<seq>.jsonl` or `.csv`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.channels.files.complaint import Complaint, FileRefused
from services.channels.files.jsonl import read_jsonl
from services.channels.files.table import read_csv

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from services.channels.files.rows import FileRead

NAME: Final = re.compile(r"(?P<channel>[a-z]+)-\d{8}-\d+\.(?P<kind>jsonl|csv)")
READERS: Final = {"jsonl": read_jsonl, "csv": read_csv}
MOST_BYTES: Final = 256 * 1024 * 1024


def read_order_file(path: Path, channel: str) -> FileRead:
    """Read a file whole and check every row.

    Raises:
        FileRefused: its name, size, columns or line count are wrong; nothing may be sent of it.
        OSError: it cannot be read.
    """
    named = NAME.fullmatch(path.name)
    if named is None:
        raise FileRefused(f"Name the file {channel}-<yyyymmdd>-<seq>.jsonl or .csv.")
    if named["channel"] != channel:
        raise FileRefused(f"The name says the file is {named['channel']}'s, not {channel}'s.")
    if path.stat().st_size > MOST_BYTES:
        raise FileRefused(f"The file has more than {MOST_BYTES} bytes: split it.")
    return READERS[named["kind"]](path.read_bytes(), channel)


def without_unknown_shops(read: FileRead, known: Collection[str]) -> FileRead:
    """Orders of shops the registry does not know become complaints: intake could not take them."""
    ready = []
    for one in read.ready:
        if one.payload.seller_ref is None or one.payload.seller_ref in known:
            ready.append(one)
            continue
        problem, advice = "The registry has no such shop", "Load it with `ocop registry load`."
        column = "seller_ref"
        read.complaints.append(Complaint(one.line, column, problem, advice))
    read.ready = ready
    read.complaints.sort(key=lambda one: one.line)
    return read
