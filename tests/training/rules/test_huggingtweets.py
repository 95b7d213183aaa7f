from __future__ import annotations

import pytest

from training.rules.huggingtweets import clean_tweet, fix_text, is_short, judge
from training.rules.verdict import Verdict
from training.sources.tweets import Tweet


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("salt &amp; crumbs", "salt & crumbs"),
        ("&lt;3 &gt; 2", "<3 > 2"),
        ("&amp;lt;", "<"),
        ("&quot;caw&quot; &#39;caw&#39;", "&quot;caw&quot; &#39;caw&#39;"),
    ],
)
def test_only_the_three_escapes_of_x_are_undone(text: str, fixed: str) -> None:
    assert fix_text(text) == fixed


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a nest https://t.co/abc", "a nest"),
        ("https://t.co/abc a nest", "a nest"),
        ("a http://t.co/abc nest", "a nest"),
        ("a nest\nhttps://t.co/abc", "a nest"),
        ("a nest\nhttps://t.co/abc of wire", "a nest of wire"),
        ("a nest:https://t.co/abc", "a nest:"),
        ("a https://t.co/abc https://t.co/def nest", "a nest"),
        ("see (https://t.co/abc) now", "see (now"),
        ("HTTPS://T.CO/ABC stays", "HTTPS://T.CO/ABC stays"),
        ("pic.twitter.com/abc www.example.org stay", "pic.twitter.com/abc www.example.org stay"),
        ("@rook #birds stay", "@rook #birds stay"),
        ("  one\n\ntwo\t three   four ", "one two three four"),
    ],
)
def test_links_and_line_breaks_go_and_nothing_else(text: str, cleaned: str) -> None:
    assert clean_tweet(text) == cleaned


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("so much fun", False),
        ("🚀 🚀 🚀", False),
        ("@rook so much fun", False),
        ("Thank you!", True),
        ("C# is nice", True),
        ("@rook @jay #birds thank you", True),
        ("mail me@nest.example today", True),
        ("HTTPS://T.CO/ABC is shouting", True),
        ("駅の時計はいつも三分遅れている", True),
        ("", True),
    ],
)
def test_fewer_than_three_plain_words_are_short(text: str, short: bool) -> None:
    assert is_short(text) is short


@pytest.mark.parametrize(
    ("tweet", "verdict"),
    [
        (Tweet("1", "magpie", "crumbs &amp; wire\nfor me https://t.co/abc"), Verdict("crumbs & wire for me")),
        (Tweet("1", "magpie", "two words https://t.co/abc"), Verdict("two words", "short")),
        (Tweet("1", "magpie", "said by somebody else", kind="retweet"), Verdict("", "retweet")),
        (Tweet("1", "magpie", "RT @rook said by somebody else"), Verdict("", "retweet")),
        (Tweet("1", "magpie", '"@rook: said by him"'), Verdict('"@rook: said by him"')),
    ],
)
def test_a_tweet_is_fixed_then_cleaned_then_judged(tweet: Tweet, verdict: Verdict) -> None:
    assert judge(tweet) == verdict
