"""Finds the links that X would make in a text: after http(s)://, or a bare name such as example.com.

Follows twitter-text 3's rules, with its list of top-level domains (tlds.txt). In doubtful cases between unusual signs
it finds one link more than X does. Our own code, because PyPI's twitter-text-parser needs the pkg_resources that
setuptools has dropped.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_LETTERS = "0-9a-zÀ-ÖØ-öø-ɏ"  # in a bare name: Latin, with accents
_NEVER = r"\s!#-/:-@\[-_{-~\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
_ANY = f"[^{_NEVER}]"  # in a host after http://: any script, and some signs that no host has
_OTHER = f"[^{_NEVER}{_LETTERS}]"

_PATH = rf"[{_LETTERS}Ѐ-ӿ!*';:=+,.$/%#\[\]\-\u2013_~@|&]"
_PARENS = rf"\((?:{_PATH}+|{_PATH}*\({_PATH}+\){_PATH}*)\)"  # one nested pair, as in some wikis' addresses
_PATH_END = rf"(?:[{_LETTERS}Ѐ-ӿ+\-=_#/]|{_PARENS})"  # a full stop after a link ends the sentence, not the link
_QUERY = r"\?[0-9a-z!?*'@();:&=+$/%#\[\]\-_.,~|]*[0-9a-z\-_&=#/]"
_TAIL = rf"(?::[0-9]+)?(?:/(?:(?:{_PATH}|{_PARENS})*{_PATH_END})?)?(?:{_QUERY})?"

_WRAPPED = re.compile(rf"https?://t\.co/[0-9a-z]+(?:{_QUERY})?", re.IGNORECASE)


def links(text: str) -> list[tuple[int, int]]:
    """The (start, end) of every link, from left to right."""
    if "." not in text:  # true of many drafts, which then skip the large pattern below
        return []
    return [_span(match) for match in _link().finditer(text) if _fits(match["host"] or match["bare"])]


def top_level_domains() -> list[str]:
    lines = Path(__file__).with_name("tlds.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@cache
def _link() -> re.Pattern[str]:
    """Compiled on first use: 1,574 domains, twice, take 20 ms, and `mynah --help` does not need them."""
    # (?=\w) skips the list at every full stop that ends a sentence. Longest first, since 中国 is a prefix of other
    # names. The end of the pattern accepts example.com, but neither example.comet nor x.com@home.
    names = "|".join(sorted(top_level_domains(), key=len, reverse=True))
    top = rf"(?=\w)(?:(?:{names})(?![0-9A-Za-z@+\-])|xn--[\-0-9a-z]+)"
    # A bare name may follow . - _ only after a sign or another script: in `“so”.example.com` X sees one host.
    before = rf"(?<!/)(?:(?<![\-_.])|(?<={_OTHER}[\-_.]))"
    bare = rf"{before}(?P<bare>{_labels(f'[{_LETTERS}]')}{top})(?:(?=(?::[0-9]+)?/){_TAIL})?"  # no query without path
    return re.compile(
        r"(?<![0-9A-Za-z@\uff20$#\uff03\ufeff\ufffe\uffff])"
        rf"(?:https?://(?P<host>{_labels(_ANY)}{top}){_TAIL}|{bare})",
        re.IGNORECASE,
    )


def _labels(letter: str) -> str:
    """The labels before the top-level domain; the last of them, the registered name, may not contain an underscore."""
    return rf"(?:{letter}(?:(?:{letter}|[\-_])*{letter})?\.)*{letter}(?:(?:{letter}|-)*{letter})?\."


def _span(match: re.Match[str]) -> tuple[int, int]:
    """Return where a link starts and ends. A t.co link ends after its key, even without a space after it."""
    start, end = match.span()
    wrapped = _WRAPPED.match(match.string, start, end)
    return start, wrapped.end() if wrapped else end


def _fits(host: str) -> bool:
    """Whether each label, in its ASCII form, fits into the 63 bytes that DNS allows."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
