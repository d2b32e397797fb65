"""Secrets at rest: AES-256-GCM, a data key for each buyer, all wrapped by one master key.

Every sealed value is `version (1 byte) | nonce (12 bytes) | ciphertext and tag`. What it belongs to
is authenticated with it, so a value copied to another row does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = b"\x01"
_HEAD: Final = len(VERSION) + NONCE_BYTES


class Unreadable(Exception):
    """A sealed value was changed, belongs to something else, or was made with another key."""


class Vault:
    """Seals and opens. Keeps the master key's derivatives only; does no I/O.

    `master_key`: 32 bytes. Raises ValueError for any other length.
    """

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, this one {len(master_key)}")
        self._wrapping = AESGCM(_derived(master_key, b"buyer keys"))
        self._secrets = AESGCM(_derived(master_key, b"secrets"))
        self._hashing = _derived(master_key, b"fingerprints")

    def buyer_id(self, phone: str) -> str:
        """The same for every order of one phone (E.164); the phone cannot be read from it."""
        return self.fingerprint(b"buyer:" + phone.encode("utf-8", "surrogatepass")).hex()

    def fingerprint(self, content: bytes) -> bytes:
        """16 bytes that tell whether two contents are equal, and nothing else about them."""
        return hmac.digest(self._hashing, content, hashlib.sha256)[:16]

    def new_key(self, buyer_id: str) -> bytes:
        """A new data key for a buyer, wrapped: what `intake.buyer_keys` stores."""
        return _sealed(self._wrapping, os.urandom(KEY_BYTES), buyer_id.encode())

    def seal(self, wrapped: bytes, buyer_id: str, owner: str, plain: bytes) -> bytes:
        """Encrypt `plain`, which belongs to `owner` (an order id), for a buyer."""
        return _sealed(self._data_key(wrapped, buyer_id), plain, owner.encode())

    def open(self, wrapped: bytes, buyer_id: str, owner: str, sealed: bytes) -> bytes:
        """What `seal` was given.

        Raises:
            Unreadable: the key, the owner or the bytes are not those of the sealing.
        """
        return _opened(self._data_key(wrapped, buyer_id), sealed, owner.encode())

    def seal_secret(self, secret: bytes) -> bytes:
        """Encrypt a signing secret for `registry.credentials.sealed`."""
        return _sealed(self._secrets, secret, b"credential")

    def open_secret(self, sealed: bytes) -> bytes:
        """What `seal_secret` was given.

        Raises:
            Unreadable: it was sealed with another master key, or changed.
        """
        return _opened(self._secrets, sealed, b"credential")

    def _data_key(self, wrapped: bytes, buyer_id: str) -> AESGCM:
        return _cipher(_opened(self._wrapping, wrapped, buyer_id.encode()))


# One key set-up serves the orders a buyer has in a batch; few are kept, so that an erased buyer's
# key does not stay in memory for long.
@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _derived(master_key: bytes, purpose: bytes) -> bytes:
    """One key a purpose, so that no two uses of the master key can be played against each other."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"ocop " + purpose).derive(
        master_key
    )


def _sealed(cipher: AESGCM, plain: bytes, belongs_to: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + cipher.encrypt(nonce, plain, belongs_to)


def _opened(cipher: AESGCM, sealed: bytes, belongs_to: bytes) -> bytes:
    if sealed[: len(VERSION)] != VERSION or len(sealed) <= _HEAD:
        raise Unreadable("not a sealed value of a known version")
    try:
        return cipher.decrypt(sealed[len(VERSION) : _HEAD], sealed[_HEAD:], belongs_to)
    except InvalidTag:
        raise Unreadable("sealed with another key, for something else, or changed") from None
