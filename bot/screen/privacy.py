"""Refuses what looks like private data, real or not: addresses, numbers and keys, by their shapes and check sums.

    email, phone, card, iban, social_security, ip, street, key, wallet, coordinates

The phonenumbers library is not used: 48 MB of numbering plans tell real numbers from others, and both are refused.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import TYPE_CHECKING

from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Every repetition has a bound: an archive's text may be 200,000 characters, made to be tried from each place anew.
_AT = r"(?:@|\s@\s|\s?[\[({<]\s?at\s?[\])}>]\s?|\s{1,5}at\s{1,5})"
_DOT = r"(?:\s?[\[({<]\s?dot\s?[\])}>]\s?|\s{1,5}dot\s{1,5}|\.)"
_NAME = r"(?!dot\b)[\w-]{1,63}"  # as long as a label of the domain name system may be
_EMAIL = re.compile(  # from its @ on: what is before it is looked up where there is one
    rf"(?<=[\w.+-]){_AT}{_NAME}(?:{_DOT}{_NAME}){{0,5}}{_DOT}(?!dot\b)[a-z]{{2,63}}\b", re.IGNORECASE
)
_BEFORE_AT, _LONGEST_BEFORE_AT = re.compile(r"\w[\w.+-]*\Z"), 64
_SPOKEN_AT = re.compile(r"\s+at\s+", re.IGNORECASE)
_SPOKEN_DOT = re.compile(r"\s+dot\s+|[\[({<]\s?dot", re.IGNORECASE)
# Digits with the signs that people put between them. Dates, scores, sums of money and spans of years do not match.
_NUMBER = re.compile(
    r"(?<![\w.,$€£#%])(?:\+|00)?\(?\d(?:[\s().\-–/•·∙_]{0,3}\d){6,40}(?![\w%]|[.,]\d)(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
)
_DAY = r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:19|20)?\d\d)"
_YEAR = r"(?:1[5-9]|20)\d\d"
_DATE = re.compile(  # with its hour, a span of days or years, "2010 (9/16"
    rf"{_DAY}(?:\s{{1,2}}\d{{1,2}})?|{_DAY}\s?[-–]\s?{_DAY}|{_YEAR}\s?[-–/]\s?{_YEAR}|{_YEAR}\s?\(\d{{1,2}}/\d{{1,2}}\)?"
)
_LONGEST_PHONE, _FEWEST_PHONE = 15, 7  # digits: the maximum of E.164, and the fewest of a local number
_CARD = re.compile(r"(?<!\d)\d(?:[ .·•_-]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30}", re.IGNORECASE)
_IBAN_COUNTRIES = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27
GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27
MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28
TL23 TN24 TR26 UA29 VA22 VG24 XK20
"""
_IBAN_LENGTHS = {country[:2]: int(country[2:]) for country in _IBAN_COUNTRIES.split()}
_SOCIAL = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}(?![\w-])")
_IP = re.compile(r"(?<![\w.:])[0-9a-f]{0,4}(?:[.:][0-9a-f]{0,4}){3,20}(?!\w)", re.IGNORECASE)
_ROAD = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|terrace|way|place|pl|close"
    r"|crescent|highway|hwy|parkway|pkwy)"
)
_STREET = re.compile(
    rf"\b\d{{1,5}}[a-z]?,?\s{{1,5}}(?:[NSEW]\.?\s{{1,5}})?(?:[A-Z][\w'’.-]{{1,40}}\s{{1,5}}){{1,4}}(?i:{_ROAD})\b"
    r"|\b[A-Z]\w{1,60}(?:stra(?:ss|ß)e|weg|gasse|platz|straat|laan)\s{1,5}\d{1,4}\b"
    r"|\b(?:rue|avenue|boulevard|calle|via|rua)\s{1,5}[\w'’ ]{3,30},?\s{1,5}\d{1,4}\b"
    r"|\bP\.?\s?O\.?\s?Box\s{1,5}\d{1,6}"
    # without capitals only one name and a road that is nothing else: "2 nights in a row" is no address
    r"|(?<![\w.,/:-])\d{1,4}[a-z]?\s{1,3}(?!(?:of|in|on|at|to|the|a|an|and|or|per|times?|more|new|busy|main|different)\b)"
    r"[a-z'’]{3,20}\s{1,3}(?:street|avenue|road|boulevard|terrace|crescent)\b"
    r"(?!\s(?:lights?|lamps?|signs?|trips?|works?|part(?:y|ies)|food|art|musicians?|corners?|cats?|names?|games?|tests?))"
)
# Everybody knows who lives there.
_PUBLIC = re.compile(r"1[01] Downing St|1600 Pennsylvania Ave|221b? Baker St", re.IGNORECASE)
_KEY = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bhf_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,150}\.[\w-]{10}"
    r"|\b(?i:pass(?:word|wd|code)?|pwd|secret|token|api[_ ]?key)\s{0,5}[:=]\s{0,5}\S{4}"
    r"|\b(?i:password|passcode|passwd|pwd)\s{1,5}(?i:is|was)\s{1,5}(?!(?i:an?|the|too|not|no|in|on|so|very|required|needed"
    r"|wrong|incorrect|expired|invalid|weak|strong|correct|important|dead|never|always|still|now|your|my|what|something"
    r"|hard|easy|stored|safe|protected|changed|reset|being|longer|shorter|ready|missing)\b)\S{4}"
    r"|\b(?=\w{0,80}\d)(?=\w{0,80}[a-f])[0-9a-f]{32,}\b"
)
# Bitcoin and Ethereum.
_WALLET = re.compile(
    r"\bbc1[ac-hj-np-z02-9]{25,62}\b|\b[13](?=\w{0,20}[A-Z])(?=\w{0,20}\d)[1-9A-HJ-NP-Za-km-z]{25,34}\b|\b0x[0-9a-fA-F]{40}\b"
)
_COORDINATES = re.compile(
    r"(?<![\w.])[-+]?\d{1,2}\.\d{3,10}°?\s?[NS]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{3,10}(?!\d)°?"
    r"|\b\d{1,2}°\s?\d{1,2}\s?['’′]\s?(?:\d{1,2}(?:\.\d{1,6})?\s?[\"”″]\s?)?[NS]\b"
)


