"""Builders of what the COD ledger hears."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from schemas.cod import CodDecided, SettlementReceived
from schemas.ids import booking_reference, order_of
from schemas.tracking import CodState, MoneyWord, ShipmentStatusChanged, TrackingStatus
from streams.rules.cod_facts import Booked, Decision, Facts, Line, Tracked
from tests.order_facts import PARCEL, a_tracking_state, at

REFERENCE = booking_reference(PARCEL, 1)
NUMBER = f"TN-{REFERENCE}"
PRICE = 330_000


def a_booked(cod_vnd: int = PRICE, **changes: Any) -> Booked:
    return Booked(
        **{
            "version": 1,
            "at": at(1),
            "order_id": order_of(PARCEL),
            "channel": "postmart",
            "seller_id": "HTX-MAU-01",
            "parcel_id": PARCEL,
            "carrier": "viettelpost",
            "tracking_no": NUMBER,
            "cod_vnd": cod_vnd,
            "freight_vnd": 40_000,
            **changes,
        }
    )


def a_word(said: CodState, vnd: int = PRICE, day: int = 4, key: str | None = None) -> MoneyWord:
    return MoneyWord(said=said, vnd=vnd, at=at(day), event_key=key or f"{said}-{day}")


def a_tracked(*said: MoneyWord, **changes: Any) -> Tracked:
    return Tracked(
        **{
            "version": 1,
            "at": at(4),
            "status": TrackingStatus.DELIVERED,
            "firm": True,
            "partial": False,
            "delivered_at": at(4),
            "said": said,
            **changes,
        }
    )


def a_line(line_no: int = 1, paid: int = PRICE, fee: int = 0, **changes: Any) -> Line:
    """`paid`: the cash it accounts for; what is kept back of it is `fee`."""
    values: dict[str, Any] = {
        "carrier": "viettelpost",
        "statement_no": "S1",
        "line_no": line_no,
        "tracking_no": NUMBER,
        "reference": None,
        "cod_vnd": paid,
        "fee_vnd": fee,
        "fee_kind": "cod" if fee else "",
        "net_vnd": paid - fee,
        "transferred_on": date(2026, 10, 11),
        "paid_to": "programme",
        **changes,
    }
    return Line(**values)


def a_decision(kind: str, day: int = 12, vnd: int = 0, outcome: str | None = None) -> Decision:
    name = f"{kind}-{day}"
    return Decision(name, REFERENCE, PARCEL, kind, outcome, vnd, "ops:an", "why", at(day))  # type: ignore[arg-type]


def facts(*said: MoneyWord, booked: Booked | None = None, **parts: Any) -> Facts:
    tracked = parts.pop("tracked", a_tracked(*said) if said else None)
    return Facts(REFERENCE, booked or a_booked(), tracked, **parts)


COLLECTED = a_word(CodState.COLLECTED)
REMITTED = a_word(CodState.REMITTED, day=8)
VOID = a_word(CodState.VOID, day=9)


def a_statement_line(line: Line) -> SettlementReceived:
    midnight = datetime.combine(line.transferred_on, datetime.min.time(), at(1).tzinfo)
    return SettlementReceived(
        version=1,
        occurred_at=midnight - timedelta(hours=7),
        imported_by="ops:an",
        **line._asdict(),
    )


def a_decided(decision: Decision) -> CodDecided:
    return CodDecided(
        version=1,
        occurred_at=decision.at,
        order_id=order_of(decision.parcel_id),
        decision_id=decision.decision_id,
        parcel_id=decision.parcel_id,
        reference=decision.reference,
        kind=decision.kind,
        outcome=decision.outcome,
        vnd=decision.vnd,
        by=decision.by,
        why=decision.why,
    )


def a_state_with_money(version: int, *said: MoneyWord, **changes: Any) -> ShipmentStatusChanged:
    last = said[-1] if said else a_word(CodState.EXPECTED)
    status = changes.pop("status", TrackingStatus.DELIVERED)
    return a_tracking_state(
        status,
        last.at,
        version,
        **{
            "cod_state": last.said,
            "cod_vnd": last.vnd,
            "money": said,
            "delivered_at": last.at,
            **changes,
        },
    )
