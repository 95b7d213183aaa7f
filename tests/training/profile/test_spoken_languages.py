from __future__ import annotations

from collections import Counter

import pytest

from training.profile.spoken_languages import ENOUGH, language_of, languages_of, why_unknown_language
from training.sources.tweets import Tweet

SENTENCES = {
    "en": "The last train to the coast was late and nobody was surprised",
    "de": "Der letzte Zug an die Küste war zu spät, und es hat mich nicht gewundert",
    "es": "El último tren de la costa llegó tarde y no me sorprende para nada",
    "fr": "Le dernier train pour la côte est en retard et ça ne me surprend pas",
    "it": "L'ultimo treno per la costa è in ritardo e non mi sorprende più",
    "pt": "O último comboio para a costa não chegou e eu já não me admiro",
    "nl": "De laatste trein naar de kust is te laat en het verbaast me niet",
    "sv": "Det sista tåget till kusten är sent och jag är inte förvånad",
    "pl": "Ostatni pociąg się spóźnił i nie jest to dla mnie nic nowego",
    "tr": "Son tren çok geç geldi ama bu benim için yeni bir şey değil",
    "id": "Kereta yang terakhir itu tidak datang dan saya sudah bosan dengan ini",
    "ru": "Последний поезд опоздал, и это никого не удивило",
    "uk": "Останній поїзд запізнився, і це нікого не здивувало",  # noqa: RUF001  it is Ukrainian
    "ar": "تأخر القطار الأخير ولم يستغرب أحد ذلك",
    "fa": "قطار آخر دیر کرد و هیچ‌کس تعجب نکرد چون همیشه این‌طور است",
    "ja": "最後の電車は遅れたが、誰も驚かなかった",
    "zh": "最后一班火车晚点了，没有人感到惊讶",  # noqa: RUF001  its comma
    "ko": "마지막 기차가 늦었지만 아무도 놀라지 않았다",
    "th": "รถไฟขบวนสุดท้ายมาสายและไม่มีใครแปลกใจ",
    "hi": "आखिरी ट्रेन देर से आई और किसी को आश्चर्य नहीं हुआ",
}


@pytest.mark.parametrize(("code", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_the_language_of_a_sentence_is_known(code: str, sentence: str) -> None:
    assert language_of(sentence) == code


@pytest.mark.parametrize("text", ["", "😀", "7.42", "ok", "https://t.co/abc #train @rook", "Hmmmmmmmmmmm brrrrrrrr"])
def test_of_too_little_text_it_is_not(text: str) -> None:
    assert language_of(text) == ""


def test_a_name_in_another_script_decides_nothing() -> None:
    assert language_of("My friend 東京 and I are on the train to the coast") == "en"


def test_what_the_source_says_comes_first() -> None:
    tweets = [Tweet("1", "magpie", SENTENCES["de"], lang=lang) for lang in ("in", "en-gb", "und", "qme", "")]
    retweet = Tweet("2", "magpie", "RT @rook: caw", kind="retweet", lang="fr")

    assert languages_of([*tweets, retweet]) == {"id": 1, "en": 1}


def test_without_codes_the_texts_decide() -> None:
    tweets = [Tweet(str(number), "magpie", SENTENCES[code]) for number, code in enumerate(["de", "de", "en"])]

    assert languages_of([*tweets, Tweet("9", "magpie", "ok")]) == {"de": 2, "en": 1}


@pytest.mark.parametrize(
    "base", ["tiny", "gpt2", "smollm2", "openai-community/gpt2-medium", "HuggingFaceTB/SmolLM2-135M"]
)
def test_a_base_of_one_language_is_refused_for_another(base: str) -> None:
    why = why_unknown_language(base, Counter(es=930, en=70))

    assert why == (
        f'93% of 1,000 tweets are in other languages than English (mostly Spanish), and the base "{base}" knows only '
        "English: set "
        "training.base_model to one that knows more languages, such as Qwen/Qwen3-0.6B-Base or google/gemma-3-270m."
    )


@pytest.mark.parametrize(
    ("base", "languages"),
    [
        ("Qwen/Qwen3-0.6B-Base", Counter(es=1000)),
        ("scratch", Counter(es=1000)),
        ("./a/folder", Counter(es=1000)),
        ("tiny", Counter(es=600, en=400)),
        ("tiny", Counter(es=ENOUGH - 1)),
        ("tiny", Counter[str]()),
    ],
)
def test_nothing_is_said_against_another_base_or_a_mixture_or_a_few(base: str, languages: Counter[str]) -> None:
    assert why_unknown_language(base, languages) == ""
