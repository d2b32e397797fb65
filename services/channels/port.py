"""What every channel with a format of its own can be asked: ask, send, read.

Only the middle touches the network. A push is a hint and nothing more: whatever it says, the
order is fetched, and what is fetched goes raw into `order.received`. What a fetched order means
is told by pure functions (`services/channels/formats.py`), which intake reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.channels.neutral import NoticePayload, OrderPayload


class ChannelUnreachable(Exception):
    """The channel did not answer, or not in a way that says anything: ask again later."""


class ChannelDenied(Exception):
    """The channel refused our credentials. `ocop keys seal` gives it new ones; until then, wait."""


class UnreadablePush(Exception):
    """A push whose signature is right and whose body is not what the channel documents."""


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """How we are known at one channel: nothing here is secret.

    `push_url` is the address the channel has on record for us, byte for byte.
    """

    base_url: str
    app_id: str = ""
    push_url: str = ""
    timeout_s: float = 15.0
    connections: int = 16
    details: Mapping[str, str] = field(default_factory=dict)
    """What the channel's documents leave open, as agreed with it."""


class Secrets(Protocol):
    """The channels' secrets as they are now, the newest first; they may change between two calls."""

    def of_app(self, channel: str) -> Sequence[str]:
        """Our secrets as an application of the channel: at most two while they are rotated."""

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        """A shop's access tokens or keys, in the channel's own form."""


# ---- pushes


@dataclass(frozen=True, slots=True)
class PushTrust:
    """What a channel's pushes are checked against; `secrets` as bytes, any of them may be the one."""

    secrets: tuple[bytes, ...] = field(repr=False)
    app_id: str = ""
    push_url: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to an order of a shop.

    `about` is everything that tells this hint from the next one about the same order (its kind,
    status, update time): repeats are dropped by it, and a newer hint never is. `at` is the update
    time it names, if it does: what is fetched must not be older.
    """

    shop: str
    number: str
    about: str
    at: datetime | None = None


class Push(Protocol):
    """A channel's pushes, pure. One object serves every request."""

    def verify(self, raw: bytes, headers: Mapping[str, str], trust: PushTrust) -> bool:
        """Whether the raw bytes are signed with one of the secrets, in constant time."""

    def hints(self, raw: bytes) -> tuple[Hint, ...]:
        """The orders to look at; none for pushes about other things. Raises UnreadablePush."""

    def notice(self, raw: bytes) -> str | None:
        """What a person should know, such as an authority that ends. Raises UnreadablePush."""


# ---- what a raw order means


class Effect(StrEnum):
    """What a channel's status does to our order (`channel_status_map.csv`)."""

    CREATE = "create"
    WAIT = "wait"
    HOLD = "hold"
    CANCEL_REQUEST = "cancel_request"
    CANCEL = "cancel"
    RETURN = "return"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is to be done: not paid yet, or the channel's own side of what we know already."""

    effect: Effect
    status: str


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A status that `channel_status_map.csv` does not have: kept, counted, never guessed."""

    status: str


Reading: TypeAlias = "OrderPayload | NoticePayload | Nothing | Unmapped"


class Read(Protocol):
    """A raw order as `order.received` holds it, understood. Pure.

    `shop` is whose credentials fetched it, and so the `seller_ref`. Raises PayloadInvalid and
    nothing else, whatever the bytes.
    """

    def __call__(self, raw: bytes, shop: str, /) -> Reading:
        """What the channel's status makes of the order."""


# ---- calls


@dataclass(frozen=True, slots=True)
class PackageState:
    """One of the platform's own packages: its number and its logistics status, raw, as of `at`."""

    number: str
    status: str
    at: datetime
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An order as the channel has it now. `body` goes into the log as it is.

    `at` is the channel's own update time of it.
    """

    number: str
    body: bytes = field(repr=False)
    at: datetime
    packages: tuple[PackageState, ...] = ()
    state: str = ""
    """Where the channel does not say when an order changed: what tells this state from the next.

    `at` is then the time of asking.
    """


@dataclass(frozen=True, slots=True)
class Missing:
    """The channel has no such order (yet)."""

    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A line of a listing: an order that changed, and when if the listing says so."""

    number: str
    at: datetime | None = None
    state: str = ""
    """See Fetched.state: an order that is in the log in this state is not fetched again."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of changed orders. `token` asks for the next one; None: it was the last.

    `now` is the time it is at the channel, if the answer says so: the cursor follows that clock.
    """

    changes: tuple[Change, ...]
    token: str | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a channel keeps for us until we confirm it: an event queue, or lost pushes.

    `receipt` confirms these hints and no others; `more`: ask again at once.
    """

    hints: tuple[Hint, ...]
    receipt: str | None = None
    more: bool = False


class Milestone(StrEnum):
    """What a channel may be told about an order, once each."""

    ARRANGED = "arranged"
    TRACKING_NUMBER = "tracking_number"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Report:
    """One milestone of one order."""

    shop: str
    number: str
    milestone: Milestone
    at: datetime
    carrier: str | None = None
    tracking_no: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The channel took the report, or knew it already."""


@dataclass(frozen=True, slots=True)
class NotTold:
    """The channel will not have it, for a reason that does not pass: a person looks."""

    reason: str


class ChannelApi(Protocol):
    """The channel's calls. Each raises ChannelUnreachable or ChannelDenied.

    A call a channel does not have is not listed in its row of the directory and is never made.
    """

    def can_ask(self, shop: str) -> bool:
        """Whether we have what it takes to ask about this shop's orders."""

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        """One order, whole."""

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:
        """Orders that changed in this time, both ends included."""

    async def waiting(self) -> Waiting:
        """What is kept for us, the oldest first."""

    async def confirm(self, receipt: str) -> None:
        """Forget what `receipt` is for: it is durable here."""

    async def report(self, report: Report) -> Told | NotTold:
        """Tell the channel. Repeats must be harmless."""

    async def close(self) -> None:
        """Close every connection."""


@dataclass(frozen=True, slots=True)
class Polling:
    """How a channel is asked for changed orders.

    `overlap`: looked at again every time, for what became visible late. `widest`: the longest time
    one question may cover.
    """

    every_s: float = 60.0
    overlap: timedelta = timedelta(minutes=5)
    widest: timedelta = timedelta(days=15)
