"""Shopee's two signatures: of our calls, and of its pushes."""

from __future__ import annotations

from services.channels.signing import hex_hmac


def call_signature(  # noqa: PLR0917 - the parts of what is signed, in their order
    partner_key: str, partner_id: str, path: str, stamp: int, token: str = "", shop: str = ""
) -> str:
    """Of one call; without token and shop it is a public one. `stamp`: Unix s, good for 5 minutes."""
    base = f"{partner_id}{path}{stamp}{token}{shop}"
    return hex_hmac(partner_key.encode(), base.encode())


def push_signature(partner_key: bytes, url: str, raw: bytes) -> str:
    """Of a push: the registered URL, byte for byte, then the raw body."""
    return hex_hmac(partner_key, url.encode() + b"|" + raw)
