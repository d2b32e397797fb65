"""What carriers' and marketplaces' servers do alike with whoever calls them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.yard import Yard

UNAUTHORISED: Final = 401


class Tokens:
    """Tokens that were given out: to whom, and until when each is good (Unix seconds)."""

    def __init__(self) -> None:
        self._given: dict[str, tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._given)

    def give(self, seconds: float, holder: str = "") -> tuple[str, float]:
        """A new token, and when it ends."""
        token, ends = secrets.token_urlsafe(24), time.time() + seconds
        self._given[token] = (holder, ends)
        return token, ends

    def holds(self, token: str) -> bool:
        """Whether it was given out and is still good."""
        return self._given.get(token, ("", 0.0))[1] > time.time()

    def bearer(self, request: web.Request) -> str | None:
        """Whose token `Authorization: Bearer …` names; None if it is none, or has ended."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        good = scheme == "Bearer" and self.holds(token)
        return self._given[token][0] or None if good else None

    def forget(self) -> None:
        """None of them is good any more."""
        self._given.clear()


class ShopTokens:
    """Access tokens that need no login: `<shop>:<the secret>`, another one after each `forget`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._forgotten = 0

    def of(self, shop: str) -> str:
        """The shop's as it is now."""
        turn = f":{self._forgotten}" if self._forgotten else ""
        return f"{shop}:{self._secret}{turn}"

    def forget(self) -> None:
        """None of them is good any more."""
        self._forgotten += 1


async def json_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body; an empty one for whatever else stands there."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def objection(yard: Yard, reference: str) -> str | None:
    """What a carrier has against an order that is well written."""
    if yard.options.unique_references and reference in yard.by_reference:
        yard.totals["refused_repeated"] += 1
        return "Mã đơn hàng đã tồn tại"
    return "Không hỗ trợ tuyến này" if yard.refuses(reference) else None
