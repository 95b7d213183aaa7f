"""The meaning of headers and of bodies that X has not sent yet; the known ones are in test_twitter.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Halted, RateLimited, TryLater, Unexplained, Unknown, XError
from bot.x.responses import DAY, LONGEST_WAIT, MEANINGS, WINDOW, Answer, Meaning, no_answer, why_not

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAP = {"type": "https://api.x.com/2/problems/usage-capped", "title": "UsageCapExceeded"}
METHODS = st.sampled_from(["GET", "POST", "DELETE"])
KEYS = st.sampled_from(
    ["data", "errors", "meta", "id", "code", "type", "title", "reason", "detail", "message", "deleted"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "suspended", "about:blank"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=5),
    max_leaves=12,
)


def meaning(status: int, body: Any = None, method: str = "POST", **headers: str) -> XError | None:
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    return why_not(Answer(status, lower, body), method=method, path="/2/tweets", now=NOW)


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        pytest.param(None, {"x_rate_limit_reset": seconds(NOW + HOUR)}, HOUR, id="as X says"),
        pytest.param(None, {}, WINDOW, id="no reset"),
        pytest.param(None, {"x_rate_limit_reset": seconds(NOW)}, WINDOW, id="reset is now"),
        pytest.param(None, {"x_rate_limit_reset": seconds(NOW - HOUR)}, WINDOW, id="reset is past"),
        pytest.param(None, {"x_rate_limit_reset": "soon"}, WINDOW, id="reset is not a number"),
        pytest.param(None, {"x_rate_limit_reset": "-5"}, WINDOW, id="reset is negative"),
        pytest.param(None, {"x_rate_limit_reset": "²"}, WINDOW, id="reset is a superscript"),
        pytest.param(None, {"x_rate_limit_reset": seconds(NOW) + "000"}, WINDOW, id="reset in milliseconds"),
        pytest.param(None, {"x_rate_limit_reset": seconds(NOW + 2 * LONGEST_WAIT)}, WINDOW, id="reset too far away"),
        pytest.param(CAP, {}, DAY, id="cap without reset"),
        pytest.param(CAP, {"x_rate_limit_reset": seconds(NOW - HOUR)}, DAY, id="cap with past reset"),
        pytest.param(
            None,
            {
                "x_rate_limit_reset": seconds(NOW + HOUR),
                "x_app_limit_24hour_remaining": "0",
                "x_app_limit_24hour_reset": seconds(NOW + 9 * HOUR),
            },
            9 * HOUR,
            id="the day's limit is used up too",
        ),
        pytest.param(
            None,
            {
                "x_rate_limit_reset": seconds(NOW + HOUR),
                "x_user_limit_24hour_remaining": "7",
                "x_user_limit_24hour_reset": seconds(NOW + 9 * HOUR),
            },
            HOUR,
            id="the day's limit is not used up",
        ),
    ],
)
def test_the_wait_is_the_one_that_x_states_or_a_default(body: Any, headers: dict[str, str], wait: timedelta) -> None:
    error = meaning(429, body, **headers)

    assert isinstance(error, RateLimited)
    assert error.until == NOW + wait


def test_the_errors_list_is_read_like_the_body_itself() -> None:
    body = {"errors": [{"title": "Forbidden"}, {"type": "https://api.x.com/2/problems/oauth1-permissions"}]}

    assert type(meaning(403, body)) is Halted


def test_the_suspension_of_another_account_does_not_halt_the_bot() -> None:
    body = {"title": "Forbidden", "detail": "The account that you reply to is suspended.", "type": "about:blank"}

    assert type(meaning(403, body)) is Unexplained


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", {"data": {"id": "7", "text": "hello"}}),
        ("POST", {"data": {"id": "7"}, "errors": [{"title": "partial"}]}),
        ("DELETE", {"data": {"deleted": True}}),
        ("GET", {"data": [], "meta": {}}),
        ("GET", {"meta": {"result_count": 0}}),
        ("GET", {"data": [{"id": "7"}], "errors": [{"title": "partial"}]}),
    ],
)
def test_a_result_is_not_an_error(method: str, body: Any) -> None:
    assert meaning(200, body, method) is None


@pytest.mark.parametrize("id_", [7, None, "", "seven", "-7", "\N{ARABIC-INDIC DIGIT SEVEN}", ["7"]], ids=repr)
def test_without_a_valid_id_the_post_may_or_may_not_exist(id_: Any) -> None:
    assert type(meaning(201, {"data": {"id": id_, "text": "hello"}})) is Unknown


def test_a_message_is_one_short_line_whatever_x_sends() -> None:
    error = meaning(403, {"detail": "first\nsecond\x1b[2J\u202e " + "long " * 500})

    assert str(error).startswith("X answered 403 to POST /2/tweets (first second [2J long long ")
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("method", "sent", "expected"),
    [
        ("POST", True, Unknown),
        ("POST", False, TryLater),
        ("GET", True, TryLater),
        ("GET", False, TryLater),
        ("DELETE", True, TryLater),
    ],
)
def test_a_missing_answer_leaves_only_a_sent_post_in_doubt(method: str, sent: bool, expected: type[XError]) -> None:
    error = no_answer("ReadTimeout", method=method, path="/2/tweets", sent=sent)

    assert type(error) is expected


def test_no_row_of_the_table_is_hidden_by_an_earlier_one() -> None:
    def matches_all(row: Meaning) -> bool:
        return not (row.codes or row.kinds or row.phrases)

    hidden = [
        late
        for early, late in combinations(MEANINGS, 2)
        if matches_all(early) and early.status == late.status and early.method in (None, late.method)
    ]

    assert hidden == []


@settings(deadline=None, max_examples=300)  # a busy machine may pause
@given(status=st.integers(100, 599), body=JSON, method=METHODS, reset=st.text(max_size=20))
def test_every_answer_has_a_meaning(status: int, body: Any, method: str, reset: str) -> None:
    error = meaning(status, body, method, x_rate_limit_reset=reset)

    assert isinstance(error, XError) or (error is None and 200 <= status < 300)
    assert method == "POST" or not isinstance(error, Unknown)
    assert str(error).isprintable()
