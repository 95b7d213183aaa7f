"""Finds posts that nearly repeat a text, by an index in the history that triggers keep up to date.

Two texts are near when the Jaccard similarity of their word pairs is at least `NEAR`. Such texts mostly share one of
`BANDS` keys, each made of the smallest hashes of pairs (minhash with locality-sensitive hashing): only the texts that
share a key are fetched, and those are compared exactly.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from sqlite3 import Connection

# Chosen by reading pairs from five timelines: above it, nearly all are the same text with a word or two changed;
# below it, half are the same template with other facts, which the bot may post.
NEAR = 0.6
# These find 95 % of the texts at 0.6, 99 % at 0.7 and all from 0.8 on; of a million others they fetch a few dozen.
BANDS, ROWS = 12, 3
# For each key, only this many of the newest posts are compared. Most keys have none or a few; a key made of "I am"
# alone has thousands in a million, hardly any of them near, and must not crowd out the posts of the other keys.
MOST = 100
_GENERATOR = random.Random("mynah")  # the same numbers in every process: the keys are stored
_MASKS = [[_GENERATOR.getrandbits(30) for _ in range(ROWS)] for _ in range(BANDS)]
_SPREAD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, as in Fibonacci hashing
_64, _63 = 2**64 - 1, 2**63 - 1  # SQLite's integers have a sign
_30 = 2**30 - 1  # Python's are fastest up to here
# A word, or a letter of a script without spaces between words.
_WORD = re.compile(rf"{UNSPACED}|\w+")
_PLAIN = re.compile(r"\w+", re.ASCII)  # the same for ASCII text, in half the time

# Reasons about the form of a draft, or about another draft: its words may be used again. Other reasons are about its
# content, and a draft with the same words is refused again; one that only resembles them may be the better wording.
# The list is part of a migration: a change needs another one, which creates the trigger anew.
PASSING = (
    "empty", "only_symbols", "unfinished", "control_character", "repetition", "too_long", "mention",
    "too_many_cashtags", "too_many_hashtags", "link", "language", "said_before", "said_nearly", "refused_before",
    "screen_failed",
)  # fmt: skip

# `register` defines the functions. Dry runs have keys of their own: they must not keep the bot from posting.
TABLES = f"""
CREATE TABLE nearness (
    key INTEGER NOT NULL,
    source INTEGER NOT NULL, -- a post's id, or a refusal's below zero
    PRIMARY KEY (key, source)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER post_is_compared AFTER INSERT ON post
BEGIN INSERT OR IGNORE INTO nearness SELECT value, NEW.id FROM json_each(near_keys(NEW.text, NEW.dry)); END;

CREATE TRIGGER post_is_compared_anew AFTER UPDATE OF text ON post WHEN OLD.text <> NEW.text
BEGIN
    DELETE FROM nearness WHERE source = OLD.id AND key IN (SELECT value FROM json_each(near_keys(OLD.text, OLD.dry)));
    INSERT OR IGNORE INTO nearness SELECT value, NEW.id FROM json_each(near_keys(NEW.text, NEW.dry));
END;

CREATE TRIGGER refusal_is_compared AFTER INSERT ON refusal WHEN NEW.reason NOT IN {PASSING}
BEGIN INSERT OR IGNORE INTO nearness VALUES (same_key(NEW.text, NEW.dry), -NEW.id); END;

INSERT INTO nearness SELECT value, post.id FROM post, json_each(near_keys(post.text, post.dry));

INSERT OR IGNORE INTO nearness SELECT same_key(text, dry), -id FROM refusal WHERE reason NOT IN {PASSING};
"""  # noqa: S608  built from the constants above

# The newest of each key, in the order of the index, so that no more rows are read than needed. CROSS JOIN keeps the
# order of the tables: SQLite's own choice reads every post.
_OF_ONE_KEY = """
SELECT * FROM (
    SELECT post.id, post.text FROM nearness CROSS JOIN post ON post.id = nearness.source
    WHERE nearness.key = :key{} AND nearness.source > 0
        AND post.dry = :dry AND post.state <> 'expired' AND post.id IS NOT :but
    ORDER BY nearness.source DESC LIMIT :most
)"""
FIND = " UNION ALL".join(map(_OF_ONE_KEY.format, range(BANDS)))


class History(Protocol):
    """Where posts and refusals can be queried: a Store, which applies the migration above."""

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]: ...


def register(connection: Connection) -> None:
    """Define the functions that the triggers call."""
    connection.create_function("near_keys", 2, lambda text, dry: json.dumps(keys(text, dry=dry)), deterministic=True)
    connection.create_function("same_key", 2, lambda text, dry: same_key(text, dry=dry), deterministic=True)


def said(history: History, text: str, *, dry: bool, but: int | None = None) -> str:
    """The newest post that nearly repeats this text, as text; empty if there is none. `but` is a post to leave out."""
    parameters = {f"key{band}": key for band, key in enumerate(keys(text, dry=dry))}
    rows = history.rows(FIND, {"dry": dry, "but": but, "most": MOST, **parameters})
    own, texts = _pairs(text), {row["id"]: row["text"] for row in rows}
    newest = sorted(texts, reverse=True)
    return next((f"post {post}: {texts[post]}" for post in newest if _is_near(own, texts[post])), "")


def refused(history: History, text: str, *, dry: bool) -> str:
    """Why the same words were refused before for their content; empty if they were not."""
    rows = history.rows(
        "SELECT reason, at, text FROM nearness JOIN refusal ON refusal.id = -source "
        "WHERE key = ? AND source < 0 AND dry = ? ORDER BY source LIMIT 5",
        [same_key(text, dry=dry), dry],
    )
    own = _words(text)
    return next((f"{row['reason']}, {row['at'][:10]}" for row in rows if _words(row["text"]) == own), "")


def keys(text: str, *, dry: bool) -> list[int]:
    """The keys of a text in the index; near texts nearly always share one."""
    pairs = (f"{first} {second}".encode("utf-8", "replace") for first, second in _pairs(text))
    hashes = [crc32(pair) * _SPREAD >> 10 & _30 for pair in pairs]
    band_keys = []
    for number, band in enumerate(_MASKS):
        key = number * 2 + dry
        for mask in band:  # a mask permutes the hashes; take the smallest
            key = (key ^ min(map(mask.__xor__, hashes))) * _SPREAD & _64
            key ^= key >> 29
        band_keys.append(key & _63)
    return band_keys


def same_key(text: str, *, dry: bool) -> int:
    """One key for texts with the same words in the same order."""
    digest = blake2b(" ".join([str(int(dry)), *_words(text)]).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") & _63


def _words(text: str) -> list[str]:
    if text.isascii() and (plain := _PLAIN.findall(text.lower())):
        return plain
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold()) or text.split()  # a text of symbols alone


def _pairs(text: str) -> set[tuple[str, str]]:
    return set(_in_a_row(text))


def _in_a_row(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of neighbouring words; the edges of the text count as words."""
    return pairwise(["", *_words(text), ""])


def _is_near(own: set[tuple[str, str]], text: str) -> bool:
    shared = len(own.intersection(_in_a_row(text)))
    if shared < NEAR * len(own):  # a cheap upper bound: further pairs of `text` only lower the similarity
        return False
    return shared >= NEAR * (len(own) + len(_pairs(text)) - shared)
