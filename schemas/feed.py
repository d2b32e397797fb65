"""The seller feed: a numbered sequence without gaps, one a seller."""

from typing import ClassVar

from pydantic import PositiveInt
from typing_extensions import override

from schemas.event import Event
from schemas.status import OrderStatusChanged


class FeedAppended(Event):
    """Entry `number` of a seller's feed. `version` equals `number`."""

    topic_name: ClassVar[str] = "feed.appended.v1"

    seller_id: str
    number: PositiveInt
    change: OrderStatusChanged

    @property
    @override
    def key(self) -> str:
        return self.seller_id

    @property
    @override
    def entity(self) -> str:
        return self.seller_id
