"""The README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.catalogue import TOPICS
from streams.cli.table import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_topic_table_is_the_catalogue() -> None:
    rows = re.findall(
        r"^\| `([a-z_.]+\.v\d+)` \| ([^|]+) \| ([^|]+) \| (\d+) days \| (yes|no) \| ([^|]+) \|$",
        README,
        re.MULTILINE,
    )
    assert rows == [
        (
            topic.name,
            topic.key,
            topic.event.__name__ if topic.event else "raw bytes",
            str(topic.retention_h // 24),
            "yes" if topic.personal_data else "no",
            topic.purpose,
        )
        for topic in TOPICS
    ]


def test_every_command_named_in_the_readme_exists() -> None:
    named = set(re.findall(r"\bocop ([a-z]+)\b", README))
    assert named - {row.name for row in COMMANDS} == set()
