"""What an answer of X means: for every answer there can be, one class of errors.py, hence one action.

It knows no network and no HTTP library: status, headers and parsed body in, an error or None out. The states that
follow from each class are the outbox's business.
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
LONGEST_WAIT = timedelta(days=31)  # no limit of X lasts longer; a reset beyond that is nonsense
LONGEST_QUOTE = 200  # characters of X's own words in a message


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of X: header names in lower case, and the body as JSON, None where it is none."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row of the table below: it fits by status and, where it names any, by one of its marks."""

    status: int
    error: type[XError]
    advice: str
    codes: frozenset[int] = frozenset()  # of errors[], as in version 1.1 of the API
    kinds: tuple[str, ...] = ()  # part of the type's last segment, the title or the reason
    phrases: tuple[str, ...] = ()  # part of what X says in words
    method: str | None = None
    wait: timedelta = WINDOW  # how long a limit lasts when X does not say

    def fits(self, answer: Answer, method: str) -> bool:
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


# 403s that are about this post and say nothing of the account. Two wordings for who was not summoned are known.
ABOUT_THIS_POST = (
    "reply to this conversation is not allowed",
    "you can only reply to or quote posts",
    "quoting this post is not allowed",
    "deleted or not visible to you",
    "text is too long",
    "more than one cashtag",
)
# The first row that fits is the meaning: marks before the bare status. The bodies were seen in 2026.
CONSOLE = "X's developer console"
MEANINGS = (
    Meaning(200, Refused, "there is nobody of that name", kinds=("resource-not-found",), method="GET"),
    Meaning(400, Halted, f"the keys are not accepted; make new ones in {CONSOLE}", codes=frozenset({32, 89, 215})),
    Meaning(400, TryLater, "nothing was created; if it keeps saying so, the request itself is wrong"),
    Meaning(401, Halted, f"one 401 may be an outage of X; if a later try says the same, make new keys in {CONSOLE}"),
    Meaning(402, Halted, f"the credits are used up; buy some in {CONSOLE}"),
    Meaning(
        403,
        Duplicate,
        "it has this text already; look at the timeline, an earlier try may be there",
        codes=frozenset({187}),
        phrases=("duplicate content", "status is a duplicate"),
    ),
    Meaning(403, RateLimited, "the account's posts of the day are used up", codes=frozenset({185}), wait=DAY),
    Meaning(
        403,
        Halted,
        "the account is suspended; sign in on x.com to see why",
        codes=frozenset({64}),
        kinds=("suspended",),
    ),
    Meaning(403, Halted, "X takes this for spam; sign in on x.com and check the account", codes=frozenset({226})),
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
        "who is to be answered must have called on the bot; it will not be tried again",
        phrases=("have not been mentioned or otherwise engaged", "where you are mentioned or are the author"),
    ),
    Meaning(403, Refused, "what it answers is no longer there", phrases=("deleted or not visible to you",)),
    Meaning(403, Refused, "X does not want this one; nothing was created", phrases=ABOUT_THIS_POST),
    Meaning(403, Unexplained, "nothing was created, and why X does not want it is not known"),
    Meaning(404, Gone, "there is nothing of that id", method="DELETE"),
    Meaning(404, TryLater, "nothing was created; check x.base_url if it stays so"),
    Meaning(
        429,
        RateLimited,
        f"a cap of the account is reached; raise it in {CONSOLE}, or wait",
        kinds=("usage-capped", "usagecapexceeded"),
        wait=DAY,
    ),
    Meaning(429, RateLimited, "the limit of X is reached; it will be tried again after the wait"),
)


def why_not(answer: Answer, *, method: str, path: str, now: datetime) -> XError | None:
    """Why X did not do what `method path` asked; None if it says that it did."""
    request = f"{method} {path}"
    is_well = 200 <= answer.status < 300
    if is_well and _done(answer.body, method):
        return None
    for meaning in MEANINGS:
        if meaning.fits(answer, method):
            message = f"X answered {answer.status} to {request}{quote(answer)}: {meaning.advice}"
            if issubclass(meaning.error, RateLimited):
                return meaning.error(message, until=_until(answer.headers, now, meaning.wait))
            return meaning.error(message)
    lacking = " without what was asked for" if is_well else ""
    return _in_doubt(f"X answered {answer.status} to {request}{lacking}{quote(answer)}", method)


def no_answer(why: str, *, method: str, path: str, sent: bool) -> XError:
    """The same for a request without an answer; `sent`: a part of it may have reached X."""
    if not sent:
        return TryLater(f"X could not be reached for {method} {path} ({why}): check the network and x.base_url")
    return _in_doubt(f"The connection to X broke during {method} {path} ({why})", method)


def _in_doubt(message: str, method: str) -> XError:
    # Only a repeated POST makes a second post; reading and deleting may be done again.
    if method == "POST":
        return Unknown(f"{message}: the post may or may not exist, only the account's timeline can tell")
    return TryLater(f"{message}: it can be tried again")


def _done(body: Any, method: str) -> bool:
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
    """The end of the wait by X's own headers; by `wait` where they are missing, past or absurd (seen with caps)."""
    full = (name for name in ("x-app-limit-24hour", "x-user-limit-24hour") if headers.get(f"{name}-remaining") == "0")
    resets = [headers.get(f"{name}-reset", "") for name in ("x-rate-limit", *full)]
    seconds = [int(reset) for reset in resets if is_id(reset) and len(reset) <= 11]  # 11 digits: the year 5138
    ends = [datetime.fromtimestamp(second, UTC) for second in seconds]
    return max((end for end in ends if now < end <= now + LONGEST_WAIT), default=now + wait)


def _problems(body: Any) -> Iterator[dict[str, Any]]:
    """The answer itself as a problem document, then each of its errors[]."""
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
            # Types come with api.twitter.com and with api.x.com in front: only the last segment is the name.
            yield name.rsplit("/", 1)[-1].casefold()


def _words(problem: dict[str, Any]) -> str:
    keys = ("detail", "message", "error_description", "title")
    return next((words for key in keys if isinstance(words := problem.get(key), str)), "")


def quote(answer: Answer) -> str:
    """X's own words in brackets: one line, bounded, nothing that could move a terminal's cursor."""
    words = next(filter(None, map(_words, _problems(answer.body))), "")
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return f" ({line[:LONGEST_QUOTE]})" if line else ""
