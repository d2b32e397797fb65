"""Lazada's two signatures: of our calls, and of its pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.channels.signing import hex_hmac

if TYPE_CHECKING:
    from collections.abc import Mapping


def call_signature(app_secret: str, path: str, params: Mapping[str, str]) -> str:
    """Upper-case hex over the path and every key and value, keys in ASCII order, nothing encoded."""
    pairs = sorted((key, value) for key, value in params.items() if key != "sign")
    base = path + "".join(key + value for key, value in pairs)
    return hex_hmac(app_secret.encode(), base.encode()).upper()


def push_signature(app_secret: bytes, app_key: str, raw: bytes) -> str:
    """Of a push: our app key, then the raw body."""
    return hex_hmac(app_secret, app_key.encode() + raw)
