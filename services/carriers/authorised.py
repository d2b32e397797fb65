"""Calls with a token, where a bad token looks like any other refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.http import Answer, AnswerLost, Line
from services.carriers.port import CarrierUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.carriers.token import TokenKeeper

UNAUTHORISED: Final = frozenset({401, 403})


class AuthorisedLine:
    """A line that adds the token and renews it.

    Errors are free text, so a refusal is believed only of a token that is good: it is tried on
    the harmless call `proof`. A refused call had no effect and may be made again.
    """

    def __init__(
        self,
        line: Line,
        token: TokenKeeper,
        *,
        header: str,
        refused: Callable[[Any], bool],
        proof: str,
    ) -> None:
        self._line = line
        self._token = token
        self._header = header
        self._refused = refused
        self._proof = proof

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make the call. Raises CarrierUnreachable and AnswerLost."""
        token = await self._token.current()
        answer = await self._send(method, path, token, body, params)
        if answer.status not in UNAUTHORISED and (
            not self._refused(answer.body) or await self._is_good(token)
        ):
            return answer
        fresh = await self._token.after(token)
        return await self._send(method, path, fresh, body, params)

    async def _send(
        self, method: str, path: str, token: str, body: object, params: Mapping[str, str] | None
    ) -> Answer:
        headers = {self._header: token}
        return await self._line.ask(method, path, body=body, headers=headers, params=params)

    async def _is_good(self, token: str) -> bool:
        try:
            answer = await self._send("GET", self._proof, token, None, None)
        except AnswerLost as lost:
            raise CarrierUnreachable(f"token not proved: {lost}") from lost
        return answer.status not in UNAUTHORISED and not self._refused(answer.body)
