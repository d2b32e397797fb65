"""What packing knows of an order from others; the same in whatever order facts come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.intake import OrderHeld, OrderReleased
from schemas.status import OrderCancelled

if TYPE_CHECKING:
    from schemas.intake import OrderEvent
    from services.store.packing import StoredOrder
    from streams.runtime.stage import Record

OURS: Final = "packing"


@dataclass(slots=True)
class Order:
    """One order while a batch is worked on. `cause`: the record that touched it last."""

    stored: StoredOrder
    cause: Record
    is_touched: bool = False
    is_released: bool = False

    def take(self, event: OrderEvent) -> bool:
        """Take one fact in; False if it was known."""
        match event:
            case OrderCancelled():
                is_news = not self.stored.cancelled
                self.stored.cancelled = True
            case OrderHeld() | OrderReleased() if event.stage == OURS:
                return True
            case OrderHeld():
                is_news = self._keep(event.stage, event.version, held=True)
            case OrderReleased():
                is_call = self._release(event)
                is_news = self._keep(event.stage, event.version, held=False) or is_call
            case _:
                raise TypeError(f"packing does not read {type(event).__name__}")
        if is_news:
            self.is_touched = True
            self.stored.blocked = self.stored.cancelled or any(
                word["held"] for word in self._words().values()
            )
        return is_news

    def holders(self) -> list[str]:
        """The other stages that hold the order."""
        return sorted(stage for stage, word in self._words().items() if word["held"])

    def _words(self) -> dict[str, Any]:
        words: dict[str, Any] = orjson.loads(self.stored.holds)
        return words

    def _keep(self, stage: str, version: int, *, held: bool) -> bool:
        """Of a stage's words the newest counts."""
        words = self._words()
        if stage in words and words[stage]["version"] >= version:
            return False
        words[stage] = {"version": version, "held": held}
        self.stored.holds = orjson.dumps(words).decode()
        return True

    def _release(self, event: OrderReleased) -> bool:
        """Intake's release is a person's call to look again: it settles our own older holds.

        It counts as a call even where a newer hold of intake overtook it.
        """
        if event.stage != "intake" or event.version <= self.stored.released_version:
            return False
        self.stored.released_version = event.version
        self.stored.released_at = event.occurred_at
        self.stored.released_by, self.stored.released_why = event.by, event.why
        self.is_released = True
        return True
