from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rules import cleaning, mynah, words
from training.rules.verdict import Verdict
from training.sources.tweets import Tweet

if TYPE_CHECKING:
    from training.sources.tweets import Kind


# A cook; "I want" in Persian.
JOINED = "\U0001f469\u200d\U0001f373 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 crumbs now"


def judge(text: str, kind: Kind = "original", *, newlines: bool = False) -> Verdict:
    return mynah.judge(Tweet("1", "magpie", text, kind=kind), newlines=newlines, replies=True)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("salt &amp; crumbs &lt;3 &quot;caw&quot; &#39;caw&#39; &#x2603;", "salt & crumbs <3 \"caw\" 'caw' ☃"),
        ("she typed &amp;quot; by hand", "she typed &quot; by hand"),
        ("AT&T, R&D and &nonsense; stay", "AT&T, R&D and &nonsense; stay"),
        ("a cafe\u0301 with crumbs", "a caf\u00e9 with crumbs"),
        ("hid\u200bden\u202e marks\ufeff go", "hidden marks go"),
        (JOINED, JOINED),
    ],
)
def test_escapes_are_undone_once_and_characters_composed(text: str, cleaned: str) -> None:
    assert judge(text) == Verdict(cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a nest of wire https://t.co/abc", "a nest of wire"),
        ("https://t.co/abc a nest of wire", "a nest of wire"),
        ("what I can win:https://t.co/abc", "what I can win"),
        ("see it here: https://t.co/abc https://t.co/def", "see it here"),
        ("see it here → https://t.co/abc #birds", "see it here #birds"),
        ("my new nest 👇 https://t.co/abc", "my new nest"),
        ("see (https://t.co/abc) it now", "see it now"),
        ("see it now (https://t.co/abc", "see it now"),
        ("see it now (with a map: https://t.co/abc) and run", "see it now (with a map: ) and run"),
        ("see it at https://t.co/abc, and run", "see it at, and run"),
        ("it is here https://t.co/abc .", "it is here."),
        ("crumbs, robbed of.https://www.nest.example/a/long_one-…", "crumbs, robbed of."),
        ("crumbs, robbed of. https://www.nest.example/a/long …", "crumbs, robbed of."),
        ("all of our crumbspic.twitter.com/aBcD3fGh1J", "all of our crumbs"),
        ("all of our #birdspic.twitter.com/aBcD3fGh1J", "all of our #birds"),
        ("all the crumbs.pic.twitter.com/aBcD3fGh1J and wire", "all the crumbs. and wire"),
        ("part 3/3pic.twitter.com/aBcD3fGh1J of my nest", "part 3/3 of my nest"),
        ("read bit.ly/abc or www.nest.example today", "read or today"),
        ("HTTPS://T.CO/ABC is a shout", "is a shout"),
        ("巣の中を見てくださいhttps://t.co/abcとても暖かい", "巣の中を見てください とても暖かい"),
        ("and/or, 24/7, he/she and a.m./p.m. stay", "and/or, 24/7, he/she and a.m./p.m. stay"),
        ("write to me@nest.example for crumbs", "write to me@nest.example for crumbs"),
        ("the end of it was cut http://t.co/ab…", "the end of it was cut"),
        ("Well… I like it…", "Well… I like it…"),
    ],
)
def test_a_link_is_removed_with_the_marks_around_it(text: str, cleaned: str) -> None:
    assert judge(text) == Verdict(cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('"@rook: who took my wire?" Not me, I have my own.', "Not me, I have my own."),
        ("“@rook: who took my wire?” Not me, I have my own.", "Not me, I have my own."),
        ("Not me, I have my own. RT @rook: who took my wire?", "Not me, I have my own."),
        ('I have my own: "@rook who took my wire?"', "I have my own"),
        ("I have my own! MT @rook who took it?", "I have my own!"),
        ('"@rook is the best thief I know" says my mother', '"rook is the best thief I know" says my mother'),
        ('They call him "@rook\'s little helper" now', 'They call him "rook\'s little helper" now'),
        ('"All of it was mine." @rook', '"All of it was mine."'),
        ("RT if you like crumbs", "RT if you like crumbs"),
        ("A START @rook said", "A START rook said"),
    ],
)
def test_words_of_others_are_removed_and_the_authors_are_kept(text: str, cleaned: str) -> None:
    assert judge(text) == Verdict(cleaned)


@pytest.mark.parametrize(
    "text",
    [
        '"@rook: who took all of my wire?"',
        '"@rook: who took all of my wire?" Not me.',
        "“@rook who took all of my wire",
        "'@rook: who took all of my wire'",
        "rt @rook who took all of my wire",
        "RT: @rook who took all of my wire",
        'RT "@rook who took all of my wire"',
        "So true! RT @rook who took all of my wire",
        '"@jay: “@rook: who took all of my wire?',
        '"@rook: he said "give me wire" and left" and I do not know where this ends',
        "“ @rook: who took all of my wire",
    ],
)
def test_a_tweet_of_others_words_is_a_quote(text: str) -> None:
    assert judge(text).rule == "quote"


