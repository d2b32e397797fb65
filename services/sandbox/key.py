"""The keys Vietnam Post's sandboxes sign with: kept in a file, so that a restart keeps its trust."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC_SUFFIX = ".pub"


def signing_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in `path`, made on first use; its public half lies beside it, with `.pub`.

    Raises TypeError if the file holds no RSA key.
    """
    if not path.exists():
        _make(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    path.with_name(path.name + PUBLIC_SUFFIX).write_text(public_pem(key))
    return key


def new_key() -> rsa.RSAPrivateKey:
    """A key of 2,048 bits that nobody has seen."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """What a customer checks the signatures with."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def signature(key: rsa.RSAPrivateKey, text: str) -> str:
    """SHA-256 with RSA (PKCS#1 v1.5) over a text, in base64."""
    signed = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode("ascii")


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = new_key()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
