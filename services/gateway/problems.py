"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import asyncpg
import orjson
import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

DATABASE_AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
)
"""What asyncpg raises while the server is away, is shutting down, or is coming up."""


class Problem(Exception):
    """An answer that is not 2xx: a stable `code`, and a sentence that says what to do.

    `more`: members of the document beside the usual ones.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after_s: float | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.more = more or {}


def unauthenticated(detail: str) -> Problem:
    """Nobody we know, or the signature is wrong; which of the two is not told."""
    return Problem(401, "unauthenticated", detail)


def not_durable() -> Problem:
    """The record was not confirmed; the sender must send it again."""
    return Problem(
        503,
        "not_stored",
        "the request could not be stored durably; send it again",
        retry_after_s=RETRY_AFTER_S,
    )


def unavailable() -> Problem:
    """Something we need is away for a moment; nobody can say whether a write was made."""
    return Problem(
        503,
        "unavailable",
        "the request could not be served now; send it again",
        retry_after_s=RETRY_AFTER_S,
    )


def problem_response(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **problem.more,
    }
    headers = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(body), problem.status, headers, MEDIA_TYPE)


async def answer_problem(_: Request, error: Exception) -> Response:
    """Our own problems."""
    if not isinstance(error, Problem):
        raise error
    return problem_response(error)


async def answer_http_error(_: Request, error: Exception) -> Response:
    """The framework's: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    return problem_response(Problem(error.status_code, code, str(error.detail)))


async def answer_invalid(_: Request, error: Exception) -> Response:
    """A query or path parameter of the wrong form."""
    if not isinstance(error, RequestValidationError):
        raise error
    told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return problem_response(Problem(422, "invalid_request", told))


async def answer_away(_: Request, error: Exception) -> Response:
    """The database went away under a request."""
    log.warning("request_not_served", error=type(error).__name__)
    return problem_response(unavailable())


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, answer_away)
