"""The exam at our door: what the gateway answers to a partner's good and bad requests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import aiohttp

from services.conform.sender import Event, Sender, Wire
from services.conform.verdict import Verdict, failed, not_offered, passed
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT_S: Final = 15.0
UNAUTHORISED: Final = 401
TOO_LARGE: Final = 413
GARBAGE: Final = b"\xff\xfe\x00 not what was agreed"

SIGNATURE: Final = "compare the secret, and what exactly is signed: the raw bytes as they are sent"
THEIRS: Final = "the gateway took what it should not: tell us"
DURABLE: Final = "a 503 means: send it again; anything else, tell us with the answer's detail"


async def examine_gateway(url: str, sender: Sender) -> list[Verdict]:
    """Every case, in order, with numbers of its own.

    Raises OperatorError if nobody answers at `url`.
    """
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        exam = _Exam(url.rstrip("/"), sender, session)
        return [verdict async for verdict in exam.cases()]


class _Exam:
    def __init__(self, url: str, sender: Sender, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._sender = sender
        self._session = session
        self._now = datetime.now(UTC).replace(microsecond=0)

    async def cases(self) -> AsyncIterator[Verdict]:
        """One verdict after the other."""
        for case in (self._good, self._bad):
            async for verdict in case():
                yield verdict

    async def _good(self) -> AsyncIterator[Verdict]:
        sender, accepted = self._sender, self._sender.accepted
        number = self._number()
        later = sender.write(Event(number, sender.later, self._now))
        earlier = sender.write(Event(number, sender.earlier, self._now - timedelta(hours=2)))
        yield await self._expect("a good body is taken", sender.sign(earlier), accepted, SIGNATURE)
        yield await self._expect(
            "the same body again is taken, and has no second effect",
            sender.sign(earlier),
            accepted,
            DURABLE,
        )
        yield await self._expect("a later event is taken", sender.sign(later), accepted, DURABLE)
        yield await self._expect(
            "an event that comes after its successor is taken",
            sender.sign(sender.write(Event(number, sender.earlier, self._now))),
            accepted,
            DURABLE,
        )
        unknown = sender.write(Event(self._number(), sender.unknown, self._now))
        yield await self._expect(
            "an unknown code is taken: it is kept, shown as unmapped and never guessed",
            sender.sign(unknown),
            accepted,
            DURABLE,
        )
        yield await self._undated()

    async def _undated(self) -> Verdict:
        sender = self._sender
        case = "a time that cannot be read, or has no zone where one is needed, is not guessed"
        if sender.spoil_time is None:
            return not_offered(case)
        raw = sender.spoil_time(sender.write(Event(self._number(), sender.earlier, self._now)))
        advice = "write times as documented; a strict format refuses others with 422"
        return await self._expect(case, sender.sign(raw), sender.undated, advice)

    async def _bad(self) -> AsyncIterator[Verdict]:
        sender = self._sender
        raw = sender.write(Event(self._number(), sender.earlier, self._now))
        yield await self._expect(
            "a bad signature is refused", sender.forge(raw), UNAUTHORISED, THEIRS
        )
        yield await self._expect("no signature is refused", Wire(raw), UNAUTHORISED, THEIRS)
        yield await self._signed_differently(raw)
        yield await self._replayed(raw)
        yield await self._expect("unsigned garbage is refused", Wire(GARBAGE), UNAUTHORISED, THEIRS)
        yield await self._garbage()
        large = b"[" + b" " * sender.most_bytes + b"]"
        yield await self._expect(
            f"more than {sender.most_bytes:,} bytes are refused before they are read",
            Wire(large),
            TOO_LARGE,
            THEIRS,
        )

    async def _signed_differently(self, raw: bytes) -> Verdict:
        """The signature of one body on another one, where the signature is over the body."""
        case = "a signature does not hold for another body"
        signed, other = self._sender.sign(raw), raw + b" "
        if signed.headers == self._sender.sign(other).headers or signed.query:
            return not_offered(case)
        wire = Wire(other, signed.headers)
        return await self._expect(case, wire, UNAUTHORISED, THEIRS)

    async def _replayed(self, raw: bytes) -> Verdict:
        case = "a signature an hour old is refused"
        if self._sender.stale is None:
            return not_offered(case)
        return await self._expect(case, self._sender.stale(raw), UNAUTHORISED, THEIRS)

    async def _garbage(self) -> Verdict:
        case = "signed garbage breaks nothing: it is kept as a dead letter, or refused"
        if self._sender.unreadable is None:
            return not_offered(case)
        # Text, so that a signature over it can be checked; JSON of nobody's format.
        wire = self._sender.sign(b'{"not": "what was agreed"}')
        return await self._expect(case, wire, self._sender.unreadable, DURABLE)

    async def _expect(self, case: str, wire: Wire, status: int, advice: str) -> Verdict:
        address = self._url + self._sender.path + wire.query
        try:
            async with self._session.post(address, data=wire.raw, headers=wire.headers) as answer:
                said = (await answer.text())[:300]
                seen = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OperatorError(
                f"Nobody answers at {self._url} ({type(error).__name__}): is it the gateway's URL?"
            ) from error
        if seen == status:
            return passed(case, f"answered {seen}")
        return failed(case, f"answered {seen} instead of {status}: {said}", advice)

    def _number(self) -> str:
        """A tracking or order number that nobody else has."""
        return str(uuid.uuid4().int)[:15]
