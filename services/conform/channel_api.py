"""The exam at a channel's door: signed calls, listings, one order, what it keeps for us.

It changes nothing: reports are not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from services.channels.formats import READINGS
from services.channels.invalid import PayloadInvalid
from services.channels.port import ChannelDenied, ChannelUnreachable, Fetched, Missing
from services.conform.verdict import Verdict, failed, not_offered, passed
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.channels.directory import ChannelInterface
    from services.channels.port import ChannelAccount, ChannelApi

NO_SUCH_ORDER: Final = "000000000000"
A_DAY: Final = timedelta(days=1)
A_YEAR: Final = timedelta(days=366)
CREDENTIALS: Final = "check the application's and the shop's secrets, and the clock of this machine"
LISTING: Final = "the listing must answer for the shop and the time asked for"


@dataclass(frozen=True, slots=True)
class GivenSecrets:
    """The secrets an exam is given: the application's and one shop's."""

    app: tuple[str, ...] = ()
    shop: tuple[str, ...] = ()

    def of_app(self, _channel: str) -> Sequence[str]:
        """See services.channels.port.Secrets."""
        return self.app

    def of_shop(self, _channel: str, _shop: str) -> Sequence[str]:
        """See services.channels.port.Secrets."""
        return self.shop


WRONG: Final = GivenSecrets(("wrong",), ("wrong",))


async def examine_channel(
    interface: ChannelInterface, account: ChannelAccount, given: GivenSecrets, shop: str
) -> list[Verdict]:
    """Every call that reads, for one shop that has at least one order of the last days.

    Raises OperatorError if nobody answers.
    """
    api, stranger = interface.connect(account, given), interface.connect(account, WRONG)
    try:
        return [verdict async for verdict in _cases(interface, api, stranger, shop)]
    except ChannelUnreachable as error:
        raise OperatorError(
            f"Nobody answers for {interface.name} at {account.base_url}: {error}."
        ) from error
    finally:
        await api.close()
        await stranger.close()


async def _cases(
    interface: ChannelInterface, api: ChannelApi, stranger: ChannelApi, shop: str
) -> AsyncIterator[Verdict]:
    yield await _strangers(stranger, shop)
    listed = "changed orders are listed"
    if interface.polls is None:
        yield not_offered(listed)
        return
    try:
        numbers = await _listed(api, shop, interface.polls.widest)
    except ChannelDenied as error:
        yield failed(listed, str(error), CREDENTIALS)
        return
    if not numbers:
        yield failed(listed, "no order at all", LISTING)
        return
    yield passed(listed, f"{len(numbers)} orders")
    yield await _read(interface.name, api, shop, numbers[0])
    yield await _missing(api, shop)
    yield await _kept(interface, api)


async def _strangers(stranger: ChannelApi, shop: str) -> Verdict:
    case = "a call with wrong credentials is refused"
    try:
        answer = await stranger.fetch(shop, NO_SUCH_ORDER)
    except ChannelDenied as error:
        return passed(case, str(error))
    return failed(case, repr(answer), "signatures and tokens must be checked")


async def _listed(api: ChannelApi, shop: str, widest: timedelta) -> list[str]:
    """The orders of the newest time one question may cover, by the channel's own clock."""
    until = datetime.now(UTC) + A_DAY
    page = await api.page(shop, until - A_DAY, until, None)
    until = (page.now or datetime.now(UTC)) + A_DAY
    numbers: list[str] = []
    token: str | None = None
    while True:
        page = await api.page(shop, until - min(widest, A_YEAR), until, token)
        numbers += [change.number for change in page.changes]
        token = page.token
        if token is None:
            return numbers


async def _read(channel: str, api: ChannelApi, shop: str, number: str) -> Verdict:
    case = "an order is given whole, and can be read"
    answer = await api.fetch(shop, number)
    if not isinstance(answer, Fetched):
        return failed(case, repr(answer), "an order that is listed must be there")
    try:
        reading = READINGS[channel](answer.body, shop)
    except PayloadInvalid as invalid:
        return failed(case, f"{invalid.code}: {invalid.reason}", "send the documented fields")
    return passed(case, f"{number}: {type(reading).__name__}")


async def _missing(api: ChannelApi, shop: str) -> Verdict:
    case = "an order that is not there is said to be missing"
    answer = await api.fetch(shop, NO_SUCH_ORDER)
    if isinstance(answer, Missing):
        return passed(case, answer.why)
    return failed(case, f"an order {answer.number}", "answer for the number that was asked")


async def _kept(interface: ChannelInterface, api: ChannelApi) -> Verdict:
    case = "what is kept for us is given until it is confirmed"
    if interface.drains_every_s is None:
        return not_offered(case)
    first, again = await api.waiting(), await api.waiting()
    told = {(hint.number, hint.about) for hint in first.hints}
    if told <= {(hint.number, hint.about) for hint in again.hints}:
        return passed(case, f"{len(told)} waiting")
    return failed(case, "gone without a confirmation", "keep events until they are confirmed")
