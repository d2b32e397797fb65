"""Every partner's exam at a real gateway: what it may rely on, and what it must not try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.carriers.directory import INTERFACES
from services.channels.formats import PUSHES
from services.channels.port import ChannelAccount
from services.conform.gateway import examine_gateway
from services.conform.senders import SENDERS, Credentials, sender_of
from services.conform.verdict import Outcome, holds
from services.store.credentials import (
    adopt_secret,
    issue_signing_secret,
    seal_secret,
    trust_public_key,
)
from services.store.vault import Vault
from tests.integration.gateway.conftest import MASTER_KEY

if TYPE_CHECKING:
    from services.conform.verdict import Verdict
    from tests.integration.gateway.conftest import Served

SECRET = "a-secret-both-sides-know"
SIGNED_WITH_RSA = {"vnpost": "vnpost", "vnpost_legacy": "vnpost_legacy"}
FEEDS = {"postmart", "voso"}
MARKETPLACES = {"shopee", "lazada"}
PUSH_URL = "https://ocop.example/hooks"


async def joined(served: Served, name: str) -> Credentials:
    """Let the partner join as ops would, and say what it then holds."""
    seal = Vault(MASTER_KEY).seal_secret
    credentials = Credentials(SECRET)
    async with served.pool.acquire() as connection:
        if name in FEEDS:
            credentials = Credentials(await issue_signing_secret(connection, "channel", name, seal))
        elif name in SIGNED_WITH_RSA:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            assert await trust_public_key(connection, SIGNED_WITH_RSA[name], public.decode())
            private = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            credentials = Credentials(private.decode())
        elif name == "rural-post":
            await connection.execute(
                """INSERT INTO registry.partners (partner_id, carrier, api, verification)
                   VALUES ('rural-post', 'ruralpost', 'generic', 'standard_webhooks')"""
            )
            secret = await issue_signing_secret(connection, "partner", name, seal)
            credentials = Credentials(secret)
        elif name in MARKETPLACES:
            await seal_secret(connection, name, SECRET, seal)
            credentials = Credentials(SECRET, "100001", PUSH_URL)
            account = ChannelAccount("http://127.0.0.1:9", "100001", PUSH_URL)
            served.parts.channels = {name: account}
        else:
            await adopt_secret(connection, "partner", name, SECRET)
        await served.parts.keyring.refresh(connection)
    return credentials


@pytest.mark.parametrize("name", [*SENDERS, "rural-post"])
async def test_the_gateway_keeps_its_side(served: Served, name: str) -> None:
    sender = sender_of(name, await joined(served, name))
    verdicts = await examine_gateway(served.url, sender)
    assert holds(verdicts), failures(verdicts)
    assert sum(verdict.outcome is Outcome.PASSED for verdict in verdicts) >= 10


async def test_a_partner_with_the_wrong_secret_is_told_what_to_compare(served: Served) -> None:
    await joined(served, "ghn")
    verdicts = await examine_gateway(served.url, sender_of("ghn", Credentials("another")))
    (first, *_) = verdicts
    assert first.outcome is Outcome.FAILED
    assert first.seen.startswith("answered 401 instead of 200")
    assert "compare the secret" in first.advice


def test_everybody_who_sends_to_us_has_an_exam() -> None:
    assert {row.name for row in INTERFACES} | FEEDS | set(PUSHES) == set(SENDERS)


def failures(verdicts: list[Verdict]) -> str:
    return "\n".join(
        f"{verdict.case}: {verdict.seen}"
        for verdict in verdicts
        if verdict.outcome is Outcome.FAILED
    )
