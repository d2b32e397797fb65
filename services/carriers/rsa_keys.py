"""A partner's RSA public key, however it is handed over: as PEM, or as modulus and exponent."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from services.errors import OperatorError

XML: Final = re.compile(r"<(Modulus|Exponent)>\s*([A-Za-z0-9+/=\s]+?)\s*</\1>", re.IGNORECASE)
SMALLEST_BITS: Final = 2048


class NotAnRsaKey(OperatorError):
    """The text holds no RSA public key of 2,048 bits or more."""


def public_key_pem(text: str) -> str:
    """The key as PEM.

    Taken are PEM, `{"modulus": "…", "exponent": "AQAB"}` in base64, and .NET's `<RSAKeyValue>`.

    Raises:
        NotAnRsaKey: it is none of them.
    """
    try:
        key = _read(text.strip())
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error) as error:
        raise NotAnRsaKey(f"This is no RSA public key: {error}.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_BITS:
        raise NotAnRsaKey(f"An RSA public key of at least {SMALLEST_BITS} bits is needed.")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _read(text: str) -> object:
    if text.startswith("-----"):
        return load_pem_public_key(text.encode())
    if text.startswith("{"):
        named = {str(name).lower(): value for name, value in orjson.loads(text).items()}
    else:
        named = {name.lower(): value for name, value in XML.findall(text)}
    modulus, exponent = (_number(named.get(name)) for name in ("modulus", "exponent"))
    return RSAPublicNumbers(exponent, modulus).public_key()


def _number(text: object) -> int:
    if not isinstance(text, str):
        raise TypeError("modulus and exponent are missing")
    return int.from_bytes(base64.b64decode("".join(text.split()), validate=True))
