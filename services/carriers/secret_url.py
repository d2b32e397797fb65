"""Carriers that sign nothing: their URL holds a secret, as `?hash=` or `?key=`.

It is all the proof there is, so a partner's URL is kept like a password and can be rotated: two
secrets may be valid at a time. Ours never stand in a log line (no access log is written); what
stands before the gateway must not log query strings either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.carriers.webhook import is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.webhook import Trusted


def in_url(name: str, query: Mapping[str, str], trusted: Trusted) -> bool:
    """True if the parameter `name` of the URL is one of the partner's secrets. Constant time."""
    return is_secret(query.get(name), trusted)
