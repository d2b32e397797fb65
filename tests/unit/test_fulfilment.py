"""The fulfilment axis that ships with the package."""

from __future__ import annotations

import csv
from importlib.resources import files

from schemas.status import Fulfilment
from services.reference.fulfilment import fulfilment_transitions

F = Fulfilment


def test_the_states_of_the_file_are_those_of_the_schemas() -> None:
    source = files("services.reference").joinpath("data/fulfilment_states.csv")
    rows = list(csv.DictReader(source.read_text("utf-8").splitlines()))
    assert [row["state"] for row in rows] == [state.value for state in F]
    after = fulfilment_transitions()
    assert [row["state"] for row in rows if row["terminal"] == "yes"] == [
        state.value for state in F if not after[state]
    ]


def test_a_side_state_leads_back_to_every_state_it_is_entered_from() -> None:
    after = fulfilment_transitions()
    entered_from = {state for state in F if F.ON_HOLD in after[state]} - {F.CANCEL_REQUESTED}
    assert entered_from <= after[F.ON_HOLD]
    assert F.DELIVERED not in after[F.ON_HOLD]


def test_what_is_delivered_cannot_be_cancelled() -> None:
    assert fulfilment_transitions()[F.DELIVERED] == {F.CLOSED, F.RETURNED_TO_STOCK}
