"""Carriers that sign nothing: their URL holds a secret, as `?hash=` or `?key=`.

It is all the proof there is, so a partner's URL is kept like a password and can be rotated: two
secrets may be valid at a time. Ours never stand in a log line (no access log is written); what
stands before the gateway must not log query strings either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.carriers.webhook import NO_QUERY, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.webhook import Trusted


class SecretInUrl:
    """The check of a format that has no other. `parameter`: the URL's parameter."""

    signed_items: int | None = None
    parameter: ClassVar[str]

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        trusted: Trusted,
        query: Mapping[str, str] = NO_QUERY,
    ) -> bool:
        """True if the URL holds one of the partner's secrets. Constant time."""
        del raw, headers
        return is_secret(query.get(self.parameter), trusted)
