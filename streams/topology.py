"""Who reads what: the nine stages of the flow, and how each is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.carriers.directory import quoting
from services.channels.directory import reports_of_channels
from services.channels.settings import ChannelSettings
from services.errors import OperatorError
from services.reference.fulfilment import fulfilment_transitions
from services.reference.places import Places
from services.reference.rule_book import decision_hours, sample_rule_book
from services.reference.status_map import read_status_map
from services.registry.partners import read_publishers
from services.store.master_key import master_key
from services.store.vault import Vault
from streams.booking import Booking
from streams.cod import Cod
from streams.feed import Feed
from streams.intake import Intake
from streams.metrics import Metrics
from streams.packing import Packing
from streams.partners import Partners
from streams.routing import Routing
from streams.status import Status
from streams.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.topics import Topic
    from services.settings import Settings
    from services.store.pool import Connection, Pool
    from streams.runtime.stage import Stage

FLOW: Final[Mapping[str, tuple[tuple[Topic, ...], Callable[[Settings], Stage]]]] = {
    Intake.name: (Intake.inputs, lambda settings: Intake(Places.load(), vault(settings))),
    Routing.name: (
        Routing.inputs,
        lambda settings: Routing(sample_rule_book(), quoting() if settings.quotes else frozenset()),
    ),
    Packing.name: (Packing.inputs, lambda _: Packing(sample_rule_book())),
    Booking.name: (Booking.inputs, lambda _: Booking()),
    Tracking.name: (Tracking.inputs, lambda _: Tracking(read_status_map())),
    Cod.name: (Cod.inputs, lambda _: Cod()),
    Status.name: (
        Status.inputs,
        lambda _: Status(fulfilment_transitions(), decision_hours(sample_rule_book())),
    ),
    Feed.name: (Feed.inputs, lambda _: Feed(reports_of_channels(ChannelSettings().called_back))),
    Metrics.name: (Metrics.inputs, lambda _: Metrics()),
}
"""Stage → its topics and how it is built, in the order of the flow."""

STAGES: Final = tuple((name, inputs) for name, (inputs, _) in FLOW.items())
"""The names and topics alone, for whoever looks from outside: lag, verify, tests."""


GATHER_S: Final[Mapping[str, float]] = {Metrics.name: 1.0, Cod.name: 0.5}
"""Stages whose readers do not mind a second: they work in larger batches, and leave the machine to
those a seller waits for."""


async def stages_now(database: Connection | Pool) -> tuple[tuple[str, tuple[Topic, ...]], ...]:
    """`STAGES`, and the stage of the partners' own topics if any partner has one."""
    publishers = await read_publishers(database)
    own = ((Partners.name, Partners(publishers).inputs),) if publishers else ()
    return STAGES + own


def vault(settings: Settings) -> Vault:
    """Opens and seals with this installation's master key."""
    return Vault(master_key(settings))


def build_stages(settings: Settings, names: Sequence[str]) -> list[Stage]:
    """The named stages, ready to handle batches.

    Raises:
        OperatorError: for a name that is no stage.
    """
    unknown = [name for name in names if name not in FLOW]
    if unknown:
        known = ", ".join((*FLOW, Partners.name))
        raise OperatorError(f"There is no stage {unknown[0]}: choose from {known}.")
    return [FLOW[name][1](settings) for name in names]
