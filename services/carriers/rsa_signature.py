"""Bodies that are signed with SHA-256 and RSA, as both of Vietnam Post's interfaces do."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    SignatureCheck: TypeAlias = Callable[[str, str, str], bool]
    """(public key PEM, signed text, signature as sent) → whether it is right."""


def sha256_with_rsa(public_key_pem: str, text: str, signature: str) -> bool:
    """True if `signature` (base64) is PKCS#1 v1.5 with SHA-256 over `text`. Never raises."""
    try:
        key = _rsa_key(public_key_pem)
        sent = base64.b64decode(signature, validate=True)
        key.verify(sent, text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=32)
def _rsa_key(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 (one error for a key that is no use)
    return key