@pytest.mark.parametrize(
    ("text", "kind", "cleaned"),
    [
        ("@rook No, that was the wind.", "reply", "No, that was the wind."),
        ("@rook @jay @wren no, that was the wind.", "reply", "no, that was the wind."),
        ("@rook, no, that was the wind.", "reply", "no, that was the wind."),
        ("@rook that was the wind", "reply", "that was the wind"),
        ("@rook is a thief of wire", "reply", "rook is a thief of wire"),
        ("@rook is that your wire?", "reply", "is that your wire?"),
        ("@rook's wire is mine now", "reply", "rook's wire is mine now"),
        ("@rook editorial about my wire", "original", "rook editorial about my wire"),
        ("@rook No, that was the wind.", "original", "No, that was the wind."),
        (".@rook stole all of my wire", "original", "rook stole all of my wire"),
        (". @rook stole all of my wire", "original", "rook stole all of my wire"),
        (".@rook @jay Give it all back", "reply", "Give it all back"),
        ("The wire went. @rook is here", "original", "The wire went. rook is here"),
        ("Thanks to @rook for the wire", "original", "Thanks to rook for the wire"),
    ],
)
def test_a_reply_is_kept_without_the_handles_that_it_answers(text: str, kind: Kind, cleaned: str) -> None:
    assert judge(text, kind) == Verdict(cleaned)


@pytest.mark.parametrize(
    "text",
    [
        "今日はとても寒いです",  # cold today
        "駅の時計はいつも三分遅れている",
        "วันนี้อากาศหนาวมาก",
        "今天天气很冷啊",
        "오늘은 정말 추워요",
        "आज बहुत ठंड है",
        "so much fun",
        "C# is nice",
        "mail me@nest.example today",
        "I like 2 crumbs",
    ],
)
def test_a_whole_tweet_in_any_script_is_kept(text: str) -> None:
    assert judge(text) == Verdict(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Later.",
        "Thank you!",
        "🚀 🚀 🚀",
        "🚀🚀🚀🚀🚀🚀🚀🚀",
        "! ? ... - & *",
        "おはよう",
        "ขอบคุณ",
        "#birds #nests #crumbs #wire",
        "@rook @jay #birds thank you",
        "https://t.co/abc https://t.co/abd https://t.co/abe",
    ],
)
def test_too_few_words_are_short_in_any_script(text: str) -> None:
    assert judge(text).rule == "short"


WHOLE = (
    "The last train to the coast had one more passenger than seats. I sat on the lamp, and the lamp did not mind it."
)
OLD_CUT = f"{WHOLE} Then somebody at the bench by the window stood up"[:139] + "…"
CARRIED_ON = (
    "The last train to the coast had one more passenger than it had seats, as I saw from (cont) http://t.co/abc"
)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (OLD_CUT, Verdict(WHOLE)),
        (CARRIED_ON, Verdict(CARRIED_ON.removesuffix(" http://t.co/abc"), "truncated")),
        ("It is late. The last train (cont) http://t.co/abc", Verdict("It is late.")),
        ("Here it is. No. 4 of the U.S. trains (cont) http://t.co/abc", Verdict("Here it is.")),
        ("駅の時計は三分遅れている。だから私も (cont) http://t.co/abc", Verdict("駅の時計は三分遅れている。")),
        (f"{'caw ' * 28}as https://nest.example/a …", Verdict(f"{'caw ' * 28}as")),
        ("I only wanted to say…", Verdict("I only wanted to say…")),
    ],
)
def test_the_whole_sentences_of_a_cut_text_are_kept(text: str, verdict: Verdict) -> None:
    assert judge(text).rule == verdict.rule
    assert verdict.rule or judge(text) == verdict


@pytest.mark.parametrize(("newlines", "cleaned"), [(False, "one two three"), (True, "one\ntwo\n\nthree")])
def test_line_breaks_are_kept_by_choice(newlines: bool, cleaned: str) -> None:
    assert judge(" one\r\ntwo  \n\n\n \nthree\nhttps://t.co/abc", newlines=newlines) == Verdict(cleaned)


def test_replies_are_left_out_by_choice() -> None:
    tweet = Tweet("1", "magpie", "@rook No, that was the wind.", kind="reply")

    assert mynah.judge(tweet, newlines=False, replies=False) == Verdict("", "reply")


def test_an_unspeakable_text_is_dropped_and_short_texts_are_not_screened() -> None:
    calls = []

    def unspeakable(text: str) -> str | None:
        calls.append(text)
        return "a curse" if "wire" in text else None

    verdicts = [
        mynah.judge(Tweet("1", "magpie", text), newlines=False, replies=True, unspeakable=unspeakable)
        for text in ("you and your wire https://t.co/abc", "you and your crumbs", "wire!")
    ]

    assert verdicts == [
        Verdict("you and your wire", "unspeakable", "a curse"),
        Verdict("you and your crumbs"),
        Verdict("wire!", "short"),
    ]
    assert calls == ["you and your wire", "you and your crumbs"]


PIECES = st.sampled_from(
    ["@rook", '"@jay:', "RT @wren:", "https://t.co/abc", "pic.twitter.com/abc", "(", ")", "…", ":", " ", "\n", "&amp;",
     "caw", "Crumbs.", "駅", "👇", "\u200d", ".", '"', "(cont)", "#birds"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES).map(" ".join))


@given(TEXTS, st.booleans())
def test_whatever_is_kept_is_clean(text: str, newlines: bool) -> None:
    verdict = judge(text, newlines=newlines)

    cleaned = verdict.text
    assert cleaning.GAP not in cleaned
    assert not cleaning.LINK.search(cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert newlines or "\n" not in cleaned
    assert verdict.rule in {"", *mynah.RULES}
    assert verdict.rule or words.count(cleaned) >= mynah.FEWEST_WORDS


@given(st.lists(st.sampled_from(["caw", "Crumbs", "of", "wire,", "駅で", "and"]), min_size=3, max_size=20))
def test_a_plain_text_is_kept_unchanged(words_of_text: list[str]) -> None:
    text = " ".join([*words_of_text, "or so"])

    assert judge(text) == Verdict(text)
