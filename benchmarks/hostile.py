"""How the time to read a hostile archive grows with its size: four times as much must take about four times as long.

    python benchmarks/hostile.py [--size 2000]

Each row is an archive that is made to be slow: long texts that fit many tweets, texts that a pattern would try anew at
each letter, many tiny tweets. The time is that of reading it and of deciding what may be trained on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.screen import form, harm, privacy
from training.corpus.corpus import Choices, filter_tweets
from training.sources import recognise

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "Wed Mar 13 10:00:00 +0000 2024"
UNITS = {
    "dots": "a.", "hyphens": "a-", "at": "a at ", "addresses": "a@", "tokens": "eyJ-", "spaces": " ", "digits": "1 ",
    "colons": ":", "roads": "12 Aa ", "quotes": '"@a: ', "handles": "@a ", "links": "http://", "arrows": "-> ",
    "brackets": "( [ ", "masks": "a*", "bars": "a|", "flags": "\U0001f1eb",
    "people": "jews ", "kills": "i will ",
    "hashtags": "#a", "long words": "ab", "leet": "4$", "wallets": "bc1q", "degrees": "48.123 ",
    "entities": "&#", "lines": "\n",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--size", type=int, default=2_000, help="the smallest number of records, or characters times 10"
    )
    size = parser.parse_args().size
    kinds: dict[str, Callable[[int], dict[str, list[Any]]]] = {
        "long texts of one second": long_texts,
        "tiny tweets": lambda count: {"tweets": [tweet(number, "a") for number in range(count)]},
        "versions of one tweet": versions,
    }
    for name, unit in UNITS.items():
        kinds[f"a text of {name}"] = (
            lambda count, unit=unit: {  # type: ignore[misc]
                "tweets": [tweet(1, "x " + (unit * (10 * count))[: 10 * count])]
            }
        )
    print("| archive | size | s | 4 times | s | 16 times | s | growth |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for kind, made in kinds.items():
        counts = (size, 4 * size, 16 * size)
        seconds = [timed(made(count)) for count in counts]
        cells = " | ".join(f"{count:,} | {took:.2f}" for count, took in zip(counts, seconds, strict=True))
        print(f"| {kind} | {cells} | {seconds[2] / max(seconds[1], 0.01):.1f} |", flush=True)


def tweet(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"tweet": {"id_str": str(10**17 + number), "full_text": text, "created_at": AT, **more}}


def long_texts(count: int) -> dict[str, list[Any]]:
    note = {"createdAt": "2024-03-13T10:00:00.000Z", "core": {"text": "It is a long story " * 30}}
    return {
        "tweets": [tweet(number, "It is a long story " * 10 + "…") for number in range(count)],
        "note_tweet": [{"noteTweet": note}] * count,
    }


def versions(count: int) -> dict[str, list[Any]]:
    ids = [str(10**17 + number) for number in range(count)]
    info = {"edit": {"initialTweetId": ids[0], "editControlInitial": {"editTweetIds": ids[:5]}}}
    return {"tweets": [tweet(number, "a", edit_info=info) for number in range(count)]}


def timed(files: dict[str, list[Any]]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            account = [{"account": {"username": "magpie", "accountDisplayName": "M"}}]
            for kind, records in {"account": account, **files}.items():
                name = kind.replace("_", "-")
                archive.writestr(f"data/{name}.js", f"window.YTD.{kind}.part0 = {json.dumps(records)}")
        began = time.perf_counter()
        read = recognise.read(path)
        filter_tweets(read.author, read.tweets, Choices(unspeakable=unspeakable))
        return time.perf_counter() - began


def unspeakable(text: str) -> str | None:
    why = form.control_character(text) or privacy.why_not(text) or harm.why_not(text, certain=True)
    return why.name if why else None


if __name__ == "__main__":
    main()
