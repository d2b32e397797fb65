"""The fulfilment axis as data: which state may follow which (taxonomy, section 1)."""

from __future__ import annotations

import csv
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from schemas.status import Fulfilment

if TYPE_CHECKING:
    from collections.abc import Mapping

PREVIOUS: Final = "(previous)"
"""In the file: back to the state that a side state was entered from."""


def fulfilment_transitions() -> Mapping[Fulfilment, frozenset[Fulfilment]]:
    """Every state with those that may follow it; `(previous)` stands for all that lead in.

    Raises ValueError for a state the schemas do not know.
    """
    source = files("services.reference").joinpath("data/fulfilment_transitions.csv")
    lines = source.read_text("utf-8").splitlines()
    pairs = [(row["from_state"], row["to_state"]) for row in csv.DictReader(lines)]
    named = {(Fulfilment(a), Fulfilment(b)) for a, b in pairs if b != PREVIOUS}
    back = {
        (Fulfilment(a), came) for a, b in pairs if b == PREVIOUS for came, to in named if to == a
    }
    return MappingProxyType(
        {state: frozenset(to for came, to in named | back if came == state) for state in Fulfilment}
    )
