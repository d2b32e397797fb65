"""How a buyer is reached: personal data, and what is wrong with it in words that are none."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from schemas.place import HOME
from services.channels import masks
from services.channels.phones import Phone, PhoneProblem, read_phone
from services.reference.countries import country_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.channels.neutral import OrderPayload


class ContactProblem(StrEnum):
    """Why a courier cannot deliver to a person, whatever the commune."""

    NAME_MISSING = "name_missing"
    NAME_MASKED = "name_masked"
    STREET_MISSING = "street_missing"
    COMMUNE_UNSURE = "commune_unsure"
    STREET_MASKED = "street_masked"
    CITY_MISSING = "city_missing"
    POSTCODE_MISSING = "postcode_missing"
    POSTCODE_INVALID = "postcode_invalid"
    PHONE_MISSING = "phone_missing"
    PHONE_MASKED = "phone_masked"
    PHONE_INVALID = "phone_invalid"
    PHONE_NOT_A_PERSON = "phone_not_a_person"


MASKED: Final = frozenset(
    {ContactProblem.NAME_MASKED, ContactProblem.STREET_MASKED, ContactProblem.PHONE_MASKED}
)
"""What a platform blacks out where it ships itself."""


def is_masked(problems: Iterable[ContactProblem]) -> bool:
    """Whether something of a person is blacked out."""
    return any(problem in MASKED for problem in problems)


OF_PHONE: Final = {
    PhoneProblem.MISSING: ContactProblem.PHONE_MISSING,
    PhoneProblem.MASKED: ContactProblem.PHONE_MASKED,
    PhoneProblem.INVALID: ContactProblem.PHONE_INVALID,
    PhoneProblem.NOT_A_PERSON: ContactProblem.PHONE_NOT_A_PERSON,
}


class Contact(BaseModel):
    """Personal data: encrypted wherever it is stored. `phone` is E.164, or as given if invalid.

    `city` and `postcode` are of an address abroad; one at home has its commune instead.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    phone: str
    street: str
    note: str = ""
    phone_valid: bool = True
    city: str = ""
    postcode: str = ""

    def __repr__(self) -> str:
        """Nothing: what is printed ends in a log."""
        return "Contact(…)"

    __str__ = __repr__


def read_contact(payload: OrderPayload) -> tuple[Contact, tuple[ContactProblem, ...]]:
    """The buyer of a payload and what is wrong with them."""
    where = payload.ship_to
    is_abroad = where.country != HOME
    phone = read_phone(payload.buyer.phone, where.country)
    problems = list(payload.doubts)
    if not payload.buyer.name:
        problems.append(ContactProblem.NAME_MISSING)
    elif masks.is_masked(payload.buyer.name):
        problems.append(ContactProblem.NAME_MASKED)
    if not payload.ship_to.street:
        problems.append(ContactProblem.STREET_MISSING)
    elif masks.is_masked(payload.ship_to.street):
        problems.append(ContactProblem.STREET_MASKED)
    if is_abroad:
        problems += _problems_abroad(where.country, where.city, where.postcode or "")
    if isinstance(phone, PhoneProblem):
        problems.append(OF_PHONE[phone])
    contact = Contact(
        name=payload.buyer.name,
        phone=phone.e164 if isinstance(phone, Phone) else payload.buyer.phone,
        street=payload.ship_to.street,
        note=payload.note,
        phone_valid=isinstance(phone, Phone),
        city=where.city if is_abroad else "",
        postcode=(where.postcode or "") if is_abroad else "",
    )
    return contact, tuple(problems)


def _problems_abroad(country: str, city: str, postcode: str) -> Iterator[ContactProblem]:
    """A letter abroad needs a town, and a postcode as that country writes them, if we know how."""
    if not city:
        yield ContactProblem.CITY_MISSING
    known = country_of(country)
    if known is None or known.postcode is None:
        return
    if not postcode:
        yield ContactProblem.POSTCODE_MISSING
    elif not known.postcode.fullmatch(postcode):
        yield ContactProblem.POSTCODE_INVALID
