"""Parcels' lives as carriers tell them, and the bodies they tell them in, by interface."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.place import VIETNAM
from services.sandbox.ghtk import form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DELIVERED: Final = {
    "viettelpost": (("200", 8), ("300", 20), ("500", 50), ("506:36", 52), ("500", 72), ("501", 75)),
    "vnpost": (("6", 8), ("10", 20), ("12", 50), ("14", 52)),
    "vnpost_legacy": (("70", 8), ("91", 50), ("100", 75), ("110", 80), ("120", 99)),
    "ems": (("2", 2), ("4", 8), ("4", 20), ("EMH", 50), ("EMI", 75)),
    "ghn": (("picked", 8), ("storing", 20), ("delivering", 50), ("delivered", 52)),
    "ghtk": (("3", 8), ("4", 50), ("10:122", 51), ("4", 70), ("5", 75), ("6", 99)),
}
RETURNED: Final = {
    "viettelpost": (("200", 8), ("500", 50), ("506:36", 52), ("505", 60), ("515", 70), ("504", 99)),
    "vnpost": (("6", 8), ("12", 50), ("15", 52), ("16", 60), ("17", 70), ("19", 99)),
    "vnpost_legacy": (("70", 8), ("91", 50), ("161", 70), ("170", 99)),
    "ems": (("4", 8), ("EMI", 75)),  # neither of its code lists has a word for a return
    "ghn": (
        ("picked", 8),
        ("delivering", 50),
        ("delivery_fail", 52),
        ("return", 60),
        ("returned", 99),
    ),
    "ghtk": (("3", 8), ("4", 50), ("9:131", 52), ("20", 60), ("21", 99)),
}
"""Codes of a parcel's life, hours after its booking."""
EMSEVT: Final = frozenset(
    {"EMA", "EMB", "EMC", "EMD", "EDB", "EME", "EDC", "EMF", "EMG", "EDG", "EDX", "EMH", "EMI"}
)
"""What the designated operator tells about EMS's parcels, in our generic form."""
GIVEN_UP: Final = {
    "viettelpost": "101",
    "vnpost": "9",
    "vnpost_legacy": "60",
    "ghn": "cancel",
    "ghtk": "-1",
}
"""Codes of a carrier that will not collect the parcel after all; none of EMS's is known."""


def viettelpost_body(number: str, code: str, at: datetime) -> dict[str, Any]:
    """A webhook of Viettel Post; `506:36` is a status with a reason."""
    status, _, reason = code.partition(":")
    return {
        "DATA": {
            "ORDER_NUMBER": number,
            "ORDER_STATUS": int(status),
            "ORDER_STATUSDATE": f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
            "REASON_CODE": reason or None,
            "MONEY_COLLECTION": None,
        },
        "TOKEN": "sample",
    }


def vnpost_body(number: str, code: str, at: datetime) -> dict[str, Any]:
    """A webhook of Vietnam Post."""
    item = {"itemCode": number, "status": code}
    sent = f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    return {"sendDate": sent, "data": [item], "signature": "sample"}


def vnpost_legacy_body(number: str, code: str, at: datetime) -> dict[str, Any]:
    """A webhook of Vietnam Post's older interface: JSON inside a JSON string."""
    sent = f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    data = {"ItemCode": number, "OrderStatusId": int(code), "LastUpdateTime": sent}
    return {"Data": json.dumps(data), "SendDate": sent, "SignData": "sample"}


def ems_body(number: str, code: str, at: datetime) -> dict[str, Any]:
    """A webhook of EMS, or an EMSEVT event about one of its parcels."""
    if code in EMSEVT:
        event_id = f"{number}-{code}-{at:%d%H%M}"
        told = {"event_id": event_id, "tracking_no": number, "code": code}
        return told | {"occurred_at": at.isoformat()}
    sent = f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    return {"tracking_code": number, "status_code": int(code), "datetime": sent}


def ghn_body(number: str, code: str, at: datetime) -> dict[str, Any]:
    """A webhook of GHN."""
    sent = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"OrderCode": number, "Status": code, "Type": "switch_status", "Time": sent}


def ghtk_body(number: str, code: str, at: datetime) -> bytes:
    """A webhook of GHTK: a form; `10:122` is a status with a reason."""
    status, _, reason = code.partition(":")
    sent = f"{at.astimezone(VIETNAM):%Y-%m-%dT%H:%M:%S}+07:00"
    said = {"label_id": number, "status_id": status, "reason_code": reason, "action_time": sent}
    return form(dict(said))


BODIES: Final[Mapping[str, Callable[[str, str, datetime], object]]] = {
    "viettelpost": viettelpost_body,
    "vnpost": vnpost_body,
    "vnpost_legacy": vnpost_legacy_body,
    "ems": ems_body,
    "ghn": ghn_body,
    "ghtk": ghtk_body,
}
