"""Maps every possible answer of X to one class of errors.py: status, headers and parsed body in, an error or None out.

It makes no requests. The outbox decides which state follows from each class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import Duplicate, Gone, Halted, RateLimited, Refused, TryLater, Unexplained, Unknown, XError
from bot.x.payloads import is_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WINDOW = timedelta(minutes=15)  # X counts most limits in windows of this length
DAY = timedelta(days=1)
LONGEST_WAIT = timedelta(days=31)  # no limit of X lasts longer; a later reset is an error of X
LONGEST_QUOTE = 200  # characters of X's own words in a message


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of X: header names in lower case, and the body as JSON, or None if it is not JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row of the table below. It matches by status and, if it has any codes, kinds or phrases, by one of these."""

    status: int
    error: type[XError]
    advice: str
    codes: frozenset[int] = frozenset()  # of errors[], as in version 1.1 of the API
    kinds: tuple[str, ...] = ()  # part of the last segment of `type`, of `title` or of `reason`
    phrases: tuple[str, ...] = ()  # part of X's message
    method: str | None = None
    wait: timedelta = WINDOW  # how long a limit lasts when X does not say

    def matches(self, answer: Answer, method: str) -> bool:
        if answer.status != self.status or self.method not in (None, method):
            return False
        if not (self.codes or self.kinds or self.phrases):
            return True
        return any(
            _code(problem) in self.codes
            or any(kind in name for kind in self.kinds for name in _names(problem))
            or any(phrase in _words(problem).casefold() for phrase in self.phrases)
            for problem in _problems(answer.body)
        )


# 403s about this post that say nothing about the account. X has two wordings for a reply to somebody who did not
# mention the bot.
ABOUT_THIS_POST = (
    "reply to this conversation is not allowed",
    "you can only reply to or quote posts",
    "quoting this post is not allowed",
    "deleted or not visible to you",
    "text is too long",
    "more than one cashtag",
)
# The first row that matches counts, so rows with codes, kinds or phrases come before the bare status. The bodies were
# seen in 2026.
CONSOLE = "X's developer console"
MEANINGS = (
    Meaning(200, Refused, "there is no account with that name", kinds=("resource-not-found",), method="GET"),
    Meaning(400, Halted, f"the keys are not accepted; make new ones in {CONSOLE}", codes=frozenset({32, 89, 215})),
    Meaning(400, TryLater, "nothing was created; if this repeats, the request itself is wrong"),
    Meaning(401, Halted, f"one 401 may be an outage of X; if a later try says the same, make new keys in {CONSOLE}"),
    Meaning(402, Halted, f"the credits are used up; buy some in {CONSOLE}"),
    Meaning(
        403,
        Duplicate,
        "the account has posted this text already; an earlier try may be in its timeline",
        codes=frozenset({187}),
        phrases=("duplicate content", "status is a duplicate"),
    ),
    Meaning(403, RateLimited, "the account has reached its daily limit of posts", codes=frozenset({185}), wait=DAY),
    Meaning(
        403,
        Halted,
        "the account is suspended; sign in on x.com to see why",
        codes=frozenset({64}),
        kinds=("suspended",),
    ),
    Meaning(403, Halted, "X considers this spam; sign in on x.com and check the account", codes=frozenset({226})),
    Meaning(403, Halted, "the account is locked; sign in on x.com to unlock it", codes=frozenset({326})),
    Meaning(
        403,
        Halted,
        f"the app may not write; set Read and write in {CONSOLE}, then make new access tokens",
        codes=frozenset({261}),
        kinds=("oauth1-permissions",),
    ),
    Meaning(
        403,
        Halted,
        f"the keys are not accepted; make the four OAuth 1.0a keys in {CONSOLE}",
        codes=frozenset({32, 89}),
        kinds=("unsupported-authentication",),
    ),
    Meaning(
        403,
        Halted,
        f"the app is not enrolled for this; see its project in {CONSOLE}",
        kinds=("client-forbidden", "client-not-enrolled"),
    ),
    Meaning(
        403,
        Refused,
        "replies are allowed only to those who mentioned the bot; it will not be tried again",
        phrases=("have not been mentioned or otherwise engaged", "where you are mentioned or are the author"),
    ),
    Meaning(403, Refused, "the post that it replies to no longer exists", phrases=("deleted or not visible to you",)),
    Meaning(403, Refused, "X refuses this post; nothing was created", phrases=ABOUT_THIS_POST),
    Meaning(403, Unexplained, "nothing was created, for an unknown reason"),
    Meaning(404, Gone, "there is no post with that id", method="DELETE"),
    Meaning(404, TryLater, "nothing was created; if this repeats, check x.base_url"),
    Meaning(
        429,
        RateLimited,
        f"the account has reached a cap; raise it in {CONSOLE}, or wait",
        kinds=("usage-capped", "usagecapexceeded"),
        wait=DAY,
    ),
    Meaning(429, RateLimited, "X's rate limit is reached; it will be tried again after the wait"),
)


