"""Mutates a valid document so that it keeps its structure: JSON within any text, lines, words, bytes.

The same document and the same random generator give the same result.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

# JSON as text, not as objects: Python cannot write all of it.
HOSTILE_JSON = (
    *("null", "true", "false", "0", "-1", "1.5", "1e999", "-0.0", "NaN", "-Infinity", "[]", "{}", "[[]]", '""'),
    *("9223372036854775808", "1" * 25, "9" * 4300, "9" * 4301, '"1"', '"0"', '"-7"', '"9999999999999999999"'),
    *(r'"\ud800"', r'"\udfff\ud83d"', r'"\u0000"', r'"\u202e@\u200b"', r'"\u0661\u0662"', r'"\r\n"', '"@"', '"<"'),
    *('"&amp;amp;#x110000;"', '"&#' + "9" * 5000 + ';"', '"RT @"', '"https://t.co/a"', '"2026-13-45T99:99:99.000Z"'),
    *('"0001-01-01T00:00:00+23:59"', '"Sat Feb 30 12:33:11 +9999 2023"', '"' + "x" * 30_000 + '"'),
    '"' + "@a " * 500 + '"',
)  # fmt: skip
DEPTHS = (5, 100, 900, 940, 960, 980, 990, 100_000)  # Python gives up at about a thousand
HOSTILE_WORDS = (
    *("", "0", "-1", "true", "nan", "inf", "1e400", "0x" + "f" * 5000, "9" * 25, "1979-05-27T07:32:00Z", "07:32:00"),
    *('""', '"\\u0000"', '"~"', '"~nobody"', '"/dev/zero"', '"/proc/self/mem"', '"."', '"9999999d"', '"0s"', '"24:00"'),
    *('"(?:a+)+$"', '"(?P<a>"', '"' + "(" * 2000 + '"', '"@"', '"\\U0010FFFF"', '"Etc/GMT+24"', '"../../etc/passwd"'),
    *('"http://127.0.0.1:99999"', '"https://[::1"', "[[1, 2], {}]", "{ a = 1 }", "'''", '"""', "[", "=", "\ud8ff"),
    *("bytes 0-1/*", "chunked", "gzip", "9" * 400, "\x00", "\xff\xfe", "\ufeff", "\u2028", "\r", "\u0661", "+0000"),
)  # fmt: skip
WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\w.+@%-]+')
DECODER = json.JSONDecoder()
MOST = 300_000  # characters; beyond that a document is only slow


def mutated(data: bytes, chance: random.Random, times: int = 1) -> bytes:
    """Latin 1 gives every byte a character and back, so what is no text passes through whole."""
    text = data.decode("latin-1")
    for _ in range(times):
        text = chance.choice(WAYS)(text, chance)[:MOST]
    return text.encode("latin-1")


def _value(text: str, chance: random.Random) -> str:
    """A value of JSON, wherever one begins, gives way to a hostile one."""
    start, end = _span(text, chance, '"[{0123456789tfn')
    return text[:start] + _hostile(chance) + text[end:]


def _shape(text: str, chance: random.Random) -> str:
    """A list or an object loses, doubles, renames or moves what is in it, or is wrapped or unwrapped."""
    start, end = _span(text, chance, "[{")
    try:
        found = json.loads(text[start:end])
        changed = json.dumps(_reshaped(found, chance))
    except (ValueError, RecursionError):
        return _byte(text, chance)
    return text[:start] + changed + text[end:]


def _reshaped(found: Any, chance: random.Random) -> Any:
    match chance.randrange(4), found:
        case 0, _:
            return [found]
        case 1, _:
            return {chance.choice(("data", "tweet", "text", "id", "")): found}
        case _, [*items] if items:
            place = chance.randrange(len(items))
            return chance.choice((items[:place], items[place:] * 2, [*items, items[place]], items[::-1], items[place]))
        case _, dict() if found:
            names = list(found)
            name, other = chance.choice(names), chance.choice(names)
            less = {each: value for each, value in found.items() if each != name}
            swapped = found | {name: found[other], other: found[name]}
            return chance.choice((less, swapped, less | {name.upper(): found[name]}, found[name]))
    return found


def _deep(text: str, chance: random.Random) -> str:
    depth = chance.choice(DEPTHS) + chance.randrange(10)
    begin, end = chance.choice((("[", "]"), ('{"a":', "}")))
    start, stop = _span(text, chance, '"[{0123456789')
    return text[:start] + begin * depth + "1" + end * depth + text[stop:]


def _word(text: str, chance: random.Random) -> str:
    """A word or a quoted text gives way to a hostile one, or to another of the document."""
    words = list(WORD.finditer(text))
    if not words:
        return _byte(text, chance)
    old = chance.choice(words)
    other = chance.choice(words)[0] if chance.random() < 0.3 else _raw(chance.choice(HOSTILE_WORDS))
    return text[: old.start()] + other + text[old.end() :]


def _line(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[here]
        case 1:
            lines.insert(there, lines[here])
        case 2:
            lines[here], lines[there] = lines[there], lines[here]
        case _:
            lines = lines[:here]
    return "\n".join(lines)


def _byte(text: str, chance: random.Random) -> str:
    here = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            return text[:here]
        case 1:
            return text[:here] + chr(chance.randrange(256)) * chance.choice((1, 1, 2, 70, 5000)) + text[here:]
        case 2:
            return text[:here] + text[here + chance.randrange(1, 9) :]
        case _:
            return text[:here] + chr(chance.randrange(256)) + text[here + 1 :]


WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    *(_value, _value, _value, _shape, _shape, _deep, _word, _word, _line, _byte),
)  # fmt: skip


def _span(text: str, chance: random.Random, beginnings: str) -> tuple[int, int]:
    """Where a value of JSON stands that begins with one of these; nothing at the end where there is none."""
    for _ in range(8):
        start = chance.randrange(len(text) + 1)
        start = next((place for place in range(start, min(start + 2000, len(text))) if text[place] in beginnings), -1)
        if start >= 0:
            try:
                return start, DECODER.raw_decode(text, start)[1]
            except (ValueError, RecursionError):
                continue
    return len(text), len(text)


def _hostile(chance: random.Random) -> str:
    return _raw(chance.choice(HOSTILE_JSON))


def _raw(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
