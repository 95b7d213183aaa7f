"""Has it said nearly this? A small index beside the history, which the database itself keeps up to date.

Two texts are near when their pairs of neighbouring words overlap by `NEAR` (Jaccard). Texts that are so near mostly
share one of `BANDS` keys, each made of a few smallest hashes of pairs (minhash): so few are looked up, and those are
compared exactly. It knows the tables of posts and refusals, and no reasons but their names.
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

# Read on five timelines: from here on nearly all pairs are one text with a word or two changed. Below, half are: the
# same form with other facts in it, which a bot may well say.
NEAR = 0.6
# Found are 95 % of the texts at 0.6, 99 % at 0.7 and all from 0.8 on; of a million others a few dozen are looked at.
BANDS, ROWS = 12, 3
# Posts that are compared for each key, the newest. Most keys have none or a few; one that is made of "I am" alone has
# thousands among a million, hardly any of them near, and must not crowd out those of the others.
MOST = 100
_DICE = random.Random("mynah")  # the same numbers in every process: the keys lie on the disk
_MASKS = [[_DICE.getrandbits(30) for _ in range(ROWS)] for _ in range(BANDS)]
_SPREAD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: neighbours end far apart
_64, _63 = 2**64 - 1, 2**63 - 1  # SQLite's integers have a sign
_30 = 2**30 - 1  # Python's own are quickest up to here
# One word, or one letter of a script that puts no spaces between words.
_WORD = re.compile(rf"{UNSPACED}|\w+")
_PLAIN = re.compile(r"\w+", re.ASCII)  # the same where all is ASCII, in half the time

# What is only about how a draft was put, or about another draft: what it says may be said. All other reasons are about
# what it says, and the same words are not tried again; what only resembles them may be the better way to say it.
PASSING = (
    "empty", "only_symbols", "unfinished", "control_character", "repetition", "too_long", "mention",
    "too_many_cashtags", "too_many_hashtags", "link", "language", "said_before", "said_nearly", "refused_before",
    "screen_failed",
)  # fmt: skip

# The functions are those of `register`. A rehearsal's keys are other ones: it must not keep the bot from speaking.
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

# Of each key the newest, as they lie in the table, so that no more are read than are wanted. CROSS JOIN keeps the order
# of the tables: SQLite, left to choose, reads every post there is.
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
    """Teach a connection the functions that the triggers call."""
    connection.create_function("near_keys", 2, lambda text, dry: json.dumps(keys(text, dry=dry)), deterministic=True)
    connection.create_function("same_key", 2, lambda text, dry: same_key(text, dry=dry), deterministic=True)


def said(history: History, text: str, *, dry: bool, but: int | None = None) -> str:
    """The post that says nearly this, as a detail; empty if there is none. `but`: it is this one that is edited."""
    wanted = {f"key{band}": key for band, key in enumerate(keys(text, dry=dry))}
    rows = history.rows(FIND, {"dry": dry, "but": but, "most": MOST, **wanted})
    own, texts = _pairs(text), {row["id"]: row["text"] for row in rows}
    newest = sorted(texts, reverse=True)
    return next((f"post {post}: {texts[post]}" for post in newest if _is_near(own, texts[post])), "")


def refused(history: History, text: str, *, dry: bool) -> str:
    """Why the same words were turned down before for what they say; empty if they were not."""
    rows = history.rows(
        "SELECT reason, at, text FROM nearness JOIN refusal ON refusal.id = -source "
        "WHERE key = ? AND source < 0 AND dry = ? ORDER BY source LIMIT 5",
        [same_key(text, dry=dry), dry],
    )
    own = _words(text)
    return next((f"{row['reason']}, {row['at'][:10]}" for row in rows if _words(row["text"]) == own), "")


def keys(text: str, *, dry: bool) -> list[int]:
    """What the history looks a text up by: near texts nearly always share one of these."""
    pairs = (f"{first} {second}".encode("utf-8", "replace") for first, second in _pairs(text))
    hashes = [crc32(pair) * _SPREAD >> 10 & _30 for pair in pairs]
    found = []
    for number, band in enumerate(_MASKS):
        key = number * 2 + dry
        for mask in band:  # the smallest of all, each time in another order
            key = (key ^ min(map(mask.__xor__, hashes))) * _SPREAD & _64
            key ^= key >> 29
        found.append(key & _63)
    return found


def same_key(text: str, *, dry: bool) -> int:
    """Of the words as they stand, whatever is between them."""
    digest = blake2b(" ".join([str(int(dry)), *_words(text)]).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") & _63


def _words(text: str) -> list[str]:
    if text.isascii() and (plain := _PLAIN.findall(text.lower())):
        return plain
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold()) or text.split()  # of symbols alone


def _pairs(text: str) -> set[tuple[str, str]]:
    return set(_in_a_row(text))


def _in_a_row(text: str) -> Iterator[tuple[str, str]]:
    """Neighbouring words, the edges of the text among them."""
    return pairwise(["", *_words(text), ""])


def _is_near(own: set[tuple[str, str]], text: str) -> bool:
    shared = len(own.intersection(_in_a_row(text)))
    if shared < NEAR * len(own):  # most: what the text has besides can only make it less
        return False
    return shared >= NEAR * (len(own) + len(_pairs(text)) - shared)
