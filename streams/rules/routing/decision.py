"""Decide for a whole order: split, filter, rank, pick; and the same again from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from schemas.ids import shipment_id
from schemas.routing import Refusal, ShipmentLine
from streams.rules.routing.options import Option, make_case, work_out
from streams.rules.routing.platform import FIXED, by_platform
from streams.rules.routing.rank import judged, rank, won_by
from streams.rules.routing.record import Decision, ShipmentDecision
from streams.rules.routing.rules import refusals
from streams.rules.shares import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from schemas.intake import OrderLine
    from services.reference.rule_book import RuleBook
    from streams.rules.routing.options import Case
    from streams.rules.routing.record import CarrierRefusal, Inputs, Ranked


class CapacityLeft(Protocol):
    """Parcels left by `capacity_key`, for every key it is asked."""

    def __getitem__(self, key: str, /) -> int:
        """Parcels left."""


class Looked(dict[str, int]):
    """Capacity left as it was looked up: a decision's record needs no more of it."""

    def __init__(self, source: CapacityLeft) -> None:
        super().__init__()
        self._source = source

    def __missing__(self, key: str) -> int:
        self[key] = self._source[key]
        return self[key]


class Recorded(dict[str, int]):
    """Capacity left as a record has it."""

    def __init__(self, known: Mapping[str, int], book: RuleBook) -> None:
        super().__init__(known)
        self._book = book

    def __missing__(self, key: str) -> int:
        carrier, province, _ = key.split("|")
        return self._book.carriers[carrier].partition_share(province)


def decide(inputs: Inputs, book: RuleBook, capacity_left: CapacityLeft) -> Decision:
    """Decide for every shipment of the order. `capacity_left` must know every key it is asked."""
    looked = Looked(capacity_left)
    moment, decided = inputs.moments[0], list(_shipments(inputs, inputs.moments[0], book, looked))
    for later in inputs.moments[1:]:
        if all(one.ranked for one in decided):
            break
        moment, decided = later, list(_shipments(inputs, later, book, looked))
    return Decision(
        rule_book=book.version,
        decided_at=moment,
        inputs=inputs.model_copy(update={"capacity_left": dict(looked)}),
        shipments=tuple(decided),
        chosen=chosen(decided, inputs.refused, inputs.released_at),
    )


def replay(decision: Decision, book: RuleBook) -> Decision:
    """Decide again from a record, offline. Under the rule book of its version the same comes out.

    Another rule book may look at days the record knows nothing of: they count as empty.
    """
    return decide(decision.inputs, book, Recorded(decision.inputs.capacity_left, book))


def pick_again(
    decision: Decision, refused: tuple[CarrierRefusal, ...], released_at: datetime | None
) -> Decision:
    """The same decision after more carriers' refusals or a release: services keep their rank."""
    update = {"refused": refused, "released_at": released_at}
    return decision.model_copy(
        update={
            "inputs": decision.inputs.model_copy(update=update),
            "chosen": chosen(decision.shipments, refused, released_at),
        }
    )


def chosen(
    shipments: Iterable[ShipmentDecision],
    refused: Sequence[CarrierRefusal],
    released_at: datetime | None,
) -> dict[str, int | None]:
    """The index of each shipment's service, None where no one is left."""
    picks = ((one, standing(one, refused, released_at)) for one in shipments)
    return {one.shipment_id: one.ranked.index(left[0]) if left else None for one, left in picks}


def standing(
    shipment: ShipmentDecision,
    refused: Sequence[CarrierRefusal],
    released_at: datetime | None,
) -> tuple[Ranked, ...]:
    """The services of a shipment that no carrier has refused, best first.

    Once all are refused, a release by a person forgives the refusals before it: somebody has
    talked to the carriers.
    """
    against = {
        (one.carrier, one.service): one.refused_at
        for one in sorted(refused, key=lambda one: one.refused_at)
        if one.shipment_id == shipment.shipment_id
    }
    untouched = tuple(one for one in shipment.ranked if _name(one) not in against)
    if untouched or released_at is None:
        return untouched
    return tuple(one for one in shipment.ranked if against[_name(one)] <= released_at)


def _name(ranked: Ranked) -> tuple[str, str]:
    return ranked.candidate.carrier, ranked.candidate.service


def _shipments(
    inputs: Inputs, moment: datetime, book: RuleBook, capacity_left: CapacityLeft
) -> Iterator[ShipmentDecision]:
    parts = by_origin(inputs.lines)
    values = [goods_vnd(lines) for lines in parts.values()]
    goods = split(inputs.goods_vnd, values)
    shipping = split(inputs.shipping_vnd, values)
    cod = split(inputs.cod_vnd, [sum(pair) for pair in zip(goods, shipping, strict=True)])
    origins = {origin.origin_id: origin for origin in inputs.origins}
    for (origin_id, lines), goods_part, shipping_part, cod_part in zip(
        parts.items(), goods, shipping, cod, strict=True
    ):
        origin = origins.get(origin_id)
        weight_g = sum(line.weight_g * line.quantity for line in lines)
        ranked: tuple[Ranked, ...] = ()
        if origin is None:
            refused: tuple[Refusal, ...] = (_unknown_origin(origin_id),)
        else:
            case = make_case(inputs, origin, lines, cod_part, moment=moment, book=book)
            if inputs.platform is None:
                ranked, refused = weigh(case, book, capacity_left)
            else:
                ranked, refused = (by_platform(inputs.platform, case, weight_g, book),), ()
        yield ShipmentDecision(
            shipment_id=shipment_id(inputs.order_id, inputs.sequence[origin_id]),
            origin_id=origin_id,
            origin=origin.place if origin else None,
            lines=tuple(ShipmentLine(line_no=x.line_no, quantity=x.quantity) for x in lines),
            weight_g=weight_g,
            goods_vnd=goods_part,
            shipping_vnd=shipping_part,
            cod_vnd=cod_part,
            ranked=ranked,
            refused=refused,
            won_by=FIXED if inputs.platform and ranked else won_by(ranked),
        )


def weigh(
    case: Case, book: RuleBook, capacity_left: CapacityLeft
) -> tuple[tuple[Ranked, ...], tuple[Refusal, ...]]:
    """The services that may carry the shipment, best first, and every refusal of the others."""
    possible: list[Ranked] = []
    refused: list[Refusal] = []
    for service in book.services:
        option = work_out(case, service, book, capacity_left)
        objections = refusals(case, option, book) if isinstance(option, Option) else (option,)
        refused.extend(objections)
        if not objections and isinstance(option, Option):
            possible.append(judged(case, option, book))
    return rank(possible), tuple(refused)


def by_origin(lines: Iterable[OrderLine]) -> dict[str, tuple[OrderLine, ...]]:
    """Lines by the origin they leave from, origins in the order of the lines."""
    parts: dict[str, tuple[OrderLine, ...]] = {}
    for line in lines:
        parts[line.origin_id] = (*parts.get(line.origin_id, ()), line)
    return parts


def goods_vnd(lines: Iterable[OrderLine]) -> int:
    """What the lines cost together."""
    return sum(line.unit_price_vnd * line.quantity for line in lines)


def _unknown_origin(origin_id: str) -> Refusal:
    return Refusal(
        carrier="*",
        service="*",
        rule="origin_unknown",
        reason=f"origin {origin_id} is not in the registry",
    )
