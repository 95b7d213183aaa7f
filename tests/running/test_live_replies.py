"""Live replies: the installed command against a fake X on this machine, and blocking and forgetting people."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.clock import stamp
from bot.history.store import Store
from bot.replies.polling import Cursor, keep
from bot.x.payloads import id_at
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import HEARD, MYNAH, environment, lines, mynah
from tests.running.test_live import keys
from tests.trials.replying_bot import person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME, MAGPIE, ROOK = newcomer(), person(1, "magpie"), person(2, "rook")
ON = {"MYNAH_REPLIES__ENABLED": "true", "MYNAH_REPLIES__APPROVED_BY_X": "true", "MYNAH_BOT": ME.handle}


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(ME, MAGPIE, ROOK, now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def state(state: Path) -> Path:
    """The state after a first poll that found no mentions."""
    state.mkdir(exist_ok=True)
    with Store.open(state / "history.db") as store:
        keep(store, Cursor(since="0"))
    return state


def log_until(event: str, state: Path, **changes: str) -> list[dict[str, Any]]:
    """The log of a running bot up to this event."""
    words = [MYNAH, "--state", state, "run", "--live", "--every", "1s"]
    log = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(**changes)) as run:
        assert run.stdout is not None
        for line in run.stdout:
            log.append(json.loads(line))
            if log[-1]["event"] == event:
                run.terminate()
        assert run.wait() == 0
    return log


def test_a_mention_is_answered_and_everything_is_recorded(x: FakeX, state: Path) -> None:
    mention = x.world.create(MAGPIE, f"hello @{ME.handle}, and @rook")

    log = log_until("reply.ended", state, **keys(x), **ON)

    (ended,) = [line for line in log if line["event"] == "reply.ended"]
    (answer,) = [post for post in x.world.posts_of(ME.id) if post.reply_to]
    (row,) = [row for row in lines(mynah("history", "--json", state=state).stdout) if row["kind"] == "reply"]
    (spent,) = lines(mynah("spend", "--json", state=state, MYNAH_LIVE="true").stdout)
    (status,) = lines(mynah("status", "--json", state=state, MYNAH_LIVE="true", **ON).stdout)
    assert (ended["outcome"], ended["mention"]) == ("posted", mention.id)
    assert (answer.reply_to, answer.prefix) == (mention.id, "@magpie ")
    assert answer.text in HEARD
    assert (row["state"], row["x_id"], row["reply_to"]) == ("posted", answer.id, mention.id)
    assert {(day["kind"], day["cost"]) for day in spent["days"]} >= {("mentions", 0.001), ("reply", 0.01)}
    assert (status["replies"], status["mentions"]) == ("on", {"answered": 1})


@pytest.mark.parametrize("name", ["ENABLED", "APPROVED_BY_X"])
def test_with_one_of_the_two_switches_no_mention_is_read_or_answered(x: FakeX, state: Path, name: str) -> None:
    x.world.create(MAGPIE, f"hello @{ME.handle}")

    log_until("round.ended", state, **keys(x), **{f"MYNAH_REPLIES__{name}": "true"})

    assert not [request for request in x.requests if "mentions" in request.path]
    assert not [post for post in x.world.posts_of(ME.id) if post.reply_to]


def remember_a_mention(state: Path) -> None:
    with Store.open(state / "history.db") as store:
        at = datetime.now(UTC) - timedelta(days=1)
        values = {"id": str(id_at(at)), "author": MAGPIE.id, "at": stamp(at)}
        store.write(
            "INSERT INTO mention (id, first, author, handle, conversation, others, verdict, at) "
            "VALUES (:id, :id, :author, 'magpie', :id, '', 'stale', :at)",
            values,
        )


def test_a_block_is_by_id_if_it_is_known_and_can_be_lifted(state: Path) -> None:
    remember_a_mention(state)

    first = mynah("block", "@Magpie", state=state)
    second = mynah("block", "@rook", state=state)
    listed = lines(mynah("block", "--json", state=state).stdout)
    ended = mynah("unblock", "rook", state=state)
    again = mynah("unblock", "rook", state=state)

    assert first.stdout == "@Magpie is blocked and will get no replies\n"
    assert "only under this name until a mention shows" in second.stdout
    assert [(row["handle"], row["user"]) for row in listed] == [("Magpie", MAGPIE.id), ("rook", None)]
    assert (ended.returncode, again.returncode) == (0, 1)
    assert again.stderr == "mynah: @rook is not blocked: `mynah block` lists those who are\n"


def test_the_bot_cannot_block_itself(state: Path) -> None:
    done = mynah("block", f"@{ME.handle.upper()}", state=state, MYNAH_BOT=ME.handle)

    assert (done.returncode, done.stdout) == (1, "")
    assert "is the bot itself, which never replies to its own posts" in done.stderr
    assert mynah("block", "--json", state=state).stdout == ""


def test_forget_removes_mentions_and_tweets_and_keeps_a_block(tmp_path: Path, state: Path) -> None:
    remember_a_mention(state)
    mynah("block", "@magpie", state=state)
    (tmp_path / "said.txt").write_text("It rains.\n")
    mynah("import", tmp_path / "said.txt", "--as", "magpie", state=state)

    first = mynah("forget", "@magpie", "--yes", state=state)
    second = mynah("forget", "@magpie", "--yes", state=state)

    output = first.stdout.splitlines()
    assert first.returncode == 0, first.stderr
    assert output[0].startswith("forgot 1 mention by @magpie")
    assert output[1].startswith("@magpie stays blocked")
    assert any(line.startswith("removed 1 tweet by @magpie") for line in output)
    assert second.returncode == 1
    assert str(MAGPIE.id) in mynah("block", "--json", state=state).stdout


def test_forgetting_somebody_who_only_mentioned_the_bot_needs_no_library(state: Path) -> None:
    remember_a_mention(state)

    without_yes = mynah("forget", "magpie", state=state)
    done = mynah("forget", "magpie", "--yes", state=state)

    assert "pass --yes to confirm" in without_yes.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("the library has no tweets by @magpie\n")
    with Store.open(state / "history.db") as store:
        assert store.rows("SELECT * FROM mention") == []


@pytest.mark.parametrize(
    "words", [("block", "no handle"), ("unblock", "@"), ("block", "a" * 21), ("forget", "ma\u0433pie")]
)
def test_a_wrong_handle_is_one_message(state: Path, words: tuple[str, str]) -> None:
    done = mynah(*words, state=state)

    assert done.returncode == 2
    assert "is not a handle" in done.stderr