def why_not(answer: Answer, *, method: str, path: str, now: datetime) -> XError | None:
    """Why X did not do what `method path` asked for; None if it confirms that it did."""
    request = f"{method} {path}"
    is_success = 200 <= answer.status < 300
    if is_success and _confirms(answer.body, method):
        return None
    for meaning in MEANINGS:
        if meaning.matches(answer, method):
            message = f"X answered {answer.status} to {request}{quote(answer)}: {meaning.advice}"
            if issubclass(meaning.error, RateLimited):
                return meaning.error(message, until=_until(answer.headers, now, meaning.wait))
            return meaning.error(message)
    incomplete = " without a result" if is_success else ""
    return _in_doubt(f"X answered {answer.status} to {request}{incomplete}{quote(answer)}", method)


def no_answer(why: str, *, method: str, path: str, sent: bool) -> XError:
    """The error of a request without an answer; `sent`: a part of it may have reached X."""
    if not sent:
        return TryLater(f"X could not be reached for {method} {path} ({why}): check the network and x.base_url")
    return _in_doubt(f"The connection to X broke during {method} {path} ({why})", method)


def _in_doubt(message: str, method: str) -> XError:
    # Only a repeated POST makes a second post; reads and deletes can be repeated.
    if method == "POST":
        return Unknown(f"{message}: the post may or may not exist, only the account's timeline shows which")
    return TryLater(f"{message}: it can be tried again")


def _confirms(body: Any, method: str) -> bool:
    if not isinstance(body, dict):
        return False
    data = body.get("data")
    match method:
        case "POST":
            return isinstance(data, dict) and is_id(data.get("id"))
        case "DELETE":
            return isinstance(data, dict) and data.get("deleted") is True
        case _:
            # An empty timeline has no data, only {"meta": {"result_count": 0}}.
            return data is not None or isinstance(body.get("meta"), dict)


def _until(headers: Mapping[str, str], now: datetime, wait: timedelta) -> datetime:
    """When the limit ends by X's headers, or after `wait` if they are missing, past or absurd (seen with caps)."""
    daily = (name for name in ("x-app-limit-24hour", "x-user-limit-24hour") if headers.get(f"{name}-remaining") == "0")
    resets = [headers.get(f"{name}-reset", "") for name in ("x-rate-limit", *daily)]
    seconds = [int(reset) for reset in resets if is_id(reset) and len(reset) <= 11]  # 11 digits: the year 5138
    ends = [datetime.fromtimestamp(second, UTC) for second in seconds]
    return max((end for end in ends if now < end <= now + LONGEST_WAIT), default=now + wait)


def _problems(body: Any) -> Iterator[dict[str, Any]]:
    """The body itself as a problem document, then each entry of its errors[]."""
    if not isinstance(body, dict):
        return
    yield body
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield error


def _code(problem: dict[str, Any]) -> int | None:
    return code if isinstance(code := problem.get("code"), int) else None


def _names(problem: dict[str, Any]) -> Iterator[str]:
    for key in ("type", "title", "reason"):
        if isinstance(name := problem.get(key), str):
            # Types start with api.twitter.com or api.x.com: only the last segment is the name.
            yield name.rsplit("/", 1)[-1].casefold()


def _words(problem: dict[str, Any]) -> str:
    keys = ("detail", "message", "error_description", "title")
    return next((words for key in keys if isinstance(words := problem.get(key), str)), "")


def quote(answer: Answer) -> str:
    """X's message in brackets: one line of bounded length, with nothing that could move a terminal's cursor."""
    words = next(filter(None, map(_words, _problems(answer.body))), "")
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return f" ({line[:LONGEST_QUOTE]})" if line else ""
