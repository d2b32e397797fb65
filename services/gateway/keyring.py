"""The valid credentials, in memory: a request costs one hash, not a query."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standardwebhooks import Webhook, WebhookVerificationError

from services.gateway.problems import unauthenticated
from services.store.credentials import Credential, OwnerKind, digest_of, read_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.store.pool import Connection

REFRESH_S = 5.0
"""A revoked key is refused, and a new one known, after this time at the latest."""

READ_PARTNERS = """
SELECT partner_id, carrier, api, verification, public_key FROM registry.partners
"""


@dataclass(frozen=True, slots=True)
class Partner:
    """Who sends a carrier's events, and how that is proven."""

    partner_id: str
    carrier: str
    api: str
    verification: str
    public_key: str | None


@dataclass(slots=True)
class Keyring:
    """Credentials by key id and by owner, partners by carrier and api and by their own id."""

    open_secret: Callable[[bytes], bytes]
    by_key_id: dict[str, Credential] = field(default_factory=dict)
    by_owner: dict[tuple[str, str], list[Credential]] = field(default_factory=dict)
    partners: dict[tuple[str, str], Partner] = field(default_factory=dict)
    partners_by_id: dict[str, Partner] = field(default_factory=dict)
    _webhooks: dict[str, Webhook] = field(default_factory=dict)
    _secrets: dict[str, bytes] = field(default_factory=dict, repr=False)

    async def refresh(self, connection: Connection) -> None:
        """Read everything again."""
        by_key_id: dict[str, Credential] = {}
        by_owner: dict[tuple[str, str], list[Credential]] = {}
        for credential in await read_credentials(connection):
            by_key_id[credential.key_id] = credential
            owner = (credential.owner_kind, credential.owner_id)
            by_owner.setdefault(owner, []).append(credential)
        rows = await connection.fetch(READ_PARTNERS)
        partners = [Partner(**row) for row in rows]
        self.partners = {(partner.carrier, partner.api): partner for partner in partners}
        self.partners_by_id = {partner.partner_id: partner for partner in partners}
        self.by_key_id, self.by_owner = by_key_id, by_owner

    def owner_of(self, authorization: str | None, *kinds: OwnerKind) -> Credential:
        """Whose API key `Authorization: Bearer ocop_…` is, if its owner is one of `kinds`.

        Raises:
            Problem: 401.
        """
        scheme, _, key = (authorization or "").partition(" ")
        parts = key.strip().split("_", 2)
        key_id = parts[1] if len(parts) == len(("ocop", "id", "secret")) else ""
        credential = self.by_key_id.get(key_id)
        expected = (credential.digest if credential else None) or bytes(32)
        matches = hmac.compare_digest(digest_of(key.strip()), expected)
        if scheme.lower() != "bearer" or credential is None or not matches:
            detail = "send a valid key as `Authorization: Bearer ocop_…`; `ocop keys` issues them"
            raise unauthenticated(detail)
        if credential.owner_kind not in kinds:
            raise unauthenticated(f"this call is for {' and '.join(kinds)} keys")
        return credential

    def digests(self, kind: OwnerKind, owner_id: str) -> list[bytes]:
        """SHA-256 of the owner's valid static secrets."""
        owned = self.by_owner.get((kind, owner_id), [])
        return [credential.digest for credential in owned if credential.digest]

    def secrets(self, kind: OwnerKind, owner_id: str) -> list[bytes]:
        """The owner's valid signing secrets, the newest first."""
        owned = self.by_owner.get((kind, owner_id), [])
        return [self._secret(credential) for credential in owned if credential.sealed]

    def is_signed(
        self, kind: OwnerKind, owner_id: str, raw: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Whether a Standard Webhooks signature over the raw body matches a valid secret."""
        for credential in self.by_owner.get((kind, owner_id), []):
            if credential.sealed is not None and verified(self._webhook(credential), raw, headers):
                return True
        return False

    def _secret(self, credential: Credential) -> bytes:
        """Opened once: a push must be answered within half a second."""
        secret = self._secrets.get(credential.key_id)
        if secret is None:
            secret = self._secrets[credential.key_id] = self.open_secret(credential.sealed or b"")
        return secret

    def _webhook(self, credential: Credential) -> Webhook:
        webhook = self._webhooks.get(credential.key_id)
        if webhook is None:
            webhook = Webhook(base64.b64encode(self._secret(credential)).decode())
            self._webhooks[credential.key_id] = webhook
        return webhook


def verified(webhook: Webhook, raw: bytes, headers: Mapping[str, str]) -> bool:
    """Signature and timestamp are right; what the body says does not matter here."""
    try:
        webhook.verify(raw, dict(headers))
    except json.JSONDecodeError:
        return True  # the library reads the body last, once the signature is right
    except (WebhookVerificationError, ValueError):
        return False  # a malformed signature is a ValueError
    return True
