"""The exam at a carrier's door: does its API do what its documents say, asked through our adapter.

It books parcels that are voided again: point it at a test host or a sandbox, never at production.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.carriers.port import (
    Booked,
    BookingRef,
    BookingRequest,
    CannotAsk,
    CarrierUnreachable,
    Found,
    Locality,
    NotFound,
    Party,
    Quoted,
    QuoteRequest,
    Refused,
    Unknown,
    Voided,
    VoidPending,
)
from services.conform.verdict import Verdict, failed, not_offered, passed
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.carriers.account import Account
    from services.carriers.directory import Interface
    from services.carriers.port import Carrier

HERE: Final = Locality("28261", "Phường Mỹ Tho", "82", "Đồng Tháp")
THERE: Final = Locality("00166", "Phường Cầu Giấy", "01", "Hà Nội")

ACCOUNT: Final = "check user name, password, token and codes of the account (OCOP_CARRIER_…)"
ANSWER: Final = "the answer must carry the documented fields; the last one stands beside this line"
TWICE: Final = "a lost answer is asked for again: the same reference must not make a second parcel"


async def examine_carrier(interface: Interface, account: Account, service: str) -> list[Verdict]:
    """Every call of the port, in the order of a parcel's life before hand-over.

    Raises OperatorError if nobody answers.
    """
    carrier = interface.connect(account)
    stranger = interface.connect(
        replace(account, username="nobody", password="wrong", token="wrong")  # noqa: S106
    )
    try:
        return [verdict async for verdict in _cases(carrier, stranger, service)]
    except CarrierUnreachable as error:
        raise OperatorError(
            f"Nobody answers for {interface.name} at {account.base_url}: {error}."
        ) from error
    finally:
        await carrier.close()
        await stranger.close()


async def _cases(carrier: Carrier, stranger: Carrier, service: str) -> AsyncIterator[Verdict]:
    yield await _strangers(stranger, service)
    yield await _prices(carrier)
    request = a_request(service)
    answer = await carrier.book(request)
    case = "a parcel is booked and gets a tracking number"
    if not isinstance(answer, Booked):
        yield failed(case, repr(answer), ANSWER if isinstance(answer, Unknown) else ACCOUNT)
        return
    yield passed(case, answer.tracking_no)
    booking = BookingRef(request.reference, answer.tracking_no, answer.carrier_ref)
    yield await _found(carrier, booking)
    yield await _unknown_reference(carrier)
    yield await _twice(carrier, request, booking)
    yield await _void(carrier, booking)
    yield await _nonsense(carrier, service)


async def _strangers(stranger: Carrier, service: str) -> Verdict:
    case = "somebody without valid credentials is refused"
    try:
        answer = await stranger.book(a_request(service))
    except CarrierUnreachable as error:
        return passed(case, str(error))
    if isinstance(answer, Refused):
        return passed(case, answer.reason)
    return failed(case, repr(answer), "a wrong token must be refused before anything is done")


async def _prices(carrier: Carrier) -> Verdict:
    case = "a price is quoted, in whole đồng with VAT"
    now = datetime.now(UTC)
    answer = await carrier.quote(
        QuoteRequest(HERE, THERE, 1_200, 30, 20, 15, 320_000, 350_000, now)
    )
    match answer:
        case CannotAsk():
            return not_offered(case)
        case Quoted(services) if services and all(one.price_vnd > 0 for one in services):
            return passed(case, ", ".join(f"{one.service} {one.price_vnd}" for one in services))
        case _:
            return failed(case, repr(answer), ANSWER)


async def _found(carrier: Carrier, booking: BookingRef) -> Verdict:
    case = "a booking is found by our reference, with its number"
    match await carrier.lookup(booking.reference):
        case CannotAsk():
            return not_offered(case)
        case Found(booked=booked) if booked.tracking_no == booking.tracking_no:
            return passed(case, booked.tracking_no)
        case answer:
            return failed(case, repr(answer), ANSWER)


async def _unknown_reference(carrier: Carrier) -> Verdict:
    case = "a reference that was never used is not found"
    match await carrier.lookup("OCNEVERUSED000000-1"):
        case CannotAsk():
            return not_offered(case)
        case NotFound() as answer:
            return passed(case, repr(answer))
        case answer:
            return failed(case, repr(answer), "say that it is not there, not that it failed")


async def _twice(carrier: Carrier, request: BookingRequest, booking: BookingRef) -> Verdict:
    case = "the same reference again makes no second parcel"
    if not carrier.may_repeat:
        return not_offered(case)
    match await carrier.book(request):
        case Booked(tracking_no=number) if number != booking.tracking_no:
            return await _two_parcels(carrier, case, booking, number)
        case Unknown() as answer:
            return failed(case, repr(answer), TWICE)
        case answer:
            return passed(case, repr(answer))


async def _two_parcels(carrier: Carrier, case: str, booking: BookingRef, number: str) -> Verdict:
    """Two parcels of one reference do no harm where we can ask before we send again."""
    if isinstance(await carrier.lookup(booking.reference), Found):
        return passed(case, f"a second order {number}, and a lookup that prevents it")
    return failed(case, f"a second parcel {number}", TWICE)


async def _void(carrier: Carrier, booking: BookingRef) -> Verdict:
    case = "a booking is cancelled before hand-over"
    match await carrier.void(booking):
        case CannotAsk():
            return not_offered(case)
        case Voided() | VoidPending() as answer:
            return passed(case, repr(answer))
        case answer:
            return failed(case, repr(answer), "a parcel that nobody has must be cancellable")


async def _nonsense(carrier: Carrier, service: str) -> Verdict:
    case = "an order without a consignee is refused"
    nobody = replace(a_request(service).recipient, name="", phone="", street="")
    answer = await carrier.book(replace(a_request(service), recipient=nobody))
    if isinstance(answer, Refused):
        return passed(case, answer.reason)
    return failed(case, repr(answer), "an order that cannot be delivered must not be taken")


def a_request(service: str) -> BookingRequest:
    """A parcel of lotus tea from Đồng Tháp to Hà Nội, under a new reference."""
    sender = Party("HTX Nông sản Mẫu", "0900000001", "Thôn 1", *_place(HERE))
    consignee = Party("Trần Thị B", "0900000002", "Số 1 Đường Mẫu", *_place(THERE))
    return BookingRequest(
        reference=f"OC{secrets.token_hex(8).upper()}-1",
        service=service,
        sender=sender,
        recipient=consignee,
        contents="Trà sen khô",
        pieces=2,
        weight_g=1_200,
        length_cm=30,
        width_cm=20,
        height_cm=15,
        goods_vnd=350_000,
        cod_vnd=366_000,
        ready_at=datetime.now(UTC),
    )


def _place(at: Locality) -> tuple[str, str, str, str]:
    return at.ward_code, at.ward, at.province_code, at.province
