"""`Idempotency-Key`: the first answer is given again to every repeat of a request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from services.gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.store.pool import Pool

KEY_MAX_CHARACTERS = 128

# Take the key for this request, or find who has it. A first request that died without an answer is
# given up after longer than an append may take: doing it again is harmless, intake knows the order.
CLAIM = """
INSERT INTO gateway.idempotency_keys AS kept (owner_id, key, fingerprint)
VALUES ($1, $2, $3)
ON CONFLICT (owner_id, key) DO UPDATE SET started_at = now()
WHERE kept.answer IS NULL AND kept.fingerprint = $3
  AND kept.started_at < now() - interval '15 seconds'
RETURNING true
"""

FIND = "SELECT fingerprint, answer FROM gateway.idempotency_keys WHERE owner_id = $1 AND key = $2"

KEEP = "UPDATE gateway.idempotency_keys SET answer = $3 WHERE owner_id = $1 AND key = $2"

# The request failed and may be repeated at once.
LET_GO = """
DELETE FROM gateway.idempotency_keys WHERE owner_id = $1 AND key = $2 AND answer IS NULL
"""


async def answer_once(
    pool: Pool,
    owner_id: str,
    key: str | None,
    request: bytes,
    perform: Callable[[], Awaitable[bytes]],
) -> bytes:
    """The answer of `perform`, or the answer the same request got before.

    Raises:
        Problem: 400 without a key, 422 if the key was used for another request, 409 while the
            first request is still being worked on.
    """
    if not key or len(key) > KEY_MAX_CHARACTERS:
        detail = f"send an Idempotency-Key header of 1 to {KEY_MAX_CHARACTERS} characters"
        raise Problem(400, "idempotency_key_missing", detail)
    fingerprint = hashlib.sha256(request).digest()
    if not await pool.fetchval(CLAIM, owner_id, key, fingerprint):
        return await earlier_answer(pool, owner_id, key, fingerprint)
    try:
        answer = await perform()
    except BaseException:
        await pool.execute(LET_GO, owner_id, key)
        raise
    await pool.execute(KEEP, owner_id, key, answer)
    return answer


async def earlier_answer(pool: Pool, owner_id: str, key: str, fingerprint: bytes) -> bytes:
    """What the first request with this key was answered."""
    row = await pool.fetchrow(FIND, owner_id, key)
    if row is not None and row["fingerprint"] != fingerprint:
        detail = "this Idempotency-Key was used with another body"
        raise Problem(422, "idempotency_key_reused", detail)
    if row is None or row["answer"] is None:
        detail = "the first request with this Idempotency-Key is still being worked on"
        raise Problem(409, "in_progress", detail, retry_after_s=1)
    answer: bytes = row["answer"]
    return answer
