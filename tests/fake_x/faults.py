"""Faults of a single request, by name. Bodies are X's own wherever one has been published.

A fault states whether the request takes effect first, and how the answer is changed; server.py applies it.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"
PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Ray ID: 0</body></html>"
BOMB = gzip.compress(bytes(40_000_000), mtime=0)  # of zeros: forty kilobytes
PROBLEMS = "https://api.twitter.com/2/problems"


class End(Enum):
    """How the connection ends."""

    ANSWER = "a whole answer"
    CUT = "half the body"
    RESET = "a reset in place of an answer"
    HANG = "silence until the server stops"
    ENDLESS = "a body that never ends"
    TRICKLE = "a body of a byte now and then, that never ends"
    TRICKLE_HEAD = "the same with a header"


@dataclass(frozen=True, slots=True)
class Fault:
    """`status` None keeps the regular answer; `commits`: the request takes effect before the fault."""

    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)  # None: this header is left out
    kind: str = PROBLEM
    commits: bool = False
    echoes: bool = False  # the answer repeats the request, keys included
    end: End = End.ANSWER


def problem(status: int, title: str, detail: str, type_: str = "about:blank", **more: Any) -> Fault:
    body = {"title": title, "detail": detail, "type": type_, "status": status, **more}
    return Fault(status, json.dumps(body).encode())


def forbidden(detail: str, type_: str = "about:blank", **more: Any) -> Fault:
    return problem(403, "Forbidden", detail, type_, **more)


def code(status: int, number: int, message: str) -> Fault:
    """An error of version 1.1 of the API."""
    return Fault(status, json.dumps({"errors": [{"code": number, "message": message}]}).encode(), kind=JSON)


def limited(fault: Fault, **headers: str | None) -> Fault:
    """The same with other rate-limit headers: `reset="0"` is in the past, `reset=None` is missing."""
    return Fault(fault.status, fault.body, {f"x-rate-limit-{name}": value for name, value in headers.items()})


TOO_MANY = problem(429, "Too Many Requests", "Too Many Requests")
CAPPED = problem(429, "UsageCapExceeded", "Usage cap exceeded: Monthly product cap", f"{PROBLEMS}/usage-capped")

FAULTS: dict[str, Fault] = {
    "ok": Fault(),
    # 403 about this post
    "duplicate": forbidden("You are not allowed to create a Tweet with duplicate content."),
    "duplicate_187": code(403, 187, "Status is a duplicate."),
    "not_summoned": forbidden(
        "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the"
        " author of the post you are replying to."
    ),
    "not_summoned_newer": forbidden("You can only reply to or quote posts where you are mentioned or are the author."),
    "quote_gate": forbidden(
        "Quoting this post is not allowed because you have not been mentioned or are not part of the conversation"
        " thread of the post you are quoting."
    ),
    "target_gone": forbidden("You attempted to reply to a Tweet that is deleted or not visible to you."),
    "forbidden": forbidden("You are not permitted to perform this action."),
    "forbidden_html": Fault(403, PAGE, kind="text/html"),
    "echo": Fault(403, echoes=True),
    # 403 about the account, the app or the keys
    "permissions": forbidden(
        "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.",
        f"{PROBLEMS}/oauth1-permissions",
    ),
    "permissions_x": forbidden(
        "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.",
        "https://api.x.com/2/problems/oauth1-permissions",
    ),
    "auth_kind": forbidden(
        "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.",
        f"{PROBLEMS}/unsupported-authentication",
    ),
    "not_enrolled": forbidden(
        "When authenticating requests to the Twitter API v2 endpoints, you must use keys from an enrolled app.",
        f"{PROBLEMS}/client-forbidden",
        reason="client-not-enrolled",
    ),
    "suspended": forbidden("Your account is suspended.", f"{PROBLEMS}/user-suspended"),
    "suspended_64": code(403, 64, "Your account is suspended and is not permitted to access this feature."),
    "token_89": code(403, 89, "Invalid or expired token."),
    "daily_185": code(403, 185, "User is over daily status update limit."),
    "automated_226": code(403, 226, "This request looks like it might be automated."),
    "no_write_261": code(403, 261, "Application cannot perform write actions."),
    "locked_326": code(
        403, 326, "To protect our users from spam and other malicious activity, this account is locked."
    ),
    # other refusals
    "bad_request": problem(400, "Invalid Request", "One or more parameters to your request was invalid."),
    "bad_auth_32": code(400, 32, "Could not authenticate you."),
    "unauthorized": problem(401, "Unauthorized", "Unauthorized"),
    "unauthorized_html": Fault(401, PAGE, kind="text/html"),
    "no_credits": Fault(
        402,
        json.dumps(
            {
                "type": f"{PROBLEMS}/credits",
                "title": "CreditsDepleted",
                "detail": "Your enrolled account [1] does not have any credits to fulfill this request.",
            }
        ).encode(),
    ),
    "not_found": problem(404, "Not Found", "Not Found"),
    "teapot": problem(418, "Teapot", "A status that is not in the books."),
    # limits
    "too_many": TOO_MANY,
    "too_many_88": code(429, 88, "Rate limit exceeded"),
    "too_many_no_reset": limited(TOO_MANY, reset=None),
    "too_many_past_reset": limited(TOO_MANY, reset="1000000000"),
    "too_many_absurd_reset": limited(TOO_MANY, reset="9" * 30),
    "too_many_html": Fault(429, PAGE, {"x-rate-limit-reset": None}, kind="text/html"),
    "capped_no_reset": limited(CAPPED, reset=None),
    "capped_past_reset": limited(CAPPED, reset="1000000000"),
    # server errors, before and after the post was made
    "unavailable": problem(503, "Service Unavailable", "Service Unavailable"),
    "unavailable_text": Fault(503, b"upstream connect error", kind="text/plain"),
    "unavailable_after": Fault(503, PAGE, kind="text/html", commits=True),
    "server_error_list": Fault(500, b'["not", "an", "object"]', kind=JSON),
    "redirect": Fault(307, b"", {"Location": "/2/tweets"}, kind=JSON),
    "redirect_away": Fault(308, b"", {"Location": "http://elsewhere.invalid/2/tweets"}, kind=JSON),
    # a good status with a bad body
    "html": Fault(200, PAGE, kind="text/html"),
    "created_html": Fault(201, PAGE, kind="text/html", commits=True),
    "created_no_id": Fault(201, b'{"data":{"text":"hello"}}', kind=JSON, commits=True),
    "created_null": Fault(201, b"null", kind=JSON, commits=True),
    "created_empty": Fault(201, b"", kind=JSON, commits=True),
    "created_deep": Fault(201, b"[" * 100_000, kind=JSON, commits=True),
    "created_long_number": Fault(201, b'{"data":' + b"9" * 5_000 + b"}", kind=JSON, commits=True),
    "created_bad_zip": Fault(201, b"not zipped", {"Content-Encoding": "gzip"}, kind=JSON, commits=True),
    "only_errors": Fault(200, b'{"errors":[{"title":"Over capacity","detail":"Over capacity"}]}', kind=JSON),
    # the connection
    "reset_before": Fault(end=End.RESET),
    "reset_after": Fault(end=End.RESET, commits=True),
    "hang_before": Fault(end=End.HANG),
    "hang_after": Fault(end=End.HANG, commits=True),
    "cut": Fault(end=End.CUT, commits=True),
    "endless": Fault(201, b"x" * 100_000, end=End.ENDLESS, commits=True),
    "zipped_bomb": Fault(201, BOMB, {"Content-Encoding": "gzip"}, kind=JSON, commits=True),
    "trickle": Fault(201, b" ", end=End.TRICKLE, commits=True),
    "trickling_head": Fault(201, b"x", end=End.TRICKLE_HEAD, commits=True),
}
