"""What a seller is told of a recipient who cannot be reached."""

from __future__ import annotations

from typing import Final

from services.channels.contact import ContactProblem

CONTACT_DETAILS: Final = {
    ContactProblem.NAME_MISSING: "The recipient's name is missing.",
    ContactProblem.NAME_MASKED: "The recipient's name is masked: no label can be written.",
    ContactProblem.STREET_MISSING: "The street or house is missing.",
    ContactProblem.COMMUNE_UNSURE: "The address is one line that may be of the old map: amend the "
    "order with the commune's code.",
    ContactProblem.CITY_MISSING: "The town is missing: an address abroad needs one.",
    ContactProblem.POSTCODE_MISSING: "The postcode is missing: the country's post needs one.",
    ContactProblem.POSTCODE_INVALID: "The postcode is not as the country writes its postcodes.",
    ContactProblem.STREET_MASKED: "The street is masked: no courier finds it.",
    ContactProblem.PHONE_MISSING: "The recipient's phone is missing.",
    ContactProblem.PHONE_MASKED: "The recipient's phone is masked: a courier cannot call it.",
    ContactProblem.PHONE_INVALID: "The recipient's phone is not a valid number.",
    ContactProblem.PHONE_NOT_A_PERSON: "The recipient's phone is neither mobile nor fixed line.",
}
