"""Live replies: the installed command against a fake X on this machine, and blocking and forgetting people."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.clock import stamp
from bot.history import threads
from bot.history.store import Store
from bot.replies.polling import Cursor, keep
from bot.x.payloads import id_at
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import MYNAH, SENTENCES, environment, lines, mynah
from tests.running.test_live import keys
from tests.trials.replying_bot import person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME, MAGPIE, ROOK = newcomer(), person(1, "magpie"), person(2, "rook")
REPLIES_ON = {"MYNAH_REPLIES__ENABLED": "true", "MYNAH_REPLIES__APPROVED_BY_X": "true", "MYNAH_BOT": ME.handle}


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(ME, MAGPIE, ROOK, now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def state(state: Path) -> Path:
    """A state folder after a first poll that returned no mentions."""
    state.mkdir(exist_ok=True)
    with Store.open(state / "history.db") as store:
        keep(store, Cursor(since="0"))
    return state


def log_until(event: str, state: Path, **changes: str) -> list[dict[str, Any]]:
    """The log lines of a running bot up to this event."""
    command = [MYNAH, "--state", state, "run", "--live", "--every", "1s"]
    log = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**changes)) as run:
        assert run.stdout is not None
        for line in run.stdout:
            log.append(json.loads(line))
            if log[-1]["event"] == event:
                run.terminate()
        assert run.wait() == 0
    return log


def test_a_mention_is_answered_and_everything_is_recorded(x: FakeX, state: Path) -> None:
    mention = x.world.create(MAGPIE, f"hello @{ME.handle}, and @rook")

    log = log_until("reply.ended", state, **keys(x), **REPLIES_ON)

    (event,) = [line for line in log if line["event"] == "reply.ended"]
    (answer,) = [post for post in x.world.posts_of(ME.id) if post.reply_to]
    (row,) = [row for row in lines(mynah("history", "--json", state=state).stdout) if row["kind"] == "reply"]
    (report,) = lines(mynah("spend", "--json", state=state, MYNAH_LIVE="true").stdout)
    (status,) = lines(mynah("status", "--json", state=state, MYNAH_LIVE="true", **REPLIES_ON).stdout)
    assert (event["outcome"], event["mention"]) == ("posted", mention.id)
    assert (answer.reply_to, answer.prefix) == (mention.id, "@magpie ")
    assert answer.text in SENTENCES
    assert (row["state"], row["x_id"], row["reply_to"]) == ("posted", answer.id, mention.id)
    assert {(day["kind"], day["cost"]) for day in report["days"]} >= {("mentions", 0.001), ("reply", 0.01)}
    assert (status["replies"], status["mentions"]) == ("on", {"answered": 1})


@pytest.mark.parametrize("name", ["ENABLED", "APPROVED_BY_X"])
def test_with_only_one_of_the_two_settings_no_mention_is_read_or_answered(x: FakeX, state: Path, name: str) -> None:
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


def test_a_block_uses_the_id_if_it_is_known_and_can_be_lifted(state: Path) -> None:
    remember_a_mention(state)

    first = mynah("block", "@Magpie", state=state)
    second = mynah("block", "@rook", state=state)
    blocks = lines(mynah("block", "--json", state=state).stdout)
    unblock = mynah("unblock", "rook", state=state)
    again = mynah("unblock", "rook", state=state)

    assert first.stdout == "@Magpie is blocked and will get no replies\n"
    assert "only under this name until a mention shows" in second.stdout
    assert [(row["handle"], row["user"]) for row in blocks] == [("Magpie", MAGPIE.id), ("rook", None)]
    assert (unblock.returncode, again.returncode) == (0, 1)
    assert again.stderr == "mynah: @rook is not blocked: `mynah block` lists those who are\n"


def test_distress_is_an_alert_and_on_the_list_until_a_person_has_seen_it(state: Path) -> None:
    remember_a_mention(state)
    with Store.open(state / "history.db") as store:
        (mention,) = [row["id"] for row in store.rows("SELECT id FROM mention")]
        threads.note_concern(store, mention, "grief")

    (before,) = lines(mynah("status", "--json", state=state).stdout)
    (row,) = lines(mynah("mentions", "--json", state=state).stdout)
    wrong = mynah("mentions", "--seen", "1", state=state)
    seen = mynah("mentions", "--seen", mention, state=state)
    (after,) = lines(mynah("status", "--json", state=state).stdout)

    assert before["to_look_at"] == 1
    assert any("may be in distress: `mynah mentions` says where" in alert for alert in before["alerts"])
    assert (row["by"], row["because"], row["address"]) == ("magpie", "grief", f"https://x.com/magpie/status/{mention}")
    assert (wrong.returncode, wrong.stderr) == (1, "mynah: 1 is not on the list: `mynah mentions` shows it\n")
    assert seen.stdout == f"{mention} is off the list\n"
    assert (after["to_look_at"], [alert for alert in after["alerts"] if "distress" in alert]) == (0, [])


def test_the_bot_cannot_block_itself(state: Path) -> None:
    result = mynah("block", f"@{ME.handle.upper()}", state=state, MYNAH_BOT=ME.handle)

    assert (result.returncode, result.stdout) == (1, "")
    assert "is the bot itself, which never replies to its own posts" in result.stderr
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

    unconfirmed = mynah("forget", "magpie", state=state)
    result = mynah("forget", "magpie", "--yes", state=state)

    assert "pass --yes to confirm" in unconfirmed.stderr
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("the library has no tweets by @magpie\n")
    with Store.open(state / "history.db") as store:
        assert store.rows("SELECT * FROM mention") == []


@pytest.mark.parametrize(
    "arguments", [("block", "no handle"), ("unblock", "@"), ("block", "a" * 21), ("forget", "ma\u0433pie")]
)
def test_a_wrong_handle_is_one_message(state: Path, arguments: tuple[str, str]) -> None:
    result = mynah(*arguments, state=state)

    assert result.returncode == 2
    assert "is not a handle" in result.stderr
