"""The report beside the file: `<name>.errors.csv`, one row a complaint."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.channels.files.complaint import Complaint

HEADER: Final = ("line", "column", "problem", "advice")


def write_report(path: Path, complaints: Sequence[Complaint]) -> Path | None:
    """Write what is wrong beside the file; an old report of a file that is fine now goes."""
    report = path.with_name(f"{path.name}.errors.csv")
    if not complaints:
        report.unlink(missing_ok=True)
        return None
    with report.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(one.as_row() for one in complaints)
    return report
