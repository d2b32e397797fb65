"""Progress bars on standard error; nothing of it where nobody looks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import TaskID


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    progress: Progress
    task: TaskID

    def at(self, done: int) -> None:
        """So much is done."""
        self.progress.update(self.task, completed=done)

    def advance(self, more: int) -> None:
        """So much more is done."""
        self.progress.advance(self.task, more)


class Bars:
    """The bars of a measurement, one at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, words: str) -> None:
        """One line that stays."""
        self._console.print(words, highlight=False)

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Bar]:
        """A bar while it lasts; what it came to stays on the screen."""
        columns = (
            TextColumn("  {task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(what, total=total)
            yield Bar(progress, task)
            if total is not None:
                progress.update(task, completed=total)
