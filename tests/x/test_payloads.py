"""Parsing X's answers, with the old field names and the new ones."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import TryLater
from bot.values import Receipt
from bot.x.payloads import Account, account, created, timeline

FIELDS = st.sampled_from(
    [
        "data",
        "id",
        "text",
        "entities",
        "urls",
        "url",
        "expanded_url",
        "note_tweet",
        "note_post",
        "referenced_posts",
        "type",
    ]
)
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["7", "retweeted"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=15,
)


def texts(*posts: dict[str, Any]) -> list[str]:
    return [receipt.text for receipt in timeline({"data": [{"id": "7", **post} for post in posts]})]


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        ("fish &amp; chips", "fish & chips"),
        ("&lt;b&gt;", "<b>"),
        ("&amp;amp; &amp;lt; &amp;copy", "&amp; &lt; &copy"),
        ('"quoted" it\'s', '"quoted" it\'s'),
        pytest.param(f"a &#{'9' * 5000}; &#9731;", "a \ufffd \u2603", id="a number of 5000 digits"),
    ],
)
def test_text_is_unescaped_once(escaped: str, expected: str) -> None:
    assert texts({"text": escaped}) == [expected]


def test_shortened_links_are_expanded() -> None:
    link = {"url": "https://t.co/a", "expanded_url": "https://example.org/?a=1&lt=2"}

    assert texts({"text": "see https://t.co/a", "entities": {"urls": [link]}}) == ["see https://example.org/?a=1&lt=2"]


@pytest.mark.parametrize("name", ["note_tweet", "note_post"])
def test_a_long_post_is_read_from_its_note(name: str) -> None:
    assert texts({"text": "it is cut he…", name: {"text": "it is cut here &amp; there"}}) == ["it is cut here & there"]


@pytest.mark.parametrize("name", ["referenced_tweets", "referenced_posts"])
def test_retweets_are_left_out_and_replies_are_not(name: str) -> None:
    retweet = {"text": "RT @somebody: hi", name: [{"type": "retweeted", "id": "1"}]}
    reply = {"text": "hi", name: [{"type": "replied_to", "id": "1"}]}

    assert texts(retweet, reply) == ["hi"]


def test_an_empty_timeline_is_empty() -> None:
    assert timeline({"meta": {"result_count": 0}}) == ()


@pytest.mark.parametrize(
    "data", [None, {}, "posts", [None], [{"id": "7"}], [{"text": "hi"}], [{"id": 7, "text": "hi"}]], ids=repr
)
def test_a_timeline_that_cannot_be_read_completely_raises(data: Any) -> None:
    with pytest.raises(TryLater, match="timeline"):
        timeline({"data": data})


def test_a_receipt_needs_only_an_id() -> None:
    assert created({"data": {"id": "7"}}, sent="hello") == Receipt("7", "hello")


def test_an_account_needs_its_id() -> None:
    assert account({"data": {"id": "7", "username": "mynah", "name": "M"}}) == Account("7", "mynah", "M")
    assert account({"data": {"id": "7", "username": "mynah", "name": "M\ud800"}}) == Account("7", "mynah", "M?")
    with pytest.raises(TryLater, match="without id"):
        account({"data": {"username": "mynah", "name": "M"}})


@settings(deadline=None, max_examples=300)  # a busy machine may pause
@given(data=JSON)
def test_any_json_raises_only_our_errors(data: Any) -> None:
    with contextlib.suppress(TryLater):
        assert all(post.id for post in timeline({"data": data}))
    with contextlib.suppress(TryLater):
        assert account({"data": data}).id
