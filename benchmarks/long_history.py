"""Makes a history of many posts of all kinds and states, refusals, mentions, lookups and expenses, for measurements."""

from __future__ import annotations

import random
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import stamp
from bot.history import near_duplicates, totals
from bot.history.refusals import KEPT
from bot.history.store import Store
from bot.text.normalise import normalise
from bot.x.payloads import id_at
from training.sources import recognise
from training.sources.sample import ARCHIVE
from training.sqlite_file import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

YEARS = timedelta(days=4 * 365)
EVERY = YEARS / 1_000_000  # from post to post
REST = timedelta(days=2)  # since the last post, so that no limit holds the next one back
LIVE = (*["posted"] * 80, *["refused"] * 4, *["abandoned"] * 4, *["expired"] * 6, *["rejected"] * 6)
DRY = (*["dry"] * 88, *["expired"] * 6, *["rejected"] * 6)
REASONS = ("slur", "copied", "link", "repetition")  # two about the content, whose words are not used again
FAST = ("synchronous = OFF", "journal_mode = OFF", "cache_size = -500000", "foreign_keys = OFF")


def fill(path: Path, count: int, *, now: datetime, every: timedelta = EVERY) -> None:
    """A history of `count` posts and as many refusals, as far as these are kept, one `every` so often.

    At the default rate, a million are four years.
    """
    Store.open(path).close()
    rng = random.Random(1)
    connection = sqlite3.connect(path, isolation_level=None)
    near_duplicates.register(connection)
    for pragma in FAST:
        connection.execute(f"PRAGMA {pragma}")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    connection.execute("BEGIN")
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    texts = _texts(rng)
    times = [now - REST - every * age for age in reversed(range(count))]
    numbered = list(enumerate(times, start=1))
    _insert(connection, "post", (_post(number, next(texts), at, rng) for number, at in numbered))
    _insert(connection, "refusal", (_refusal(number, next(texts), at) for number, at in numbered if now - at < KEPT))
    _insert(connection, "mention", (_mention(number, at, rng) for number, at in numbered if number % 4 == 0))
    _insert(connection, "expense", (_expense(number, at) for number, at in numbered if number % 4 == 0))
    _follow(connection)
    for _, sql in triggers:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.close()


def _texts(rng: random.Random) -> Iterator[str]:
    """Most are words of the sample account's tweets at random; every fifth is one of its tweets with other words."""
    tweets = [tweet.text for tweet in recognise.read(ARCHIVE).tweets]
    words = [word for text in tweets for word in text.split()]
    number = 0
    while True:
        number += 1
        chosen = rng.choices(words, k=12)
        if number % 5 == 0:
            chosen = rng.choice(tweets).split()
            chosen[rng.randrange(len(chosen))] = rng.choice(words)
        yield " ".join([*chosen, str(number)])


def _post(number: int, text: str, at: datetime, rng: random.Random) -> dict[str, Any]:
    dry = number % 2
    state = rng.choice(DRY if dry else LIVE)
    is_reply = not dry and number % 6 == 0
    was_sent = state in {"posted", "abandoned", "refused", "dry"}
    return {
        "id": number, "kind": "reply" if is_reply else "post", "dry": dry, "state": state,
        "slot": None if is_reply else f"slot {number}", "reply_to": str(10**9 + number) if is_reply else None,
        "text": text, "norm": normalise(text), "length": len(text), "prompt": "", "seed": 1, "likelihood": -2.0,
        "model": "m", "x_id": str(id_at(at) + number % 1000) if state == "posted" else None,
        "cost": 10 if was_sent else 0, "created_at": stamp(at), "changed_at": stamp(at),
        "sent_at": stamp(at) if was_sent else None,
    }  # fmt: skip


def _refusal(number: int, text: str, at: datetime) -> dict[str, Any]:
    return {
        "id": number, "slot": f"slot {number}", "dry": number % 2, "text": text, "prompt": "", "seed": 1,
        "reason": REASONS[number % 4], "detail": "", "model": "m", "at": stamp(at),
    }  # fmt: skip


def _mention(number: int, at: datetime, rng: random.Random) -> dict[str, Any]:
    """Every third one is answered; one conversation in ten is everybody's."""
    is_answered = number % 3 == 0
    x_id = str(10**9 + number if is_answered else id_at(at) + number % 1000)
    return {
        "id": x_id, "first": x_id, "author": str(rng.randrange(5_000)), "handle": f"reader{number % 999}",
        "conversation": "1" if number % 10 == 0 else x_id, "others": "",
        "verdict": "answered" if is_answered else "stale", "at": stamp(at),
    }  # fmt: skip


def _expense(number: int, at: datetime) -> dict[str, Any]:
    kind = ("mentions", "look")[number % 8 // 4]
    return {"kind": kind, "cost": 1, "by_hand": 0, "about": "", "at": stamp(at)}


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    if first is None:
        return
    sql = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({', '.join(f':{name}' for name in first)})"
    connection.execute(sql, first)
    connection.executemany(sql, rows)


def _follow(connection: sqlite3.Connection) -> None:
    """What triggers would have written, and what belongs to the posts."""
    for sql in (
        "INSERT INTO slot SELECT slot, dry, created_at, 'spoken', '', created_at FROM post WHERE slot IS NOT NULL",
        "INSERT INTO event (post, after, at) SELECT id, 'drafted', created_at FROM post",
        "INSERT INTO event (post, before, after, at) SELECT id, 'drafted', state, changed_at FROM post",
        """INSERT INTO look (post, state, outcome, detail, at, again)
        SELECT id, 'unknown', 'absent', '', changed_at, iif(again, changed_at, NULL)
        FROM post, (SELECT 1 AS again UNION ALL SELECT 1 UNION ALL SELECT 0) WHERE state = 'abandoned'""",
        """INSERT INTO review (post, verdict, text, norm, because, at)
        SELECT id, 'rejected', text, norm, '', changed_at FROM post WHERE state = 'rejected'""",
        "CREATE TEMP TABLE near (key, source)",
        """INSERT INTO near SELECT value, post.id FROM post, json_each(near_keys(post.text, post.dry))
        WHERE state <> 'expired'""",
        f"INSERT INTO near SELECT same_key(text, dry), -id FROM refusal WHERE reason NOT IN {near_duplicates.PASSING}",
        "INSERT INTO nearness SELECT DISTINCT key, source FROM near ORDER BY key, source",
        "DROP TABLE near",
        *(f"DELETE FROM {table}" for table in ("tally", "day_cost", "to_look_up")),
        *(sql for sql in statements(totals.TABLES) if sql.lstrip().startswith("INSERT")),
    ):
        connection.execute(sql)
