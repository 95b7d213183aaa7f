"""Valid documents of each kind, from the tests' own builders, as seeds of the fuzzer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fake_x.faults import FAULTS, End
from tests.training.archives import (
    account,
    edit_of,
    edits,
    grailbird,
    js,
    note,
    of_2018,
    of_2020,
    of_2024,
    table,
    tweet,
)
from tests.trials.replying_bot import BOT, ME, ReplyingBot, person

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
OURS = """
bot = "magpiebot"
live = true
mode = "review"
state = "/tmp/state"
[x]
auth = "oauth2"
base_url = "http://127.0.0.1:8080"
redirect = "http://127.0.0.1:8765/"
[training]
authors = ["magpie", "@rook"]
recency = "365d"
tags = true
method = "lora"
keep = 2
seed = 7
[voice]
threads = 2
prompts = { "Today" = 1, "My dream is" = 2.5 }
mix = { none = 1, prompts = 1, openers = 0 }
[replies]
enabled = true
approved_by_x = true
listen = true
opt_out = ["go home"]
known_bots = ["grok"]
"""
OTHERS = """
[schedule]
timezone = "Australia/Lord_Howe"
active_from = "22:00"
active_to = 06:30:00
posts_per_day = 96
jitter = "1h30m"
grace = "5m"
catch_up = "one"
[posting]
min_gap = "1s"
max_per_hour = 9
max_per_day = 99
[screen]
deny = ["soup kitchen"]
deny_patterns = ["(?i)gl[o0]ve", '^\\d+$']
allow = ["crap"]
[budget]
per_day = 0.5
per_month = 9.0
price_post = 0.015
[gate]
bits_over_current = 0.1
[backup]
every = "6h"
keep = 30
[metrics]
listen = "127.0.0.1:9464"
[log]
level = "debug"
format = "json"
"""
TYPICAL = (OURS, OTHERS)
TEXT = "the night train was late again and nobody minded"
LONG = TEXT + " " + "and nobody minded " * 20
LINKED = {"entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://twitter.com/magpie/status/12"}]}}
TWEETS = [
    tweet(1, TEXT),
    tweet(1211602623461122055, "fish &amp; chips https://t.co/a", "Sun Feb 19 12:33:11 +0000 2023", **LINKED),
    tweet(3, f"{LONG[:270]}…", in_reply_to_status_id_str="2", in_reply_to_screen_name="rook"),
    tweet(10, "a wurm ☔", **edits(10, 12)),
    tweet(12, "a worm ☔", **edit_of(10)),
]
MONTH = [
    {"id": 1, "created_at": "2013-01-01 00:00:00 +0000", "text": TEXT, "user": {"screen_name": "Magpie", "name": "M"}},
    {"id": 2, "created_at": "2013-01-02 03:04:05 +0000", "text": "RT @rook: caw", "retweeted_status": {"id": 6}},
]
ARCHIVES = (
    of_2024(TWEETS, [note(LONG)]),
    of_2020(TWEETS),
    of_2018(TWEETS) | {"account.js": account(name="Ms Magpie ☔")},
    grailbird({"2013_01": MONTH}) | {"tweets.csv": table(MONTH)},
)
PAGE = {
    "data": [
        {"id": "17", "text": "caw", "author_id": "44", "created_at": "2023-02-18T12:33:11.000Z", "lang": "en"},
        {"id": "18", "text": "c…", "note_tweet": {"text": LONG}, "referenced_tweets": [{"type": "quoted", "id": "9"}]},
    ],
    "includes": {"users": [{"id": "44", "username": "Magpie", "name": "Ms Magpie"}]},
    "meta": {"result_count": 2, "next_token": "b2"},
}
FILES = (
    ("tweets.js", js("window.YTD.tweets.part0", [{"tweet": one} for one in TWEETS])),
    ("page.json", json.dumps(PAGE)),
    ("flat.json", json.dumps(TWEETS)),
    ("lines.jsonl", "\n".join(json.dumps(one) for one in TWEETS)),
    ("got3.csv", f'date,username,to,text,id\n2019-12-30 10:59:10,magpie,rook,"caw, ""caw""\n",7\n,magpie,,{TEXT},\n'),
    ("flags.tsv", f"date\ttext\tid\tisRetweet\n16/10/2017 22:59\t{TEXT}\t7\tTRUE\n"),
    ("said.txt", f"{TEXT}\r\n\nfish &amp; chips ☔\n"),
)  # fmt: skip


def answer(status: int, body: bytes, **headers: str) -> bytes:
    """A response in the targets' format: a line with the status, headers, an empty line, and the body."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"{status}\n{lines}\n".encode() + body


def faults() -> Iterator[bytes]:
    """The faults that are responses of less than 20 kB, each once."""
    yielded = set()
    for fault in FAULTS.values():
        headers = {name: value for name, value in fault.headers.items() if value is not None}
        encoded = answer(fault.status or 0, fault.body or b"", **headers)
        if fault.status and fault.end is End.ANSWER and len(encoded) < 20_000 and encoded not in yielded:
            yielded.add(encoded)
            yield encoded


def crowd(bot: ReplyingBot) -> None:
    """Users who mention the bot in every way."""
    rook, daw = person(1, "rook"), person(2, "daw")
    bot.world.users |= {rook.id: rook, daw.id: daw}
    first = bot.says(rook, f"{BOT} do pigeons like rain & soup?")
    bot.says(daw, f"what do you think, {BOT}?", reply_to=first)
    bot.says(daw, f"{BOT} please stop", quote_of=first)
    bot.world.edit(bot.says(rook, f"{BOT} good mornin"), f"{BOT} good morning @daw @nobody")
    bot.says(rook, f"{BOT} {LONG} https://example.org/?a=1&lt=2")
    bot.says(daw, "RT @rook: caw", retweet_of=first)


def response(bot: ReplyingBot, method: str, path: str, **params: Any) -> bytes:
    """The fake X's current response to this request."""
    assert bot.direct
    reply = bot.direct.ask(method, path, sign=lambda request: request, params=params)
    return answer(reply.status, reply.text.encode(), **reply.headers)


def mentions(bot: ReplyingBot) -> bytes:
    fields = "author_id,conversation_id,display_text_range,entities,note_tweet,referenced_tweets"
    params = {"tweet.fields": fields, "expansions": "author_id", "max_results": "100"}
    return response(bot, "GET", f"/2/users/{ME.id}/mentions", **params)


def timeline(bot: ReplyingBot) -> bytes:
    fields = "created_at,entities,note_tweet,referenced_tweets,lang"
    return response(bot, "GET", f"/2/users/{ME.id}/tweets", **{"tweet.fields": fields, "max_results": "100"})
