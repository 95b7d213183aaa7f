"""The time and memory of an import, for invented archives of several sizes.

    python benchmarks/importing.py [--tweets 10000 100000]

Each import is a process of its own: `mynah import`, first into an empty library and then again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2010, 11, 20, tzinfo=UTC)
IDS_BEGAN = 1288834974657  # milliseconds; where X's ids begin to count
MYNAH = Path(sys.executable).parent / "mynah"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tweets", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        write(args.write, args.tweets[0])
        return
    print("| tweets | zip, MB | tweets.js, MB | import, s | processor, s | peak, MB | again, s | library, MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for count in args.tweets:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder), count), flush=True)


def row(folder: Path, count: int) -> str:
    archive = folder / "archive.zip"
    # In a process of its own: a child's peak begins at its parent's memory when it was started.
    subprocess.run([sys.executable, __file__, "--write", archive, "--tweets", str(count)], check=True)
    with zipfile.ZipFile(archive) as opened:
        plain = opened.getinfo("data/tweets.js").file_size
    seconds, processor, peak = run_import(archive, folder)
    again, _, _ = run_import(archive, folder)
    library = (folder / "state" / "library.db").stat().st_size
    megabytes = [f"{size / 1e6:.1f}" for size in (archive.stat().st_size, plain)]
    return (
        f"| {count:,} | {' | '.join(megabytes)} | {seconds:.1f} | {processor:.1f} | {peak / 1e6:.0f} | {again:.1f} "
        f"| {library / 1e6:.1f} |"
    )


def run_import(archive: Path, folder: Path) -> tuple[float, float, int]:
    """Wall-clock seconds, processor seconds, peak memory in bytes."""
    began = time.perf_counter()
    child = subprocess.Popen([MYNAH, "--state", folder / "state", "import", archive], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"mynah import ended with {child.returncode}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, peak


def write(path: Path, count: int) -> None:
    """An archive in the form of today's X, unsorted, with texts of invented words."""
    rng = random.Random(0)
    words = ["".join(rng.choices("aeioulnrstdmpbkg", k=rng.randint(2, 9))) for _ in range(20_000)]
    tweets = [{"tweet": tweet(number, words, rng)} for number in range(count)]
    rng.shuffle(tweets)
    files = [{"fileName": "data/tweets.js", "globalName": "YTD.tweets.part0", "count": str(count)}]
    members = {
        "data/account.js": ("window.YTD.account.part0", [{"account": {"username": "magpie"}}]),
        "data/manifest.js": ("window.__THAR_CONFIG", {"dataTypes": {"tweets": {"files": files}}}),
        "data/tweets.js": ("window.YTD.tweets.part0", tweets),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (variable, payload) in members.items():
            archive.writestr(name, f"{variable} = {json.dumps(payload, ensure_ascii=False, indent=2)}")


def tweet(number: int, words: list[str], chance: random.Random) -> dict[str, Any]:
    at = BEGIN + timedelta(minutes=75 * number)
    one = str((int(at.timestamp() * 1000) - IDS_BEGAN << 22) + chance.randrange(1 << 22))
    text = " ".join(chance.choices(words, k=chance.randint(3, 25))) + (" ☔🌧" if number % 20 == 0 else "")
    until = at + timedelta(hours=1)
    return {
        "edit_info": {
            "initial": {
                "editTweetIds": [one],
                "editableUntil": f"{until:%Y-%m-%dT%H:%M:%S}.000Z",
                "editsRemaining": "5",
                "isEditEligible": True,
            }
        },
        "retweeted": False,
        "source": '<a href="https://mobile.example.org" rel="nofollow">A Web App</a>',
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
        "display_text_range": ["0", str(len(text))],
        "favorite_count": str(chance.randrange(9)),
        "id_str": one,
        "truncated": False,
        "retweet_count": "0",
        "id": one,
        "created_at": f"{at:%a %b %d %H:%M:%S} +0000 {at:%Y}",
        "favorited": False,
        "full_text": text,
        "lang": "en",
    }


if __name__ == "__main__":
    main()
