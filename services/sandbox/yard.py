"""A carrier's parcels, from the order to their end, on the carrier's clock."""

from __future__ import annotations

import asyncio
import hashlib
import random
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from services.sandbox.options import VIETNAM_TIME
from services.sandbox.prices import freight_vnd
from services.sandbox.statement import NO_ENDS, Ends, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.sandbox.clock import Clock
    from services.sandbox.options import Lives, Options
    from services.sandbox.plans import Step

NAMESPACE: Final = uuid.UUID("b7c0a5b2-3f0e-4a53-9d0c-5f9a3c1e7d10")


@dataclass(slots=True)
class Parcel:
    """One parcel as the carrier keeps it. `at` is when its newest event happened (aware)."""

    number: str
    reference: str
    carrier_ref: str
    service: str
    weight_g: int
    cod_vnd: int
    freight_vnd: int
    recipient: str
    at: datetime
    code: str
    plan: deque[Step] = field(default_factory=deque)
    returning: bool = False
    history: list[tuple[datetime, str]] = field(default_factory=list)
    """When what happened to it, oldest first."""
    timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether anything is still to come."""
        return self.timer is not None


@dataclass(frozen=True, slots=True)
class Manner:
    """How one carrier does things."""

    plan: Callable[[random.Random, Lives], list[Step]]
    number: Callable[[int], str]
    first_code: str
    """Status of an order nobody has touched."""
    ends: Ends = NO_ENDS
    """Where a parcel's money comes to its end."""


class Yard:
    """Takes orders on, lets parcels live, and tells `announce` of every step."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        manner: Manner,
        announce: Callable[[Parcel, Step], None],
    ) -> None:
        self.options = options
        self.clock = clock
        self.totals: Counter[str] = Counter()
        self.by_number: dict[str, Parcel] = {}
        self.by_reference: dict[str, list[Parcel]] = {}
        self.by_carrier_ref: dict[str, Parcel] = {}
        self._asked: Counter[str] = Counter()
        self._manner = manner
        self._announce = announce

    def set_clock(self, now: datetime, speed: float | None) -> None:
        """Set the clock; once there are parcels it is never put back."""
        self.clock.set(max(now, self.clock.now()) if self.by_number else now, speed)

    def chance(self, *about: str) -> random.Random:
        """Chance that is the same for the same thing, in whatever order things come."""
        return random.Random("|".join((str(self.options.seed), *about)))

    def refuses(self, reference: str) -> bool:
        """Whether this carrier will not have the parcel; asked again, it may think better of it.

        A refusal after an answer that was lost proves nothing to us. A carrier that never changed
        its mind would leave such a booking in doubt until a person settles it.
        """
        asked = self._asked[reference]
        self._asked[reference] += 1
        about = (reference, "refused", *([str(asked)] if asked else []))
        refused = self.chance(*about).random() < self.options.mischief.refused
        self.totals["refused"] += refused
        return refused

    def accept(
        self,
        reference: str,
        *,
        service: str,
        weight_g: int,
        cod_vnd: int,
        price_vnd: int | None = None,
        recipient: str = "",
        at: datetime | None = None,
        number: str | None = None,
    ) -> Parcel:
        """Take a parcel on, for the usual price if none is given; its life begins at `at`, else now.

        `number`: one that the sender gave it.
        """
        copy = len(self.by_reference.get(reference, ()))
        parcel = Parcel(
            number=number or self._new_number(reference, copy),
            reference=reference,
            carrier_ref=str(uuid.uuid5(NAMESPACE, f"{reference}|{copy}")),
            service=service,
            weight_g=weight_g,
            cod_vnd=cod_vnd,
            freight_vnd=freight_vnd(weight_g) if price_vnd is None else price_vnd,
            recipient=recipient,
            at=(at or self.clock.now()).astimezone(VIETNAM_TIME),
            code=self._manner.first_code,
        )
        parcel.history.append((parcel.at, parcel.code))
        self.by_number[parcel.number] = parcel
        self.by_carrier_ref[parcel.carrier_ref] = parcel
        self.by_reference.setdefault(reference, []).append(parcel)
        self.totals["booked"] += 1
        self.lead(parcel, self._manner.plan(self.chance(reference, "life"), self.options.lives))
        return parcel

    def lead(self, parcel: Parcel, plan: Iterable[Step]) -> None:
        """Give a parcel another future."""
        if parcel.timer is not None:
            parcel.timer.cancel()
            parcel.timer = None
        parcel.plan = deque(plan)
        self._await_next(parcel)

    def happen(self, parcel: Parcel, step: Step) -> None:
        """Let something happen to a parcel now, and tell of it."""
        parcel.at += timedelta(hours=step.after_h)
        parcel.code = step.code if step.moves else parcel.code
        parcel.history.append((parcel.at, step.code))
        parcel.returning = parcel.returning or step.returning
        self.totals[f"status_{step.code}"] += 1
        self._announce(parcel, step)

    def find(self, code: str) -> Parcel | None:
        """A parcel by its number, or the newest under a reference."""
        if code in self.by_number:
            return self.by_number[code]
        named = self.by_reference.get(code)
        return named[-1] if named else None

    def statement(self) -> str:
        """The carrier's statements so far, as CSV."""
        return statement(self, self._manner.ends)

    def open_parcels(self) -> int:
        """How many parcels have not come to their end."""
        return sum(parcel.open for parcel in self.by_number.values())

    def close(self) -> None:
        """Let nothing more happen."""
        for parcel in self.by_number.values():
            if parcel.timer is not None:
                parcel.timer.cancel()
                parcel.timer = None

    def _await_next(self, parcel: Parcel) -> None:
        if parcel.plan:
            loop = asyncio.get_running_loop()
            wait = self.clock.real_seconds(parcel.plan[0].after_h)
            parcel.timer = loop.call_later(wait, self._next, parcel)

    def _next(self, parcel: Parcel) -> None:
        parcel.timer = None
        step = parcel.plan.popleft()
        self.happen(parcel, step)
        self._await_next(parcel)

    def _new_number(self, reference: str, copy: int) -> str:
        for salt in range(1_000):
            seed = f"{self.options.seed}|{reference}|{copy}|{salt}".encode()
            serial = int.from_bytes(hashlib.sha256(seed).digest()[:8])
            number = self._manner.number(serial)
            if number not in self.by_number:
                return number
        raise RuntimeError("this sandbox has run out of numbers")


def eleven_digits(serial: int) -> str:
    """A waybill as Viettel Post writes them."""
    return str(10_000_000_000 + serial % 89_999_999_999)


def s10(serial: int, service: str = "CA", country: str = "VN") -> str:
    """An S10 item identifier (UPU): two letters, eight digits, check digit, country."""
    digits = f"{serial % 100_000_000:08d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, S10_WEIGHTS, strict=True))
    check = 11 - total % 11
    return f"{service}{digits}{ {10: 0, 11: 5}.get(check, check) }{country}"


S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
