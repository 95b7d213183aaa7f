from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from bot.screen import harm

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "text-hazards"
LISTED = [
    word
    for name in ("hate.txt", "obscenity.txt")
    for line in (files("bot.screen") / "words" / name).read_text(encoding="utf-8").splitlines()
    if len(word := line.strip("?*+")) >= 4 and word.isascii() and word.isalpha()
]
LOOK_ALIKE = str.maketrans("aeopcyxi", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456")  # Cyrillic
LEET = str.maketrans("oieast", "013457")
WIDE = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
DISGUISES = {
    "plain": lambda word: word,
    "upper": str.upper,
    "plural": lambda word: word if word.endswith("s") else f"{word}s",
    "leet": lambda word: word.translate(LEET),
    "zero width": "\u200b".join,
    "spaced": " ".join,
    "dotted": ".".join,
    "look-alikes": lambda word: word.translate(LOOK_ALIKE),
    "drawn out": lambda word: word[0] + word[1] * 4 + word[2:],
    "wide": lambda word: word.translate(WIDE),
    "accents": lambda word: word.replace("a", "á").replace("e", "ë").replace("o", "ô").replace("u", "ü"),
}
HARMLESS = (
    "He works in Scunthorpe and takes the night train to Essex.",
    "The assassin in the novel asks the class to assess the assets.",
    "A cockatoo and a cocktail on the terrace.",
    "Count Basie's analysis of the bass line is a classic.",
    "The grass is wet and the compass is broken.",
    "I could kill for a bun.",
    "This joke is killing me.",
    "My phone died again.",
    "We will bomb tonight if nobody laughs at the first joke.",
    "The shooting of the film begins on Monday.",
    "Children are welcome, and so are dogs.",
    "She hit the nail on the head and hung the picture.",
    "Press the button to start the computer.",
    "I dream of a cure for boredom.",
    "The president of the chess club resigned.",
    "He promised to double the jam.",
    "Saturday: hit the road, burn the toast, choke on a crumb.",
    "The Essex police station has a new clock.",
)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_listed_word_is_found_in_disguise(disguise: str) -> None:
    failures = [word for word in LISTED if not harm.why_not(f"those {DISGUISES[disguise](word)} there")]

    assert len(failures) <= 0.02 * len(LISTED), failures


def test_harmless_texts_that_look_harmful_pass() -> None:
    assert [(text, harm.why_not(text)) for text in HARMLESS if harm.why_not(text)] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I will kill you tomorrow", "threat"),
        ("I'm gonna murder him", "threat"),
        ("they should all be shot", "threat"),
        ("we must burn down the church", "threat"),
        ("k\u0456ll yourself", "self_harm"),
        ("I want to die", "self_harm"),
        ("naked pictures of school girls", "minors"),
        ("guaranteed returns for everyone", "promise"),
        ("this tea cures cancer", "promise"),
        ("stop taking your insulin", "promise"),
        ("send me 0.1 bitcoin", "promise"),
        ("As your president I hereby declare a holiday", "office"),
        ("official statement of the police: stay at home", "office"),
        ("the election has been postponed", "office"),
    ],
)
def test_a_harmful_sentence_is_refused_by_name(text: str, reason: str) -> None:
    refusal = harm.why_not(text)

    assert refusal is not None
    assert refusal.name == reason


@pytest.mark.parametrize("text", ["this is fucking great", "oh shit, the tea is cold", "the tea is cold as sh1t"])
def test_obscene_words_may_be_allowed(text: str) -> None:
    reason = harm.why_not(text)

    assert reason is not None
    assert reason.name == "vulgar"
    assert harm.why_not(text, vulgar=True) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("white power", "slur"),
        ("she was date raped", "sexual_violence"),
        ("a jailbait site", "minors"),
        ("kys", "self_harm"),
        ("i will slit your throat", "threat"),
        ("Jews are vermin", "hate"),
        ("you are such a moron", "insult"),
    ],
)
def test_nothing_else_is_allowed_with_them(text: str, name: str) -> None:
    reason = harm.why_not(text, vulgar=True)

    assert reason is not None
    assert reason.name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Trans people should all be killed", "threat"),
        ("I want to end every Muslim's life", "threat"),
        ("#gasthejews", "slur"),
        ("#KillAllMen", "threat"),
        ("Women are p.a.r.a.s.i.t.e.s", "hate"),
        ("we should k1ll the j3ws", "threat"),
        ("Send all immigrants to the gas chambers", "hate"),
        ("nobody would miss you", "self_harm"),
    ],
)
def test_a_sentence_about_a_group_is_found_through_disguises(text: str, name: str) -> None:
    reason = harm.why_not(text)

    assert reason is not None
    assert reason.name == name


@pytest.mark.parametrize(
    "text",
    [
        *("n*gger", "niggaz", "n_gger", "nggr", "n|i|g|g|e|r", "n~i~g~g~e~r", "n+i+g+g+e+r", "n•i•g•g•e•r", "n****r"),
        *("🅽🅸🅶🅶🅴🆁", "ⓝⓘⓖⓖⓔⓡ", "🇳🇮🇬🇬🇪🇷", "🄽🄸🄶🄶🄴🅁", "⒩⒤⒢⒢⒠⒭", "ɹǝƃƃᴉu", "#uglynigger", "#UglyNigger"),
    ],
)
def test_a_slur_is_found_in_every_disguise_that_people_write(text: str) -> None:
    reason = harm.why_not(text, certain=True)

    assert reason is not None
    assert reason.name == "slur"


@pytest.mark.parametrize(
    "text",
    [
        *("LGBT equality", "hard core criminals", "A suicide bomber attacked the market", "Love, gran xx"),
        *(
            "She graduated magna cum laude.",
            "A great tit at the feeder",
            "My first Ford Escort",
            "El gato negro duerme",
        ),
        *("Dick Cavett asked.", "#therapist", "Push-it to the left", "Jews are not vermin", "Women are our friends"),
    ],
)
def test_a_tweet_with_a_word_that_may_be_harmless_is_trained_on(text: str) -> None:
    assert harm.why_not(text, certain=True) is None


def test_a_language_is_searched_for_its_own_words_only_where_it_is_written() -> None:
    assert harm.why_not("Du Arschloch", languages=("de",)) is not None
    assert harm.why_not("Du Arschloch") is None
    assert {"de", "fr", "ja"} <= set(harm.foreign_lists())


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_few_tweets_of_a_politician_are_refused_for_harm() -> None:
    with (DATA.parent / "corpora" / "world-leaders-got3" / "jeremycorbyn.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        texts = [row["text"] for row in csv.DictReader(file)][::10]

    assert len(texts) > 500
    assert sum(harm.why_not(text) is not None for text in texts) < 0.05 * len(texts)
    assert sum(harm.why_not(text, certain=True) is not None for text in texts) < 0.005 * len(texts)


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_most_tweets_labelled_offensive_are_refused_and_few_others() -> None:
    with (DATA / "davidson" / "labeled_data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::10]

    shares = {
        label: sum(1 for row in rows if row["class"] == label and harm.why_not(row["tweet"], certain=label == "2"))
        / sum(row["class"] == label for row in rows)
        for label in ("0", "1", "2")  # hate, offensive, neither
    }

    assert shares["0"] > 0.9
    assert shares["1"] > 0.9
    assert shares["2"] < 0.10
