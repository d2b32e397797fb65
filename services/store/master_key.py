"""The key that encrypts the buyers' keys."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from typing import TYPE_CHECKING, Final

from services.errors import OperatorError

if TYPE_CHECKING:
    from services.settings import Settings

KEY_BYTES: Final = 32


def master_key(settings: Settings) -> bytes:
    """32 bytes: OCOP_MASTER_KEY, or, beside an embedded database only, a file made on first use.

    Raises OperatorError when it is missing or is no key.
    """
    if settings.master_key is not None:
        return _decoded(settings.master_key.get_secret_value(), "OCOP_MASTER_KEY")
    if not settings.embedded_postgres:
        raise OperatorError(
            "OCOP_MASTER_KEY is needed with an existing database: 32 random bytes in base64, "
            "the same for every process, kept where the database's backups are not."
        )
    path = settings.data_dir / "master.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _decoded(path.read_text("ascii"), str(path))
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(file, "wb") as made:
        made.write(base64.b64encode(key))
    return key


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise OperatorError(f"{where} must be {KEY_BYTES} bytes in base64.")
    return key
