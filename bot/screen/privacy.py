"""What looks like somebody's private data, made up or not: addresses, numbers, keys. It knows shapes and check sums.

    email, phone, card, iban, social_security, ip, street, key

phonenumbers was left out: 48 MB of plans for numbers that exist, where the bot should say none, real or not.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import TYPE_CHECKING

from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AT = r"(?:@|\s@\s|\s?[\[({<]\s?at\s?[\])}>]\s?|\s+at\s+)"
_DOT = r"(?:\s?[\[({<]\s?dot\s?[\])}>]\s?|\s+dot\s+|\.)"
_NAME = r"(?!dot\b)[\w-]+"
_EMAIL = re.compile(
    rf"\b[\w.+-]+(?:\s+dot\s+[\w+-]+)?{_AT}{_NAME}(?:{_DOT}{_NAME})*{_DOT}(?!dot\b)[a-z]{{2,}}\b", re.IGNORECASE
)
_SAID_AT = re.compile(r"\s+at\s+", re.IGNORECASE)
_SAID_DOT = re.compile(r"\s+dot\s+|[\[({<]\s?dot", re.IGNORECASE)
# Digits with what people put between them. A date, a score, a sum of money and a span of years are none of these.
_NUMBER = re.compile(
    r"(?<![\w.,$€£#%])(?:\+|00)?\(?\d(?:[\s().\-–/]{0,3}\d){6,}(?![\w%]|[.,]\d)(?:\s?(?:x|ext\.?)\s?\d+)?"
)
_DATE = re.compile(
    r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|(?:1[5-9]|20)\d\d\s?[-–/]\s?(?:1[5-9]|20)\d\d"
)
_LONGEST_PHONE, _FEWEST_PHONE = 15, 7  # digits; E.164's most, and the fewest that are dialled in a town
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
_SOCIAL = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}(?![\w-])")
_IP = re.compile(r"(?<![\w.:])[0-9a-f:]*(?:[.:][0-9a-f]*){3,}(?!\w)", re.IGNORECASE)
_ROAD = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|terrace|way|place|pl|close"
    r"|crescent|highway|hwy|parkway|pkwy)"
)
_STREET = re.compile(
    rf"\b\d{{1,5}}[a-z]?,?\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w'’.-]+\s+){{1,4}}(?i:{_ROAD})\b"
    r"|\b[A-Z]\w+(?:stra(?:ss|ß)e|weg|gasse|platz|straat|laan)\s+\d{1,4}\b"
    r"|\b(?:rue|avenue|boulevard|calle|via|rua)\s+[\w'’ ]{3,30},?\s+\d{1,4}\b"
    r"|\bP\.?\s?O\.?\s?Box\s+\d+"
)
_KEY = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bhf_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.[\w-]{10,}\."
    r"|\b(?:pass(?:word|wd)?|secret|token|api[_ ]?key)\s*[:=]\s*\S{6,}|\b(?=\w*\d)(?=\w*[a-f])[0-9a-f]{32,}\b"
)


def why_not(text: str) -> Reason | None:
    shown = unicodedata.normalize("NFKC", text)
    for name, find in FINDERS.items():
        for found in find(shown):
            return Reason(name, found)
    return None


def _emails(text: str) -> Iterator[str]:
    for found in _EMAIL.finditer(text):
        # "meet me at noon. then" is no address: said with words, it wants both of them
        if not _SAID_AT.search(found[0]) or _SAID_DOT.search(found[0]):
            yield found[0]


def _phones(text: str) -> Iterator[str]:
    for found in _NUMBER.finditer(text):
        number = found[0].strip()
        if _FEWEST_PHONE <= _count(number) <= _LONGEST_PHONE and not _DATE.match(number):
            yield number


def _cards(text: str) -> Iterator[str]:
    return (found[0] for found in _CARD.finditer(text) if _luhn(_digits(found[0])))


def _ibans(text: str) -> Iterator[str]:
    for found in _IBAN.finditer(text):
        account = found[0].replace(" ", "")
        moved = account[4:] + account[:4]
        if 15 <= len(account) <= 34 and int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1:
            yield found[0]


def _ips(text: str) -> Iterator[str]:
    for found in _IP.finditer(text):
        address = found[0].rstrip(".")
        try:
            ipaddress.ip_address(address)
        except ValueError:  # a time of day, a version, three dots
            continue
        if address.strip(":"):
            yield address


def _all(pattern: re.Pattern[str]) -> Callable[[str], Iterator[str]]:
    return lambda text: (found[0] for found in pattern.finditer(text))


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdecimal()]


def _count(text: str) -> int:
    return len(_digits(text))


def _luhn(digits: list[int]) -> bool:
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


FINDERS: dict[str, Callable[[str], Iterator[str]]] = {
    "email": _emails,
    "key": _all(_KEY),
    "iban": _ibans,
    "card": _cards,
    "social_security": _all(_SOCIAL),
    "ip": _ips,
    "phone": _phones,
    "street": _all(_STREET),
}