def why_not(text: str) -> Reason | None:
    folded = unicodedata.normalize("NFKC", text)
    for name, find in FINDERS.items():
        for match in find(folded):
            return Reason(name, match)
    return None


def _emails(text: str) -> Iterator[str]:
    for match in _EMAIL.finditer(text):
        name = _BEFORE_AT.search(text, max(0, match.start() - _LONGEST_BEFORE_AT), match.start())
        if name is None:
            continue
        # "meet me at noon. then" is not an address: with "at" as a word, "dot" must be one too
        if not _SPOKEN_AT.search(match[0]) or _SPOKEN_DOT.search(match[0]):
            yield name[0] + match[0]


def _phones(text: str) -> Iterator[str]:
    for match in _NUMBER.finditer(text):
        number = match[0].strip()
        if _FEWEST_PHONE <= _count(number) <= _LONGEST_PHONE and not _DATE.fullmatch(number):
            yield number


def _cards(text: str) -> Iterator[str]:
    return (match[0] for match in _CARD.finditer(text) if _passes_luhn(_digits(match[0])))


def _ibans(text: str) -> Iterator[str]:
    for match in _IBAN.finditer(text):
        letters = re.sub("[ .-]", "", match[0]).upper()
        account = letters[: _IBAN_LENGTHS.get(letters[:2], 0)]
        rotated = account[4:] + account[:4]
        if account and int("".join(str(int(letter, 36)) for letter in rotated)) % 97 == 1:
            yield match[0]


def _streets(text: str) -> Iterator[str]:
    return (match[0] for match in _STREET.finditer(text) if not _PUBLIC.match(match[0]))


def _ips(text: str) -> Iterator[str]:
    for match in _IP.finditer(text):
        address = match[0].rstrip(".")
        try:
            ipaddress.ip_address(address)
        except ValueError:  # a time of day, a version, three dots
            continue
        if address.strip(":"):
            yield address


def _all(pattern: re.Pattern[str]) -> Callable[[str], Iterator[str]]:
    return lambda text: (match[0] for match in pattern.finditer(text))


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdecimal()]


def _count(text: str) -> int:
    return len(_digits(text))


def _passes_luhn(digits: list[int]) -> bool:
    doubled = [digit if index % 2 == 0 else sum(divmod(2 * digit, 10)) for index, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


FINDERS: dict[str, Callable[[str], Iterator[str]]] = {
    "email": _emails,
    "key": _all(_KEY),
    "coordinates": _all(_COORDINATES),
    "wallet": _all(_WALLET),
    "iban": _ibans,
    "card": _cards,
    "social_security": _all(_SOCIAL),
    "ip": _ips,
    "phone": _phones,
    "street": _streets,
}
