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

# JSON as text, since Python cannot write all of it.
HOSTILE_JSON = (
    *("null", "true", "false", "0", "-1", "1.5", "1e999", "-0.0", "NaN", "-Infinity", "[]", "{}", "[[]]", '""'),
    *("9223372036854775808", "1" * 25, "9" * 4300, "9" * 4301, '"1"', '"0"', '"-7"', '"9999999999999999999"'),
    *(r'"\ud800"', r'"\udfff\ud83d"', r'"\u0000"', r'"\u202e@\u200b"', r'"\u0661\u0662"', r'"\r\n"', '"@"', '"<"'),
    *('"&amp;amp;#x110000;"', '"&#' + "9" * 5000 + ';"', '"RT @"', '"https://t.co/a"', '"2026-13-45T99:99:99.000Z"'),
    *('"0001-01-01T00:00:00+23:59"', '"Sat Feb 30 12:33:11 +9999 2023"', '"' + "x" * 30_000 + '"'),
    '"' + "@a " * 500 + '"',
)  # fmt: skip
DEPTHS = (5, 100, 900, 940, 960, 980, 990, 100_000)  # Python's limit is about a thousand
HOSTILE_WORDS = (
    *("", "0", "-1", "true", "nan", "inf", "1e400", "0x" + "f" * 5000, "9" * 25, "1979-05-27T07:32:00Z", "07:32:00"),
    *('""', '"\\u0000"', '"~"', '"~nobody"', '"/dev/zero"', '"/proc/self/mem"', '"."', '"9999999d"', '"0s"', '"24:00"'),
    *('"(?:a+)+$"', '"(?P<a>"', '"' + "(" * 2000 + '"', '"@"', '"\\U0010FFFF"', '"Etc/GMT+24"', '"../../etc/passwd"'),
    *('"http://127.0.0.1:99999"', '"https://[::1"', "[[1, 2], {}]", "{ a = 1 }", "'''", '"""', "[", "=", "\ud8ff"),
    *("bytes 0-1/*", "chunked", "gzip", "9" * 400, "\x00", "\xff\xfe", "\ufeff", "\u2028", "\r", "\u0661", "+0000"),
)  # fmt: skip
WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\w.+@%-]+')
DECODER = json.JSONDecoder()
MOST = 300_000  # characters; larger documents are only slower


def mutate_document(data: bytes, rng: random.Random, times: int = 1) -> bytes:
    """Latin-1 maps every byte to a character and back, so binary data survives."""
    text = data.decode("latin-1")
    for _ in range(times):
        text = rng.choice(WAYS)(text, rng)[:MOST]
    return text.encode("latin-1")


def _value(text: str, rng: random.Random) -> str:
    """Replace a JSON value with a hostile one."""
    start, end = _span(text, rng, '"[{0123456789tfn')
    return text[:start] + _hostile(rng) + text[end:]


def _shape(text: str, rng: random.Random) -> str:
    """Remove, repeat, rename or move items of a list or an object, or wrap or unwrap it."""
    start, end = _span(text, rng, "[{")
    try:
        value = json.loads(text[start:end])
        changed = json.dumps(_reshaped(value, rng))
    except (ValueError, RecursionError):
        return _byte(text, rng)
    return text[:start] + changed + text[end:]


def _reshaped(value: Any, rng: random.Random) -> Any:
    match rng.randrange(4), value:
        case 0, _:
            return [value]
        case 1, _:
            return {rng.choice(("data", "tweet", "text", "id", "")): value}
        case _, [*items] if items:
            index = rng.randrange(len(items))
            return rng.choice((items[:index], items[index:] * 2, [*items, items[index]], items[::-1], items[index]))
        case _, dict() if value:
            names = list(value)
            name, other = rng.choice(names), rng.choice(names)
            less = {each: item for each, item in value.items() if each != name}
            swapped = value | {name: value[other], other: value[name]}
            return rng.choice((less, swapped, less | {name.upper(): value[name]}, value[name]))
    return value


def _deep(text: str, rng: random.Random) -> str:
    depth = rng.choice(DEPTHS) + rng.randrange(10)
    begin, end = rng.choice((("[", "]"), ('{"a":', "}")))
    start, stop = _span(text, rng, '"[{0123456789')
    return text[:start] + begin * depth + "1" + end * depth + text[stop:]


def _word(text: str, rng: random.Random) -> str:
    """Replace a word or a quoted text with a hostile one, or with another of the document."""
    words = list(WORD.finditer(text))
    if not words:
        return _byte(text, rng)
    old = rng.choice(words)
    other = rng.choice(words)[0] if rng.random() < 0.3 else _raw(rng.choice(HOSTILE_WORDS))
    return text[: old.start()] + other + text[old.end() :]


def _line(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[here]
        case 1:
            lines.insert(there, lines[here])
        case 2:
            lines[here], lines[there] = lines[there], lines[here]
        case _:
            lines = lines[:here]
    return "\n".join(lines)


def _byte(text: str, rng: random.Random) -> str:
    here = rng.randrange(len(text) + 1)
    match rng.randrange(4):
        case 0:
            return text[:here]
        case 1:
            return text[:here] + chr(rng.randrange(256)) * rng.choice((1, 1, 2, 70, 5000)) + text[here:]
        case 2:
            return text[:here] + text[here + rng.randrange(1, 9) :]
        case _:
            return text[:here] + chr(rng.randrange(256)) + text[here + 1 :]


WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    *(_value, _value, _value, _shape, _shape, _deep, _word, _word, _line, _byte),
)  # fmt: skip


def _span(text: str, rng: random.Random, beginnings: str) -> tuple[int, int]:
    """The span of a JSON value that begins with one of these characters; empty, at the end, if there is none."""
    for _ in range(8):
        start = rng.randrange(len(text) + 1)
        start = next((index for index in range(start, min(start + 2000, len(text))) if text[index] in beginnings), -1)
        if start >= 0:
            try:
                return start, DECODER.raw_decode(text, start)[1]
            except (ValueError, RecursionError):
                continue
    return len(text), len(text)


def _hostile(rng: random.Random) -> str:
    return _raw(rng.choice(HOSTILE_JSON))


def _raw(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
