"""GS1 numbers: check digits and the SSCC of a logistic unit (facts/standards.md, section 2)."""

from __future__ import annotations

import re
from typing import Final

COMPANY_PREFIX: Final = re.compile(r"\d{7,12}")
"""What GS1 gives a company. Without one there is no SSCC: an invented one may be another's."""

SSCC_BODY: Final = 17
"""Extension digit, company prefix and serial reference; the check digit follows."""


class SerialsUsedUp(Exception):
    """Every SSCC of this company prefix has been given away."""


def check_digit(body: str) -> str:
    """The check digit after `body`: weights 3, 1, 3, … from its right end, whatever its length.

    Raises:
        ValueError: `body` is not made of ASCII digits.
    """
    if not body or not (body.isascii() and body.isdigit()):
        raise ValueError("a GS1 number is made of digits")
    total = sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(reversed(body)))
    return str(-total % 10)


def is_checked(number: str) -> bool:
    """Whether the last digit of a GTIN or SSCC is the right one."""
    well_formed = len(number) > 1 and number.isascii() and number.isdigit()
    return well_formed and check_digit(number[:-1]) == number[-1]


def sscc(company_prefix: str, number: int) -> str:
    """The 18 digits of a company's logistic unit; `number` counts units from 0.

    The serial is filled first, then the extension digit is raised.

    Raises:
        ValueError: the prefix is none.
        SerialsUsedUp: `number` needs more digits than there are.
    """
    if not COMPANY_PREFIX.fullmatch(company_prefix) or number < 0:
        raise ValueError("a GS1 company prefix has 7 to 12 digits, and units are counted from 0")
    width = SSCC_BODY - 1 - len(company_prefix)
    extension, serial = divmod(number, 10**width)
    if extension > 9:  # noqa: PLR2004 - one digit
        raise SerialsUsedUp(company_prefix)
    body = f"{extension}{company_prefix}{serial:0{width}d}"
    return body + check_digit(body)
