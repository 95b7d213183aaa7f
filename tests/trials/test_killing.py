"""SIGKILL at every kind of moment: nothing is posted twice or lost. Longer: `python -m tests.trials.killing --help`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import MYNAH, environment, lines, mynah

EXPECTED = {
    "never_reached": [], "posted_twice": 0, "missing_from_history": 0, "posted_but_not_on_server": 0, "rows_lost": 0,
    "promises_broken": [], "sent_unapproved": 0, "sent_after_rejection": 0, "slots_used_twice": 0, "left_unknown": 0,
    "integrity": "ok", "sent_without_intent": 0, "ticks_failed": 0, "mentions_lost": 0, "mentions_skipped": 0,
    "replied_twice": 0, "replies_without_mention": 0, "replies_after_stop": 0, "stops_missed": 0,
    "verdicts_without_reply": 0,
}  # fmt: skip


def run_trial(*arguments: str) -> dict[str, Any]:
    """In its own process: the trial forks, and a test runner has threads."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.trials.killing", *arguments],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    row: dict[str, Any] = json.loads(process.stdout)
    return row


def test_kills_at_twenty_lines_and_at_random_post_nothing_twice_and_lose_nothing() -> None:
    row = run_trial("--points", "20", "--each", "5", "--random", "100")

    assert {key: row[key] for key in EXPECTED} == EXPECTED
    assert row["kills"] >= 200
    assert row["states"]["posted"] > 25
    assert row["found_in_timeline"] > 0
    assert row["rounds_of_daemon"] > 0
    assert row["replies_on_server"] > 10
    assert row["verdicts"]["opted_out"] > 0


@pytest.mark.parametrize(
    ("lacks", "at", "count"),
    [
        ("intent", "answer: bot/sending/outbox.py, _record_success", "replied_twice"),
        ("watermark", "answer: bot/replies/polling.py, _take", "mentions_skipped"),
        ("transactions", "answer: bot/history/mentions.py, add_reply", "verdicts_without_reply"),
    ],
)
def test_the_counts_show_a_missing_safeguard(lacks: str, at: str, count: str) -> None:
    """The controls for replies."""
    row = run_trial("--lacks", lacks, "--at", at, "--points", "6", "--each", "1", "--random", "0")

    assert row[count] > 0


def test_the_usual_loop_posts_twice_under_the_same_kills() -> None:
    """The control: if this one never posts twice, the kills above prove nothing."""
    assert run_trial("--random", "30", "--naive")["posted_twice"] > 0


def test_kills_of_the_installed_command_with_nothing_replaced_lose_no_post(tmp_path: Path) -> None:
    me = newcomer()
    world = World(me, now=lambda: datetime.now(UTC), refuses_duplicates=False)
    with FakeX(world) as x:
        env = {
            "MYNAH_X__BASE_URL": x.url, "MYNAH_X__CONSUMER_KEY": me.secrets.consumer_key,
            "MYNAH_X__CONSUMER_SECRET": me.secrets.consumer_secret, "MYNAH_X__ACCESS_TOKEN": me.access_token,
            "MYNAH_X__ACCESS_TOKEN_SECRET": me.secrets.token_secret, "MYNAH_LIVE": "true",
            "MYNAH_POSTING__MIN_GAP": "0s", "MYNAH_POSTING__MAX_PER_HOUR": "99",
        }  # fmt: skip
        began = time.monotonic()
        assert mynah("post", "Post number zero.", state=tmp_path, **env).returncode == 0
        took = time.monotonic() - began
        for text in ("One bell.", "Two hats and a lamp.", "Three trains at noon."):
            words = [MYNAH, "--state", tmp_path, "post", text]
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**env)) as run:
                time.sleep(took * random.Random(text).uniform(0.5, 1))
                run.kill()
            mynah("post", text, state=tmp_path, **env)  # as a person would: try again
        mynah("post", "@nobody", state=tmp_path, **env)  # only a lookup

    rows = lines(mynah("history", "--json", state=tmp_path).stdout)
    assert sorted(world.texts) == sorted({row["text"] for row in rows if row["state"] == "posted"})
    assert "Post number zero." in world.texts
