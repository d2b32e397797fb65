"""What is sealed opens for its owner only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.vault import Unreadable, Vault

MASTER = bytes(range(32))
VAULT = Vault(MASTER)
BUYER = VAULT.buyer_id("+84900000001")
ORDER = "postmart:HTX-MAU-01:PM-0000001"


@given(st.binary())
def test_what_was_sealed_comes_back(plain: bytes) -> None:
    wrapped = VAULT.new_key(BUYER)
    assert VAULT.open(wrapped, BUYER, ORDER, VAULT.seal(wrapped, BUYER, ORDER, plain)) == plain


@given(st.binary())
def test_arbitrary_bytes_are_unreadable_and_nothing_worse(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        VAULT.open_secret(sealed)


def test_another_orders_value_does_not_open() -> None:
    wrapped = VAULT.new_key(BUYER)
    sealed = VAULT.seal(wrapped, BUYER, ORDER, b"name")
    with pytest.raises(Unreadable):
        VAULT.open(wrapped, BUYER, f"{ORDER}2", sealed)


def test_another_buyers_key_row_does_not_unwrap() -> None:
    other = VAULT.buyer_id("+84900000002")
    with pytest.raises(Unreadable):
        VAULT.seal(VAULT.new_key(other), BUYER, ORDER, b"name")


def test_a_deleted_key_cannot_be_made_again() -> None:
    sealed = VAULT.seal(VAULT.new_key(BUYER), BUYER, ORDER, b"name")
    with pytest.raises(Unreadable):
        VAULT.open(VAULT.new_key(BUYER), BUYER, ORDER, sealed)


def test_sealing_twice_gives_different_bytes() -> None:
    assert VAULT.seal_secret(b"whsec") != VAULT.seal_secret(b"whsec")


def test_a_changed_byte_is_noticed() -> None:
    sealed = bytearray(VAULT.seal_secret(b"secret"))
    sealed[-1] ^= 1
    with pytest.raises(Unreadable):
        VAULT.open_secret(bytes(sealed))


def test_a_secret_of_another_master_key_does_not_open() -> None:
    with pytest.raises(Unreadable):
        Vault(bytes(32)).open_secret(VAULT.seal_secret(b"secret"))


def test_a_buyer_is_the_same_under_one_master_key_only() -> None:
    assert Vault(MASTER).buyer_id("+84900000001") == BUYER
    assert Vault(bytes(32)).buyer_id("+84900000001") != BUYER
    assert "900000001" not in BUYER


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_has_thirty_two_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(length))
