"""What Shopee's and Lazada's calls do alike: our app's secret signs them, a shop's token opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.channels.http import ChannelLine
from services.channels.invalid import PayloadInvalid
from services.channels.port import ChannelUnreachable, NotTold

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from services.channels.port import ChannelAccount, Report, Secrets

    Order = TypeVar("Order")


class SignedCalls:
    """A line, an account and its secrets. `name`: the channel; `title`: what people call it."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, account: ChannelAccount, secrets: Secrets) -> None:
        self._account = account
        self._secrets = secrets
        self._line = ChannelLine(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )

    def can_ask(self, shop: str) -> bool:
        """Our app's secret and a token of the shop."""
        return bool(self._secrets.of_app(self.name) and self._secrets.of_shop(self.name, shop))

    async def report(self, report: Report) -> NotTold:
        """No call is documented to us: the marketplace learns from its own logistics."""
        return NotTold(f"{self.title} has no call for {report.milestone}")

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()


def found_in(body: bytes, parsed: Callable[[bytes], Order]) -> Order:
    """The order in an answer. Raises ChannelUnreachable where it is none."""
    try:
        return parsed(body)
    except PayloadInvalid as invalid:
        raise ChannelUnreachable(f"an order that is none: {invalid}") from invalid
