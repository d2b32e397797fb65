"""The status map: every row of the file, the ways to look a code up, and the version."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import pytest

from schemas.tracking import CodState, TrackingStatus
from services.reference.status_map import Attempt, UnknownVersion, normalised, read_status_map

if TYPE_CHECKING:
    from pathlib import Path

MAP = read_status_map()
APIS = {(row["carrier"], row["api"]) for row in MAP.rows}


@pytest.mark.parametrize("api", sorted(APIS), ids="/".join)
def test_every_row_is_found_as_it_stands(api: tuple[str, str]) -> None:
    rows = [row for row in MAP.rows if (row["carrier"], row["api"]) == api]
    for row in rows:
        meaning = MAP.meaning(*api, row["code"], row["reason_code"] or None)
        told = (meaning.status, meaning.reason or "", meaning.attributed_to, meaning.finality)
        assert told == (row["status"], row["reason"], row["attributed_to"], row["final"])
        assert meaning.provisional == (row["final"] == "provisional")


def test_nothing_of_the_files_is_missing() -> None:
    assert len([row for row in MAP.rows if row["confidence"] != "own"]) == 331
    assert len([row for row in MAP.money if row["confidence"] != "own"]) == 35
    assert len([row for row in MAP.rows if row["carrier"] == "viettelpost"]) == 58
    assert len([row for row in MAP.rows if row["api"] == "myvnpost"]) == 29


def test_every_money_fact_of_the_two_carriers_is_on_its_code() -> None:
    for row in MAP.money:
        if row["code"] == "*" or row["cod_state"] == "fee_paid_out":
            continue
        meaning = MAP.meaning(row["carrier"], row["api"], row["code"], None)
        assert meaning.cod == CodState(row["cod_state"])


def test_a_code_is_never_looked_up_without_its_api() -> None:
    assert MAP.meaning("vnpost", "partner_v2", "10", None).status is TrackingStatus.UNMAPPED


def test_an_unknown_code_is_unmapped_and_never_moves() -> None:
    meaning = MAP.meaning("viettelpost", "partner_v2", "999", "36")
    assert (meaning.status, meaning.rank, meaning.reason) == (TrackingStatus.UNMAPPED, 0, None)


def test_a_known_reason_on_an_unlisted_pair_gives_the_reason_and_the_code_the_status() -> None:
    meaning = MAP.meaning("viettelpost", "partner_v2", "505", "36")
    assert (meaning.status, meaning.reason) == ("return_pending", "consignee_unreachable")


def test_an_unknown_reason_leaves_what_the_code_says_by_itself() -> None:
    bare = MAP.meaning("viettelpost", "partner_v2", "506", None)
    assert MAP.meaning("viettelpost", "partner_v2", "506", "4711") is bare


@pytest.mark.parametrize(
    ("carrier", "sent", "code"),
    [
        ("viettelpost", " +501 ", "501"),
        ("viettelpost", "-108", "-108"),
        ("ghn", "Delivery_Fail", "delivery_fail"),
        ("upu", "emi", "EMI"),
        ("vnpost", "010", "010"),
    ],
)
def test_codes_are_spelt_as_in_the_map(carrier: str, sent: str, code: str) -> None:
    assert normalised(carrier, sent) == code


@pytest.mark.parametrize(
    ("api", "code", "reason_code", "attempt"),
    [
        (("viettelpost", "partner_v2"), "500", None, Attempt.STARTED),
        (("viettelpost", "partner_v2"), "508", None, Attempt.STARTED),
        (("viettelpost", "partner_v2"), "506", None, Attempt.FAILED),
        (("viettelpost", "partner_v2"), "506", "37", None),
        (("vnpost", "myvnpost"), "15", None, Attempt.FAILED),
        (("ghtk", "services"), "10", None, None),
        (("ghtk", "services"), "10", "122", Attempt.FAILED),
        (("ghtk", "services"), "10", "120", None),
        (("ghtk", "services"), "49", None, None),
        (("ghtk", "services"), "9", "133", None),
    ],
)
def test_what_counts_as_an_attempt(
    api: tuple[str, str], code: str, reason_code: str | None, attempt: Attempt | None
) -> None:
    assert MAP.meaning(*api, code, reason_code).attempt == attempt


def test_a_stored_meaning_is_the_mapped_one() -> None:
    for row in MAP.rows:
        found = MAP.meaning(row["carrier"], row["api"], row["code"], row["reason_code"])
        again = MAP.stored(
            found.status, found.reason, found.attributed_to, found.finality, found.cod
        )
        assert again == found


def test_any_change_of_the_data_is_another_version(tmp_path: Path) -> None:
    with as_file(files("services.reference") / "data") as data:
        shutil.copytree(data, tmp_path / "data")
    changed = tmp_path / "data" / "status_map.csv"
    assert read_status_map(tmp_path / "data").version == MAP.version
    text = changed.read_text()
    changed.write_text(text.replace("partner_v2,570,,unmapped", "partner_v2,570,,in_transit"))
    again = read_status_map(tmp_path / "data")
    assert again.version != MAP.version
    assert again.meaning("viettelpost", "partner_v2", "570", None).status == "in_transit"


V2 = MAP.at({"viettelpost": "v2"})


def test_a_later_version_of_one_carrier_leaves_the_others_and_the_first_alone() -> None:
    assert MAP.versions("viettelpost") == ("v1", "v2")
    assert MAP.versions("vnpost") == ("v1",)
    assert MAP.meaning("viettelpost", "partner_v2", "503", None).status == "written_off"
    assert V2.meaning("viettelpost", "partner_v2", "503", None).status == "cancelled"
    assert V2.mark("vnpost") == MAP.mark("vnpost") == MAP.version
    assert V2.mark("viettelpost").startswith(f"{MAP.version}.v2-")
    assert V2.active("viettelpost") == "v2"


def test_every_row_of_a_later_version_says_why_and_means_what_it_says() -> None:
    for overlay in MAP.overlays:
        chosen = MAP.at({overlay.carrier: overlay.version})
        for row in overlay.rows:
            assert row["why"]
            meaning = chosen.meaning(row["carrier"], row["api"], row["code"], row["reason_code"])
            assert (meaning.status, meaning.reason or "") == (row["status"], row["reason"])
            assert not meaning.reason or MAP.knows(meaning.reason)


def test_a_version_that_no_file_has_is_refused() -> None:
    with pytest.raises(UnknownVersion, match="no version v3 of viettelpost"):
        MAP.at({"viettelpost": "v3"})


def test_versions_stand_on_each_other_and_any_byte_is_another_mark(tmp_path: Path) -> None:
    with as_file(files("services.reference") / "data") as data:
        shutil.copytree(data, tmp_path / "data")
    head = "carrier,api,code,reason_code,status,reason,attributed_to,final,confidence,why\n"
    third = tmp_path / "data" / "status_map" / "viettelpost.v3.csv"
    third.write_text(f"{head}viettelpost,partner_v2,570,,in_transit,,none,no,single,a test\n")
    again = read_status_map(tmp_path / "data").at({"viettelpost": "v3"})
    assert again.meaning("viettelpost", "partner_v2", "503", None).status == "cancelled"
    assert again.meaning("viettelpost", "partner_v2", "570", None).status == "in_transit"
    third.write_text(third.read_text().replace("a test", "another"))
    other = read_status_map(tmp_path / "data").at({"viettelpost": "v3"})
    assert other.mark("viettelpost") != again.mark("viettelpost")


def test_a_partner_without_a_map_speaks_our_words() -> None:
    delivered = MAP.meaning("ruralpost", "generic", "delivered", None)
    assert (delivered.status, delivered.cod) == (TrackingStatus.DELIVERED, CodState.COLLECTED)
    failed = MAP.meaning("ruralpost", "generic", "delivery_failed", "consignee_unreachable")
    assert (failed.attributed_to, failed.attempt) == ("consignee", Attempt.FAILED)


@pytest.mark.parametrize("code", ["14", "DELIVERED", "unmapped", ""])
def test_and_what_is_none_of_them_is_unmapped(code: str) -> None:
    assert MAP.meaning("ruralpost", "generic", code, None).status is TrackingStatus.UNMAPPED
