"""The directory of interfaces: one carrier may have several, and the first is meant by default."""

from __future__ import annotations

from schemas.routing import Candidate
from services.carriers.directory import INTERFACES, api_of, name_of
from services.carriers.webhooks import WEBHOOKS
from services.reference.rule_book import sample_rule_book
from tests.booking_facts import CTN, a_candidate


def test_every_name_and_every_carrier_with_its_api_is_there_once() -> None:
    assert len({row.name for row in INTERFACES}) == len(INTERFACES)
    assert len({(row.carrier, row.api) for row in INTERFACES}) == len(INTERFACES)


def test_an_interface_is_found_by_carrier_and_api() -> None:
    assert name_of("vnpost", "legacy") == "vnpost_legacy"
    assert name_of("vnpost", "myvnpost") == "vnpost"


def test_what_was_told_before_there_was_a_choice_means_the_first() -> None:
    told = a_candidate(CTN).model_dump(mode="json")
    del told["api"]
    assert name_of("vnpost", Candidate.model_validate(told).api) == "vnpost"
    assert api_of("vnpost") == "myvnpost"


def test_an_unknown_carriers_jobs_wait_under_its_own_name() -> None:
    assert (name_of("post-of-mars", "v1"), api_of("post-of-mars")) == ("post-of-mars",) * 2


def test_every_service_of_the_rule_book_is_booked_through_an_interface_we_speak() -> None:
    known = {(row.carrier, row.api) for row in INTERFACES}
    assert {(one.carrier, one.api) for one in sample_rule_book().services} == known
    assert known <= set(WEBHOOKS)
