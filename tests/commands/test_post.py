"""`mynah post` and `mynah delete`, against a fake X on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bot import cli
from bot.commands import post as post_command
from bot.commands.opening import post_url
from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import SENTENCES, dry_run, environment, lines, mynah

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME = newcomer()
WORDS = "A small bell rings and nobody looks up."


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


class Session:
    """Runs commands in this process, because starting Python for each would take minutes."""

    def __init__(self, x: FakeX, state: Path, env: pytest.MonkeyPatch, screen: pytest.CaptureFixture[str]) -> None:
        self.state = state
        self._env = env
        self._screen = screen
        keys = {
            "MYNAH_X__BASE_URL": x.url,
            "MYNAH_X__CONSUMER_KEY": ME.secrets.consumer_key,
            "MYNAH_X__CONSUMER_SECRET": ME.secrets.consumer_secret,
            "MYNAH_X__ACCESS_TOKEN": ME.access_token,
            "MYNAH_X__ACCESS_TOKEN_SECRET": ME.secrets.token_secret,
            "MYNAH_LIVE": "true",
        }
        for name, value in environment(**keys).items():
            env.setenv(name, value)

    def run(self, *arguments: str, **changes: str) -> Result:
        for name, value in changes.items():
            self._env.setenv(name, value)
        code = cli.main(["--state", str(self.state), *arguments])
        result = Result(code, *self._screen.readouterr())
        assert [
            secret for secret in (ME.access_token, ME.secrets.consumer_secret) if secret in result.out + result.err
        ] == []
        return result

    def history(self) -> list[dict[str, object]]:
        return lines(self.run("history", "--json").out)


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def session(x: FakeX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Session:
    return Session(x, tmp_path / "state", monkeypatch, capsys)


# post


def test_a_text_is_posted_once_and_stored(x: FakeX, session: Session) -> None:
    result = session.run("post", WORDS)

    assert result.code == 0, result.err
    assert x.world.texts == [WORDS]
    (row,) = session.history()
    assert (row["state"], row["text"], row["model"], row["cost"]) == ("posted", WORDS, "by hand", 0.015)
    assert lines(session.run("review", "show", "1", "--json").out)[0]["cost"] == 0.015
    assert result.out == f"{WORDS}\npost 1: on X as {row['x_id']} at {x.url}\n"


def test_only_a_post_on_x_itself_has_a_url() -> None:
    assert post_url(Settings(), "magpie", "7") == "https://x.com/magpie/status/7"
    assert post_url(Settings(), "", "7") == "https://x.com/i/status/7"
    assert post_url(Settings(x={"base_url": "http://127.0.0.1:8080"}), "magpie", "7") == "7 at http://127.0.0.1:8080"


def test_it_is_a_dry_run_unless_live(x: FakeX, session: Session) -> None:
    result = session.run("post", WORDS, MYNAH_LIVE="false")

    assert result.code == 0
    assert "nothing was sent" in result.out
    assert session.history()[0]["state"] == "dry"
    assert x.requests == []


def test_a_text_that_the_screen_refuses_is_not_sent_and_all_reasons_are_shown(x: FakeX, session: Session) -> None:
    result = session.run("post", "Hello @somebody, see example.com")

    assert result.code == 1
    assert "mention" in result.err
    assert "link" in result.err
    assert (x.requests, session.history()) == ([], [])


def test_the_limits_apply_to_a_text_by_hand_and_leave_no_row(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)

    again = session.run("post", "And one more thing about the bell.")

    assert again.code == 75
    assert "posting.min_gap" in again.err
    assert len(x.world.texts) == len(session.history()) == 1


def test_a_pause_applies_to_a_text_by_hand(x: FakeX, session: Session) -> None:
    session.run("pause")

    result = session.run("post", WORDS)

    assert result.code == 75
    assert "mynah resume" in result.err
    assert x.requests == []


def test_a_rate_limited_post_waits_and_the_same_text_is_not_posted_twice(x: FakeX, session: Session) -> None:
    x.fail_with("too_many")

    first = session.run("post", WORDS)
    second = session.run("post", WORDS)

    assert (first.code, second.code) == (75, 75)
    assert "X's rate limit is reached" in first.err
    assert "waits until" in second.err
    assert [row["state"] for row in session.history()] == ["approved"]
    assert len(x.requests) == 1


def test_a_lost_response_is_reported_and_the_same_text_finds_its_post(x: FakeX, session: Session) -> None:
    x.fail_with("reset_after")

    first = session.run("post", WORDS)
    again = session.run("post", WORDS, "--json")

    assert first.code == 1
    assert "may or may not exist" in first.err
    (row,) = lines(again.out)
    assert (again.code, row["outcome"], row["detail"]) == (0, "posted", "found in the timeline")
    assert "post.looked_for" in again.err
    assert x.world.texts == [WORDS]


def test_an_unknown_post_is_looked_up_before_another_text_is_posted(x: FakeX, session: Session) -> None:
    x.fail_with("reset_after")
    session.run("post", WORDS)

    another = session.run("post", "And one more thing about hats.", MYNAH_POSTING__MIN_GAP="0s")

    assert another.code == 0, another.err
    assert [row["state"] for row in session.history()] == ["posted", "posted"]


def test_a_post_that_is_not_in_the_timeline_yet_delays_others(x: FakeX, session: Session) -> None:
    x.fail_with("reset_before")
    session.run("post", WORDS)

    another = session.run("post", "And one more thing about hats.", MYNAH_POSTING__MIN_GAP="0s")

    assert another.code == 75
    assert another.err.splitlines()[-1].startswith("post 2: not posted now: post 1 may or may not exist")
    assert [row["state"] for row in session.history()] == ["approved", "unknown"]
    assert x.world.texts == []


def test_words_that_were_kept_behind_a_post_in_flight_go_out_after_it(x: FakeX, session: Session) -> None:
    x.fail_with("reset_before")
    session.run("post", WORDS)
    words = "And one more thing about hats."
    session.run("post", words, MYNAH_POSTING__MIN_GAP="0s")
    session.run("resolve", "1", "abandoned")

    again = session.run("post", words)

    assert again.code == 0, again.err
    assert [row["state"] for row in session.history()] == ["posted", "abandoned"]
    assert x.world.texts == [words]


def test_behind_a_post_in_flight_the_running_bot_gets_the_words(
    x: FakeX, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    x.fail_with("reset_before")
    session.run("post", WORDS)
    monkeypatch.setattr(post_command, "PATIENCE", 0.0)

    with StateDir(session.state).hold({"live": True, "every": None, "bot": "b", "mode": "auto"}):
        another = session.run("post", "And one more thing about hats.")

    assert another.code == 75
    assert "post 2: not posted now: post 1 may or may not exist" in another.err
    assert [row["state"] for row in session.history()] == ["approved", "unknown"]


def test_the_outcome_is_available_as_json(x: FakeX, session: Session) -> None:
    (row,) = lines(session.run("post", WORDS, "--json").out)

    assert (row["outcome"], row["post"], row["text"]) == ("posted", 1, WORDS)
    assert row["x_id"] == x.world.posts_of(ME.id)[0].id


def test_a_draft_from_the_model_can_be_posted_now(x: FakeX, session: Session, state: Path) -> None:
    result = session.run("post", "--draft")

    assert result.code == 0, result.err
    assert len(x.world.texts) == 1
    assert x.world.texts[0] in SENTENCES


def test_in_review_mode_a_draft_waits_and_a_text_by_hand_does_not(x: FakeX, session: Session, state: Path) -> None:
    result = session.run("post", "--draft", MYNAH_MODE="review")

    assert result.code == 75
    assert "waits for approval: `mynah review`" in result.err
    assert (session.history()[0]["state"], x.requests) == ("drafted", [])
    assert session.run("post", WORDS).code == 0


def test_a_draft_needs_a_model(session: Session) -> None:
    result = session.run("post", "--draft")

    assert result.code == 1
    assert "mynah retrain" in result.err


def test_a_running_bot_posts_the_text_itself(state: Path) -> None:
    with dry_run(state) as run:
        assert run.stdout is not None
        next(line for line in run.stdout if "round.ended" in line)
        result = mynah("post", WORDS, "--json", state=state)
        line = next(line for line in run.stdout if "round.ended" in line and WORDS in line)
        run.terminate()
        run.communicate(timeout=60)

    assert result.returncode == 0, result.stdout + result.stderr
    (row,) = lines(result.stdout)
    assert (row["outcome"], row["text"]) == ("dry", WORDS)
    assert '"model": "by hand"' in line


@pytest.mark.parametrize(
    ("about", "message"),
    [({"live": False}, "makes dry runs, but this post would be live"), ({}, "is still starting")],
    ids=["dry run", "still starting"],
)
def test_a_bot_that_makes_dry_runs_or_is_still_starting_does_not_post_it(
    x: FakeX, session: Session, about: dict[str, object], message: str
) -> None:
    with StateDir(session.state).hold(about):
        result = session.run("post", WORDS)

    assert result.code == 75
    assert message in result.err
    assert x.requests == []


# delete


def test_a_post_is_deleted_and_the_history_says_so(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)

    result = session.run("delete", "1", "--yes")

    assert (result.code, result.out) == (0, "post 1 is deleted\n")
    assert x.world.texts == []
    (row,) = session.history()
    assert (row["state"], row["note"]) == ("posted", "deleted on X")
    (report,) = lines(session.run("spend", "--json").out)
    assert {day["kind"]: day["cost"] for day in report["days"]} == {"post": 0.015, "delete": 0.01}


def test_a_deleted_post_is_not_deleted_again(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)
    session.run("delete", "1", "--yes")

    again = session.run("delete", "1", "--yes")

    assert (again.code, again.out) == (0, "post 1 is already deleted\n")
    assert len(x.requests) == 2


def test_a_post_deleted_on_x_by_hand_is_marked_and_costs_nothing(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)
    x.world.delete(x.world.posts_of(ME.id)[0].id)

    result = session.run("delete", "1", "--yes")

    assert (result.code, result.out) == (0, "post 1 was no longer on X\n")
    assert session.history()[0]["note"] == "deleted on X"


def test_without_confirmation_nothing_is_deleted(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)

    result = session.run("delete", "1")

    assert result.code == 1
    assert "--yes" in result.err
    assert x.world.texts == [WORDS]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("unauthorized", "X answered 401"),
        ("permissions", "set Read and write"),
        ("forbidden", "not permitted"),
        ("unavailable", "it can be tried again"),
        ("reset_before", "it can be tried again"),
        ("too_many", "X's rate limit is reached"),
    ],
)
def test_if_x_does_not_delete_it_the_reason_is_shown_and_nothing_is_marked(
    x: FakeX, session: Session, fault: str, message: str
) -> None:
    session.run("post", WORDS)
    x.fail_with(fault)

    result = session.run("delete", "1", "--yes")

    assert result.code == 1
    assert message in result.err
    assert (x.world.texts, session.history()[0]["note"]) == ([WORDS], "")


@pytest.mark.parametrize(("number", "message"), [("1", "post 1 is dry"), ("7", "no post 7")])
def test_only_a_post_on_x_can_be_deleted(x: FakeX, session: Session, number: str, message: str) -> None:
    session.run("post", WORDS, MYNAH_LIVE="false")

    result = session.run("delete", number, "--yes")

    assert result.code == 1
    assert message in result.err
    assert x.requests == []


def test_a_post_of_another_account_is_not_deleted(x: FakeX, session: Session) -> None:
    session.run("post", WORDS)

    result = session.run("delete", "1", "--yes", MYNAH_X__ACCESS_TOKEN="222-fake")

    assert result.code == 78
    assert "account 222" in result.err
