"""Where X makes a link of a piece of text: behind http(s)://, or out of a bare name such as example.com.

Written after twitter-text 3's rules, with its list of top-level domains (tlds.txt); in doubt, between odd signs, it
finds one more than X. Does not know whether a link is welcome. Our own, because PyPI's twitter-text-parser needs the
pkg_resources that setuptools has dropped.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_LETTERS = "0-9a-zÀ-ÖØ-öø-ɏ"  # of a bare name: Latin, accents too
_NEVER = r"\s!#-/:-@\[-_{-~\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
_ANY = f"[^{_NEVER}]"  # of a host behind http://: any script, and some signs that no host has
_OTHER = f"[^{_NEVER}{_LETTERS}]"

_PATH = rf"[{_LETTERS}Ѐ-ӿ!*';:=+,.$/%#\[\]\-\u2013_~@|&]"
_PARENS = rf"\((?:{_PATH}+|{_PATH}*\({_PATH}+\){_PATH}*)\)"  # one nested pair, as in some wikis' addresses
_PATH_END = rf"(?:[{_LETTERS}Ѐ-ӿ+\-=_#/]|{_PARENS})"  # a full stop behind a link ends the sentence, not the link
_QUERY = r"\?[0-9a-z!?*'@();:&=+$/%#\[\]\-_.,~|]*[0-9a-z\-_&=#/]"
_TAIL = rf"(?::[0-9]+)?(?:/(?:(?:{_PATH}|{_PARENS})*{_PATH_END})?)?(?:{_QUERY})?"

_WRAPPED = re.compile(rf"https?://t\.co/[0-9a-z]+(?:{_QUERY})?", re.IGNORECASE)


def links(text: str) -> list[tuple[int, int]]:
    """The (start, end) of every link, from left to right."""
    if "." not in text:  # many drafts; spares them the large pattern below
        return []
    return [_span(match) for match in _link().finditer(text) if _fits(match["host"] or match["bare"])]


def top_level_domains() -> list[str]:
    lines = Path(__file__).with_name("tlds.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@cache
def _link() -> re.Pattern[str]:
    """Made on first use: 1,574 domains, twice, take 20 ms to compile, and `mynah --help` needs none of them."""
    # (?=\w) spares the walk through the list at every full stop that ends a sentence. Longest first, since 中国 is a
    # beginning of other names. The end: example.com, but not example.comet, nor x.com@home.
    names = "|".join(sorted(top_level_domains(), key=len, reverse=True))
    top = rf"(?=\w)(?:(?:{names})(?![0-9A-Za-z@+\-])|xn--[\-0-9a-z]+)"
    # A bare name may follow . - _ only behind a sign or another script: in `“so”.example.com` X sees one host.
    before = rf"(?<!/)(?:(?<![\-_.])|(?<={_OTHER}[\-_.]))"
    bare = rf"{before}(?P<bare>{_labels(f'[{_LETTERS}]')}{top})(?:(?=(?::[0-9]+)?/){_TAIL})?"  # no query without path
    return re.compile(
        r"(?<![0-9A-Za-z@\uff20$#\uff03\ufeff\ufffe\uffff])"
        rf"(?:https?://(?P<host>{_labels(_ANY)}{top}){_TAIL}|{bare})",
        re.IGNORECASE,
    )


def _labels(letter: str) -> str:
    """What stands before the last dot; the last label of it, the name that one buys, bears no underscore."""
    return rf"(?:{letter}(?:(?:{letter}|[\-_])*{letter})?\.)*{letter}(?:(?:{letter}|-)*{letter})?\."


def _span(match: re.Match[str]) -> tuple[int, int]:
    """Of X's own wrapping only the key belongs to the link, whatever is glued to it."""
    start, end = match.span()
    wrapped = _WRAPPED.match(match.string, start, end)
    return start, wrapped.end() if wrapped else end


def _fits(host: str) -> bool:
    """Whether each label, in its ASCII form, fits the 63 bytes of the domain name system."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
