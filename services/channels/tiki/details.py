"""What Tiki's documents leave open: our defaults, to be set once Tiki has said otherwise.

`OCOP_CHANNEL_TIKI_DETAILS='{"ack_path": "…"}'` changes any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TikiDetails:
    """All of it is unconfirmed but `pull_path`, which several clients use. `{}` takes the code."""

    queue: str = "ocop"
    """The name of our queue; it is made if Tiki has none of this name."""
    pull_path: str = "/integration/v1/queues/{}/events/pull"
    ack_path: str = "/integration/v1/queues/{}/events/ack"
    ack_field: str = "ack_id"
    """In the answer to a pull, and in the body that confirms it."""
    order_path: str = "/integration/v2/orders/{}"
    delivery_path: str = "/integration/v2/orders/{}/update-delivery"
    updated_since: str = ""
    """A parameter that narrows the list of orders to those changed since; none is documented."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> TikiDetails:
        """With what was agreed with Tiki. Raises OperatorError for a word that is not ours."""
        try:
            return cls(**given)
        except TypeError as error:
            known = ", ".join(cls.__dataclass_fields__)
            raise OperatorError(f"OCOP_CHANNEL_TIKI_DETAILS may hold: {known}.") from error
