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

SOUND = {
    "never_reached": [], "doubled": 0, "missing_from_history": 0, "posted_but_not_on_server": 0, "rows_lost": 0,
    "promises_broken": [], "sent_without_a_yes": 0, "sent_after_a_no": 0, "slots_used_twice": 0, "left_unknown": 0,
    "integrity": "ok", "sent_without_intent": 0, "ticks_failed": 0, "calls_lost": 0, "calls_before_the_watermark": 0,
    "answered_twice": 0, "answered_uncalled": 0, "answered_after_a_stop": 0, "stops_unheard": 0,
    "answered_in_name_only": 0,
}  # fmt: skip


def killed(*arguments: str) -> dict[str, Any]:
    """In a process of its own: it forks, and a test runner has threads."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.trials.killing", *arguments],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def test_kills_at_twenty_lines_and_at_any_moment_double_nothing_and_lose_nothing() -> None:
    row = killed("--points", "20", "--each", "5", "--random", "100")

    assert {key: row[key] for key in SOUND} == SOUND
    assert row["kills"] >= 200
    assert row["states"]["posted"] > 25
    assert row["found_by_looking"] > 0
    assert row["rounds_of_the_one_that_stays"] > 0
    assert row["answers_on_server"] > 10
    assert row["verdicts"]["opted_out"] > 0


@pytest.mark.parametrize(
    ("lacks", "at", "seen"),
    [
        ("intent", "answer: bot/sending/outbox.py, _record_success", "answered_twice"),
        ("watermark", "answer: bot/replies/polling.py, _take", "calls_before_the_watermark"),
        ("transactions", "answer: bot/history/mentions.py, add_reply", "answered_in_name_only"),
    ],
)
def test_a_bot_without_a_safeguard_is_found_out(lacks: str, at: str, seen: str) -> None:
    """The controls for the answers."""
    row = killed("--lacks", lacks, "--at", at, "--points", "6", "--each", "1", "--random", "0")

    assert row[seen] > 0


def test_the_usual_loop_doubles_under_the_same_kills() -> None:
    """The control: if this one doubles nothing, the kills above prove nothing."""
    assert killed("--random", "30", "--naive")["doubled"] > 0


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
            mynah("post", text, state=tmp_path, **env)  # what a person does: ask again
        mynah("post", "@nobody", state=tmp_path, **env)  # only looks

    rows = lines(mynah("history", "--json", state=tmp_path).stdout)
    assert sorted(world.texts) == sorted({row["text"] for row in rows if row["state"] == "posted"})
    assert "Post number zero." in world.texts
