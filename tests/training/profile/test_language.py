from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.training.retraining.runs import WORDS
from training.errors import ModelError
from training.profile.language import FILE, Language, learn

if TYPE_CHECKING:
    from pathlib import Path

GERMAN = """
abend amsel bahnhof brezel brücke dachboden dampfer eimer fenster flöte garten gleis glocke hafen herbst kessel koffer
krähe kuchen laterne leiter löffel mantel möwe nachbar nebel ofen pfütze regen schaffner schirm schnee spiegel straße
stuhl tasche taube teich treppe ufer uhr vogel wagen weiche wiese wolke zeitung ziegel zimmer zug
""".split()  # noqa: SIM905  they read better without fifty quotes
FOREIGN = {
    "German": "Der Schaffner hat die Taube höflich nach dem Fahrschein gefragt.",
    "Dutch": "Niemand vindt het erg dat de nachttrein alweer te laat vertrekt.",
    "French": "Personne ne se plaint du retard, même quand il pleut dans la gare.",
    "Spanish": "Nadie se queja del retraso, aunque llueva dentro de la estación.",
    "Turkish": "Gece treninin yine geciktiğinden kimse şikâyet etmiyor.",
    "Russian": "Никто не жалуется, что ночной поезд опять опаздывает.",
    "Japanese": "夜行列車がまた遅れても、だれも文句を言わない朝の駅にいる。",
    "Hindi": "रात की गाड़ी फिर देर से आई और किसी ने कुछ नहीं कहा।",
}


def texts(words: list[str], number: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.sample(words, 9)).capitalize() + "." for _ in range(number)]


def language(folder: Path, tweets: list[str]) -> Language:
    profile = learn(tweets)
    assert profile is not None
    (folder / FILE).write_bytes(profile)
    profile = Language.open(folder)
    assert profile is not None
    return profile


def test_the_persons_newest_tweets_are_not_foreign(tmp_path: Path) -> None:
    english = language(tmp_path, texts(WORDS, 600))

    assert sum(english.why_foreign(text) != "" for text in texts(WORDS, 400, seed=1)) <= 2


@pytest.mark.parametrize("name", FOREIGN)
def test_another_language_is_foreign(tmp_path: Path, name: str) -> None:
    english = language(tmp_path, texts(WORDS, 600))

    assert "bits a letter" in english.why_foreign(FOREIGN[name])


def test_with_two_languages_both_are_known_and_a_third_is_foreign(tmp_path: Path) -> None:
    both = language(tmp_path, [*texts(WORDS, 400), *texts(GERMAN, 200)])

    later = [*texts(WORDS, 100, seed=1), *texts(GERMAN, 100, seed=1)]
    assert sum(both.why_foreign(text) != "" for text in later) <= 2
    assert both.why_foreign(FOREIGN["Turkish"]) != ""


@pytest.mark.parametrize(
    "text",
    ["", "☔☔☔", "ne oldu", "14:05 → 15:10, 3 + 4 = 7", "@kimse_burada_degil #geceyarisi https://example.com/ne"],
)
def test_a_text_that_is_too_short_passes(tmp_path: Path, text: str) -> None:
    assert language(tmp_path, texts(WORDS, 300)).why_foreign(text) == ""


def test_few_tweets_make_no_profile(tmp_path: Path) -> None:
    assert learn(texts(WORDS, 199)) is None
    assert Language.open(tmp_path) is None


def test_the_profile_is_small_and_holds_no_text(tmp_path: Path) -> None:
    language(tmp_path, texts(WORDS, 300))

    raw = (tmp_path / FILE).read_bytes()
    assert len(raw) < 20_000
    assert b"violin" not in raw


@pytest.mark.parametrize("content", [b"", b"MYNAHLNG", bytes(16_404), b"MYNAHLNG" + bytes(16_396)])
def test_a_damaged_profile_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(ModelError, match=r"language\.bin is not a"):
        Language.open(tmp_path)
