"""Which languages a person writes, by X's codes or else by common words and scripts, and whether a base knows them.

Simple on purpose: over hundreds of tweets a few wrong ones do not matter. A text whose language cannot be told has "".
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.sources.tweets import Tweet

# X's language codes that the hub accepts. Codes that begin with q, and a few others, do not stand for a language.
CODE = re.compile(r"(?!und|zxx|art|q[a-t][a-z])[a-z]{2,3}")
RENAMED = {"in": "id", "iw": "he", "ji": "yi"}  # outdated codes
NAMES = {
    "ar": "Arabic", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
HAN, KANA, ARABIC, CYRILLIC = "\u4e00-\u9fff", "\u3040-\u30ff", "\u0620-\u06d3", "\u0400-\u052f"
# Letters that a text in the language has, and the script that most of its letters are of. The first match decides.
SCRIPTS = {
    "ja": (KANA, KANA + HAN),
    "zh": (HAN, HAN),
    "ko": ("\uac00-\ud7af", "\uac00-\ud7af"),
    "ur": ("\u0679\u0688\u0691\u06d2\u06ba", ARABIC),
    "fa": ("\u067e\u0686\u0698\u06af", ARABIC),
    "ar": (ARABIC, ARABIC),
    "uk": ("\u0454\u0456\u0457\u0491", CYRILLIC),
    "ru": (CYRILLIC, CYRILLIC),
    "he": ("\u05d0-\u05ea", "\u05d0-\u05ea"),
    "el": ("\u0370-\u03ff", "\u0370-\u03ff"),
    "th": ("\u0e01-\u0e2e", "\u0e01-\u0e2e"),
    "hi": ("\u0905-\u0939", "\u0905-\u0939"),
    "bn": ("\u0985-\u09b9", "\u0985-\u09b9"),
    "ta": ("\u0b85-\u0bb9", "\u0b85-\u0bb9"),
    "te": ("\u0c05-\u0c39", "\u0c05-\u0c39"),
    "vi": ("\u1ea0-\u1ef9\u01a1\u01b0", "a-z\u00e0-\u1ef9"),
}
MOSTLY = 0.5  # of the letters: a Chinese name in an English sentence decides nothing
# Without the commonest words of English, such as "to", which is Czech too.
WORDS = {
    "en": "the and is are was you that this with for not have what it's of to be they we i'm just my your a in",
    "de": "und der die das ist nicht ich ein eine zu mit auf für auch wir sie es wie noch aber dass den im bei nur",
    "nl": "het een van ik niet dat en zijn voor met op aan ook maar wat nog wel naar je bij deze heeft geen",
    "fr": "le la les des est et pas une que pour dans ce qui sur avec plus vous je au c'est du mais nous tout être",
    "es": "el la los que de en y un por con no una para es se del las como más pero su al lo mi muy esta está",
    "pt": "o que não de e uma um para com da os é na em mais por se mas como eu muito foi isso você ao já são",
    "it": "il che di è non la per un una con sono del della le mi più ma si ho gli anche come questo nel alla",
    "ca": "el la els que de un per amb no una és les al del més però com molt aquest aquesta som avui ha hem",
    "sv": "och att det är jag inte som en på för med ett har till av den du vi men om så var ska kan från",
    "da": "og det er jeg ikke som en på med et har til af den du vi men om så var skal kan fra også",
    "no": "og å det er jeg ikke som en på med et har til av den du vi men om så var skal kan fra også",
    "fi": "ja koko kaikki kuka kukaan minulle ei että se en hän oli mutta kun niin ole myös ovat tai jos mitä nyt vain",
    "pl": "nie się w na że z jest jak co po tak ale o za mnie już tylko dla od przez mi są czy",
    "cs": "je se na že v s z jsem ale jak si tak za po jsou pro co už když nebo jen není",
    "tr": "bir ve bu için çok ne da de ben mi ama var gibi daha kadar sonra değil o ile şey olan diye yok her",
    "id": "yang dan di ini itu tidak untuk dengan dari ada saya aku akan juga bisa ke sudah kita apa lagi kamu",
    "tl": "ang ng sa na mga ako ko mo ka hindi ay si lang naman kasi pa po ba yung kung para ito siya",
    "ro": "și de la nu în că cu o pe este mai un din am ce se sunt pentru dar ca fi să sau asta",
    "hu": "az és nem hogy egy van de ez meg csak már ha mint volt én el kell lesz még azt nincs mert",
}
FEW_LETTERS = 12
# What the bases of this program know; of any other base nothing is known here.
ENGLISH_ONLY = re.compile(
    r"tiny|smollm2?|(?:openai-community/)?(?:distil)?gpt2(?:-(?:medium|large|xl))?|(?:distilbert/)?distilgpt2"
    r"|(?:HuggingFaceTB/)?SmolLM2?-(?:135M|360M|1\.7B)(?:-Instruct)?|EleutherAI/(?:pythia|gpt-neo)-.*",
    re.IGNORECASE,
)
MANY_LANGUAGES = ("Qwen/Qwen3-0.6B-Base", "google/gemma-3-270m")  # over 100, as their cards say
ENOUGH, MOST = 50, 0.6  # tweets whose language is known; the share of them in languages that the base does not know
_SCRIPTS = {code: (re.compile(f"[{own}]"), re.compile(f"[{script}]")) for code, (own, script) in SCRIPTS.items()}
_WORDS = {code: frozenset(words.split()) for code, words in WORDS.items()}
_DROPPED = re.compile(r"https?://\S+|[@#]\w+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def languages_of(tweets: Iterable[Tweet]) -> Counter[str]:
    """The number of tweets by language; by their texts where the source states no language."""
    own = [tweet for tweet in tweets if tweet.kind != "retweet"]
    if any(tweet.lang for tweet in own):
        codes = (tweet.lang.lower().split("-")[0] for tweet in own)
        return Counter(RENAMED.get(code, code) for code in codes if CODE.fullmatch(code))
    return Counter(filter(None, (language_of(tweet.text) for tweet in own)))


def language_of(text: str) -> str:
    plain = _DROPPED.sub(" ", text.lower()).replace("\u2019", "'")
    letters = sum(map(str.isalpha, plain))
    if letters == 0:
        return ""
    for code, (own, script) in _SCRIPTS.items():
        if own.search(plain) and len(script.findall(plain)) >= MOSTLY * letters:
            return code
    if letters < FEW_LETTERS:
        return ""
    words = set(_WORD.findall(plain))
    scores = Counter({code: len(words & common) for code, common in _WORDS.items()})
    (best, most), (_, second) = scores.most_common(2)
    return best if most > max(1, second) else ""


def why_unknown_language(base: str, languages: Mapping[str, int]) -> str:
    """Why the base cannot learn to write like this person, with bases that can; "" where nothing is known against it.

    `languages`: the number of tweets by language.
    """
    total = sum(languages.values())
    if not ENGLISH_ONLY.fullmatch(base) or total < ENOUGH:
        return ""
    foreign = Counter({code: count for code, count in languages.items() if code != "en"})
    share = foreign.total() / total
    if share <= MOST:
        return ""
    names = " and ".join(NAMES.get(code, f'the language "{code}"') for code, _ in foreign.most_common(2))
    return (
        f"{share:.0%} of {total:,} tweets are in other languages than English (mostly {names}), "
        f'and the base "{base}" knows only English: '
        f"set training.base_model to one that knows more languages, such as {' or '.join(MANY_LANGUAGES)}."
    )
