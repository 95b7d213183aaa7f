"""Going live: the installed command against a fake X on this machine."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.x.tokens import Grant, TokenFile
from tests.fake_x.server import FakeX
from tests.fake_x.signin import CLIENT_ID, CLIENT_SECRET
from tests.fake_x.state import World, newcomer
from tests.installed import MYNAH, SENTENCES, environment, lines, mynah, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = newcomer()
CANARIES = (USER.secrets.consumer_key, USER.secrets.consumer_secret, USER.access_token, USER.secrets.token_secret)


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


def keys(x: FakeX) -> dict[str, str]:
    names = ("CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_TOKEN_SECRET")
    return {f"MYNAH_X__{name}": value for name, value in zip(names, CANARIES, strict=True)} | {
        "MYNAH_X__BASE_URL": x.url
    }


def test_a_live_round_posts_once_and_stores_the_id(x: FakeX, state: Path) -> None:
    result = mynah("run", "--live", "--once", state=state, **keys(x))

    assert result.returncode == 0, result.stdout + result.stderr
    (event,) = rounds(result.stdout)
    (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)
    assert event["outcome"] == row["state"] == "posted"
    assert x.world.texts == [row["text"]]
    assert row["text"] in SENTENCES
    assert row["x_id"] == event["x_id"]


def test_min_gap_applies_from_one_run_to_the_next(x: FakeX, state: Path) -> None:
    mynah("run", "--live", "--once", state=state, **keys(x))

    again = mynah("run", "--live", "--once", state=state, **keys(x))

    assert again.returncode == 75
    assert "posting.min_gap" in rounds(again.stdout)[0]["detail"]
    assert len(x.world.texts) == 1


@pytest.mark.parametrize("fault", ["reset_after", "created_html"])
def test_a_post_whose_answer_was_lost_is_found_in_the_timeline_and_not_repeated(
    x: FakeX, state: Path, fault: str
) -> None:
    x.fail_with(fault)

    first = mynah("run", "--live", "--once", state=state, **keys(x))
    second = mynah("run", "--live", "--once", state=state, **keys(x))

    assert rounds(first.stdout)[0]["outcome"] == "unknown"
    assert (first.returncode, second.returncode) == (1, 75)
    (lookup,) = [line for line in lines(second.stdout) if line["event"] == "post.looked_for"]
    (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)
    assert (lookup["outcome"], lookup["x_id"]) == ("found", row["x_id"])
    assert (row["state"], x.world.texts) == ("posted", [row["text"]])


def test_a_lagging_timeline_leaves_the_post_unknown_until_a_given_time(x: FakeX, state: Path) -> None:
    x.world.lag = timedelta(hours=1)
    x.fail_with("reset_after")
    mynah("run", "--live", "--once", state=state, **keys(x))

    again = mynah("run", "--live", "--once", state=state, **keys(x))

    assert again.returncode == 75
    assert "mynah resolve 1" in rounds(again.stdout)[0]["detail"]
    (lookup,) = [line for line in lines(again.stdout) if line["event"] == "post.looked_for"]
    (row,) = lines(mynah("status", "--json", state=state, MYNAH_LIVE="true").stdout)
    assert (row["unknown"], row["next_look"]) == ([1], lookup["again"])
    assert len(x.world.texts) == 1


def test_killed_while_x_is_answering_it_does_not_post_again(x: FakeX, state: Path) -> None:
    x.fail_with("hang_after")
    command = [MYNAH, "--state", state, "run", "--live", "--once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**keys(x))) as run:
        assert x.hanging.wait(60)
        run.kill()

    again = mynah("run", "--live", "--once", state=state, **keys(x))

    assert again.returncode == 75
    assert len(x.world.texts) == 1
    (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)
    assert (row["state"], row["note"]) == ("posted", "found in the timeline")


def test_a_single_round_ends_before_the_process_stops(x: FakeX, state: Path) -> None:
    x.fail_with("hang_after")
    command = [MYNAH, "--state", state, "run", "--live", "--once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**keys(x))) as run:
        assert x.hanging.wait(60)
        run.terminate()
        x.stopping.set()  # the connection breaks, and the round can end

    (row,) = lines(mynah("history", "--live", "--json", state=state).stdout)
    assert row["state"] == "unknown"
    assert "may or may not exist" in row["note"]


def test_revoked_keys_pause_the_bot_and_status_says_so(x: FakeX, state: Path) -> None:
    x.fail_with("unauthorized")

    result = mynah("run", "--live", "--once", state=state, **keys(x))

    assert result.returncode == 75
    (row,) = lines(mynah("status", "--json", state=state, MYNAH_LIVE="true").stdout)
    assert "401" in row["paused"]
    assert x.world.texts == []


@pytest.mark.parametrize("fault", ["ok", "unauthorized_html", "reset_before", "forbidden_html"])
def test_no_secret_is_printed_or_stored(x: FakeX, state: Path, fault: str) -> None:
    x.fail_with(fault)

    result = mynah("run", "--live", "--once", state=state, MYNAH_LOG__LEVEL="debug", **keys(x))

    output = (result.stdout + result.stderr).encode()
    files = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"round.ended" in output
    assert [canary for canary in CANARIES if canary.encode() in output + files] == []


def test_an_expired_login_is_renewed_before_a_live_round(x: FakeX, state: Path) -> None:
    tokens = x.api.signin.login(USER)
    file = TokenFile(state / "oauth2.json")
    file.keep(Grant(str(tokens["access_token"]), str(tokens["refresh_token"]), 0.0, USER.id, USER.handle))
    app = {
        "MYNAH_X__AUTH": "oauth2",
        "MYNAH_X__CLIENT_ID": CLIENT_ID,
        "MYNAH_X__CLIENT_SECRET": CLIENT_SECRET,
        "MYNAH_X__BASE_URL": x.url,
        "MYNAH_LOG__LEVEL": "debug",
    }

    result = mynah("run", "--live", "--once", state=state, **app)

    assert result.returncode == 0, result.stdout + result.stderr
    assert len(x.world.texts) == 1
    new = file.read()
    assert new
    login = [new.access_token, new.refresh_token, *map(str, (tokens["access_token"], tokens["refresh_token"]))]
    files = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file() and path != file.path)
    output = (result.stdout + result.stderr).encode()
    assert [secret for secret in (CLIENT_SECRET, *login) if secret.encode() in output + files] == []


def test_a_dry_run_with_keys_sends_nothing(x: FakeX, state: Path) -> None:
    result = mynah("run", "--dry-run", "--once", state=state, **keys(x))

    assert result.returncode == 0
    assert x.requests == []
