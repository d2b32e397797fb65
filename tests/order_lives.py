"""Whole lives of orders as the stages may tell them, drawn by chance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from schemas.tracking import CodState, TrackingStatus
from tests.order_facts import (
    ORDER,
    PLACED_AT,
    a_booking,
    a_cash_state,
    a_parcel,
    a_placed_order,
    a_routed_shipment,
    a_routing,
    a_tracking_state,
    a_void,
    an_amended_order,
    on_a_manifest,
)
from tests.status_facts import (
    a_cancel_request,
    a_packing_start,
    a_refused_booking,
    a_refused_void,
    goods_received_back,
    holds,
    quiet_since,
    releases,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from random import Random

    from schemas.event import Event
    from schemas.intake import StageName

S = TrackingStatus
FOLLOWING: Final[dict[TrackingStatus, tuple[TrackingStatus, ...]]] = {
    S.CREATED: (S.PICKUP_IN_PROGRESS, S.PICKED_UP, S.CANCELLED),
    S.PICKUP_IN_PROGRESS: (S.PICKUP_FAILED, S.PICKED_UP, S.CANCELLED),
    S.PICKUP_FAILED: (S.PICKUP_IN_PROGRESS, S.CANCELLED),
    S.PICKED_UP: (S.IN_TRANSIT,),
    S.IN_TRANSIT: (S.OUT_FOR_DELIVERY, S.OUT_FOR_DELIVERY, S.WRITTEN_OFF, S.EXCEPTION),
    S.EXCEPTION: (S.IN_TRANSIT,),
    S.OUT_FOR_DELIVERY: (S.DELIVERED, S.DELIVERED, S.DELIVERY_FAILED),
    S.DELIVERY_FAILED: (S.OUT_FOR_DELIVERY, S.RETURN_PENDING),
    S.RETURN_PENDING: (S.RETURNING, S.IN_TRANSIT),
    S.RETURNING: (S.RETURNED,),
    S.DELIVERED: (S.RETURNING,),
    S.RETURNED: (),
    S.WRITTEN_OFF: (),
    S.CANCELLED: (),
}
"""What a carrier may say next."""


class Booking:
    """A live or dead booking of a parcel in a `Life`."""

    def __init__(self, parcel: str, attempt: int) -> None:
        self.parcel, self.attempt = parcel, attempt
        self.status = S.CREATED
        self.version = 0
        self.cash = 0
        self.times: dict[str, Any] = {}

    @property
    def is_gone(self) -> bool:
        return "handed_over_at" in self.times


class Life:
    """An order's life as the stages may tell it, by chance; every step is a legal one.

    `events`: all of it in the order it happened. `told`: names of the steps, for failing tests.
    """

    def __init__(self, chance: Random, order: str = ORDER) -> None:
        self.chance, self.order = chance, order
        self.events: list[Event] = []
        self.intake_version = 0
        self.content = 0
        self.held: dict[str, int] = {}
        self.stage_versions: dict[str, int] = {}
        self.routed_for = 0
        self.routings = 0
        self.shipments = [f"{order}/{n}" for n in range(1, chance.choice((2, 3)))]
        self.started: set[str] = set()
        self.to_pack: list[tuple[str, int]] = []
        self.packed: list[str] = []
        self.attempts: dict[str, int] = {}
        self.bookings: dict[str, Booking] = {}
        self.answered: set[str] = set()
        self.cancel_requested = False
        self.manifests: dict[str, tuple[str, int]] = {}
        self.signed: set[str] = set()

    def live(self, steps: int) -> list[Event]:
        """That many steps, or until nothing more can happen."""
        for _ in range(steps):
            possible = [step for step in self._steps() if step is not None]
            if not possible:
                break
            self.chance.choice(possible)()
        return self.events

    def now(self) -> datetime:
        return PLACED_AT + timedelta(hours=len(self.events))

    def _steps(self) -> Iterable[Callable[[], None] | None]:
        if self.to_pack:
            return [self._pack, self._request_cancel if self._may_cancel() else None]
        at_rest = not self.packed and not self.started
        booked = [one for one in self.bookings.values() if FOLLOWING[one.status]]
        return [
            self._place if not self.content and "intake" not in self.held else None,
            self._hold if self.chance.random() < 0.2 else None,
            self._release if self.held else None,
            self._amend if self.content and at_rest and self.chance.random() < 0.2 else None,
            self._route if self.routed_for < self.content and at_rest else None,
            self._start if self.routed_for == self.content > 0 and not self._all_begun() else None,
            self._book if self._unbooked() else None,
            self._refuse_booking if self._unbooked() and self.chance.random() < 0.3 else None,
            *([self._track] * 3 if booked else []),
            self._request_cancel if self._may_cancel() else None,
            self._answer_void if self.cancel_requested and self._unanswered() else None,
            self._list if self._to_list() and self.chance.random() < 0.4 else None,
            self._strike_off if self._listed() and self.chance.random() < 0.2 else None,
            self._sign if self._listed() and self.chance.random() < 0.6 else None,
            self._fall_quiet if self._returned() and self.chance.random() < 0.3 else None,
            self._move_cash if self._returned() else None,
            self._receive_back if self.chance.random() < 0.2 and self._returned() else None,
        ]

    def _all_begun(self) -> bool:
        return self.cancel_requested or self.started >= set(self.shipments)

    def _may_cancel(self) -> bool:
        is_known = bool(self.content or self.stage_versions)
        return is_known and not self.cancel_requested and self.chance.random() < 0.1

    def _unbooked(self) -> list[str]:
        dead = (S.CANCELLED,)
        return [
            parcel
            for parcel in self.packed
            if parcel not in self.answered
            and (parcel not in self.bookings or self.bookings[parcel].status in dead)
        ]

    def _unanswered(self) -> list[str]:
        gone = {one.parcel for one in self.bookings.values() if one.is_gone}
        return [one for one in self.packed if one not in self.answered and one not in gone]

    def _returned(self) -> bool:
        return any(one.status in (S.RETURNED, S.DELIVERED) for one in self.bookings.values())

    def _next(self) -> int:
        self.intake_version += 1
        return self.intake_version

    def _place(self) -> None:
        self.content = self._next()
        self.events.append(a_placed_order(self.order, version=self.content))

    def _amend(self) -> None:
        self.content = self._next()
        self.events.append(an_amended_order(self.order, version=self.content))

    def _hold(self) -> None:
        stage: StageName = self.chance.choice(("intake", "routing", "packing"))
        self.held[stage] = version = self._stage_version(stage)
        self.events.append(holds(stage, version, order=self.order, when=self.now()))

    def _release(self) -> None:
        stage = self.chance.choice(sorted(self.held))
        del self.held[stage]
        version = self._stage_version(stage)
        self.events.append(releases(stage, version, self.order, self.now()))  # type: ignore[arg-type]

    def _stage_version(self, stage: str) -> int:
        version = self._next() if stage == "intake" else self.stage_versions.get(stage, 0) + 1
        self.stage_versions[stage] = version
        return version

    def _route(self) -> None:
        self.routed_for, self.routings = self.content, self.routings + 1
        routing = a_routing(
            *(a_routed_shipment(one) for one in self.shipments),
            order=self.order,
            when=self.now(),
            version=self.routings,
        )
        self.events.append(routing.model_copy(update={"based_on": self.content}))

    def _start(self) -> None:
        shipment = self.chance.choice(sorted(set(self.shipments) - self.started))
        self.started.add(shipment)
        self.events.append(a_packing_start(shipment, self.now()))
        count = self.chance.choice((1, 2))
        if self.chance.random() < 0.9:
            self.to_pack = [(f"{shipment}/{n}", count) for n in range(1, count + 1)]

    def _pack(self) -> None:
        parcel, count = self.to_pack.pop(0)
        self.packed.append(parcel)
        self.events.append(a_parcel(parcel, self.now(), parcel_count=count))

    def _book(self) -> None:
        parcel = self.chance.choice(self._unbooked())
        attempt = self._attempt(parcel)
        self.bookings[parcel] = Booking(parcel, attempt)
        self.events.append(a_booking(parcel, self.now(), attempt))

    def _refuse_booking(self) -> None:
        parcel = self.chance.choice(self._unbooked())
        self.events.append(a_refused_booking(parcel, self._attempt(parcel), self.now()))

    def _attempt(self, parcel: str) -> int:
        self.attempts[parcel] = self.attempts.get(parcel, 0) + 1
        return self.attempts[parcel]

    def _track(self) -> None:
        moving = [one for one in self.bookings.values() if FOLLOWING[one.status]]
        booking = self.chance.choice(moving)
        status = self.chance.choice(FOLLOWING[booking.status])
        courier_says = status is S.DELIVERY_FAILED and self.chance.random() < 0.5
        booking.status, booking.version = status, booking.version + 1
        if status is S.PICKED_UP:
            booking.times["handed_over_at"] = self.now()
        if status is S.DELIVERED:
            booking.times["delivered_at"] = self.now()
        if status is S.RETURNED:
            booking.times["returned_at"] = self.now()
        self.events.append(
            a_tracking_state(
                status,
                self.now(),
                booking.version,
                booking.parcel,
                attempt=booking.attempt,
                provisional=courier_says,
                **booking.times,
            )
        )

    def _to_list(self) -> list[str]:
        return [
            parcel
            for parcel, booking in self.bookings.items()
            if parcel not in self.manifests and not booking.is_gone and parcel not in self.answered
        ]

    def _listed(self) -> list[str]:
        return [parcel for parcel in self.manifests if parcel not in self.signed]

    def _list(self) -> None:
        parcel = self.chance.choice(self._to_list())
        self.manifests[parcel] = (f"MF{len(self.events):08}", self.bookings[parcel].attempt)
        self._tell_manifest(parcel, parcel, version=1)

    def _strike_off(self) -> None:
        parcel = self.chance.choice(self._listed())
        self._tell_manifest(parcel, version=2)
        del self.manifests[parcel]

    def _sign(self) -> None:
        parcel = self.chance.choice(self._listed())
        self.signed.add(parcel)
        self._tell_manifest(parcel, parcel, version=2, signed=self.now())

    def _tell_manifest(self, about: str, *parcels: str, **changes: Any) -> None:
        manifest_no, attempt = self.manifests[about]
        changes |= {"manifest_no": manifest_no, "attempt": attempt, "order": self.order}
        self.events.append(on_a_manifest(*parcels, when=self.now(), **changes))

    def _fall_quiet(self) -> None:
        newest = max(event.occurred_at for event in self.events)
        self.events.append(quiet_since(newest, self.order))

    def _move_cash(self) -> None:
        ended = [one for one in self.bookings.values() if one.status in (S.RETURNED, S.DELIVERED)]
        booking = self.chance.choice(ended)
        back = booking.status is S.RETURNED
        states = [CodState.VOID] if back else [CodState.COLLECTED, CodState.PAID_OUT]
        booking.cash += 1
        cash = a_cash_state(
            self.chance.choice(states), booking.cash, booking.parcel, attempt=booking.attempt
        )
        self.events.append(cash.model_copy(update={"occurred_at": self.now()}))

    def _request_cancel(self) -> None:
        self.cancel_requested = True
        self.events.append(a_cancel_request(self._next(), self.order, self.now()))

    def _answer_void(self) -> None:
        parcel = self.chance.choice(self._unanswered())
        self.answered.add(parcel)
        booking = self.bookings.get(parcel)
        is_dead = booking is None or booking.status is S.CANCELLED
        if not is_dead and self.chance.random() < 0.3:
            attempt = self.attempts[parcel]
            self.events.append(a_refused_void(parcel, attempt, self.now()))
        else:
            self.events.append(
                a_void(parcel, None if is_dead else self.attempts[parcel], self.now())
            )

    def _receive_back(self) -> None:
        back = goods_received_back(self._next(), order=self.order, when=self.now())
        self.events.append(back)
