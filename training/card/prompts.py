"""The prompt of huggingtweets' cards, "My dream is", in the language of the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGLISH = "My dream is"
PROMPTS = {
    "ar": "حلمي هو",
    "da": "Min drøm er",
    "de": "Mein Traum ist",
    "en": ENGLISH,
    "es": "Mi sueño es",
    "fi": "Unelmani on",
    "fr": "Mon rêve est",
    "id": "Impian saya adalah",
    "it": "Il mio sogno è",
    "ja": "私の夢は",
    "ko": "내 꿈은",
    "nl": "Mijn droom is",
    "no": "Drømmen min er",
    "pl": "Moim marzeniem jest",
    "pt": "Meu sonho é",
    "ru": "Я мечтаю о",  # noqa: RUF001  it is Russian
    "sv": "Min dröm är",
    "tr": "Benim hayalim",
    "uk": "Я мрію про",
    "zh": "我的梦想是",
}


def prompt_in(languages: Sequence[str]) -> str:
    """In the first of the languages that has one; else in English."""
    return next((PROMPTS[code] for code in languages if code in PROMPTS), ENGLISH)
