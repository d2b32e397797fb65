"""Rate limits and problems of the gateway."""

from __future__ import annotations

import orjson
import pytest

from services.gateway.limits import RateLimit
from services.gateway.problems import Problem, problem_response


def test_a_burst_passes_and_the_next_request_waits() -> None:
    limit = RateLimit(rate=2, burst=3)
    for _ in range(3):
        limit.take("seller", now=100.0)
    with pytest.raises(Problem) as refused:
        limit.take("seller", now=100.0)
    assert refused.value.status == 429
    assert refused.value.retry_after_s == 1
    limit.take("seller", now=100.5)


def test_one_sender_does_not_use_up_anothers_rate() -> None:
    limit = RateLimit(rate=1, burst=1)
    limit.take("a", now=0.0)
    limit.take("b", now=0.0)


def test_a_problem_says_code_and_sentence_and_when_to_come_back() -> None:
    answer = problem_response(Problem(503, "not_stored", "send it again", retry_after_s=0.2))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.media_type == "application/problem+json"
    assert orjson.loads(answer.body)["code"] == "not_stored"
