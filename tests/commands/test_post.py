"""`mynah post` and `mynah delete`, against a fake X on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bot import cli
from bot.commands.opening import address
from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from tests.fake_x.server import FakeX
from tests.fake_x.state import World, newcomer
from tests.installed import HEARD, environment, lines, mynah, rehearsing

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


class ReviewSession:
    """The command line in this process: a start of Python for each of many commands would take minutes."""

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

    def ask(self, *words: str, **changes: str) -> Done:
        for name, value in changes.items():
            self._env.setenv(name, value)
        code = cli.main(["--state", str(self.state), *words])
        done = Done(code, *self._screen.readouterr())
        assert [each for each in (ME.access_token, ME.secrets.consumer_secret) if each in done.out + done.err] == []
        return done

    def history(self) -> list[dict[str, object]]:
        return lines(self.ask("history", "--json").out)


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def session(
    x: FakeX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ReviewSession:
    return ReviewSession(x, tmp_path / "state", monkeypatch, capsys)


# post


def test_a_persons_words_are_posted_once_and_remembered(x: FakeX, session: ReviewSession) -> None:
    done = session.ask("post", WORDS)

    assert done.code == 0, done.err
    assert x.world.texts == [WORDS]
    (row,) = session.history()
    assert (row["state"], row["text"], row["model"], row["cost"]) == ("posted", WORDS, "by hand", 0.015)
    assert lines(session.ask("review", "show", "1", "--json").out)[0]["cost"] == 0.015
    assert done.out == f"{WORDS}\npost 1: on X as {row['x_id']} at {x.url}\n"


def test_only_what_is_on_x_itself_has_an_address_there() -> None:
    assert address(Settings(), "magpie", "7") == "https://x.com/magpie/status/7"
    assert address(Settings(), "", "7") == "https://x.com/i/status/7"
    assert address(Settings(x={"base_url": "http://127.0.0.1:8080"}), "magpie", "7") == "7 at http://127.0.0.1:8080"


def test_it_is_a_rehearsal_unless_it_is_live(x: FakeX, session: ReviewSession) -> None:
    done = session.ask("post", WORDS, MYNAH_LIVE="false")

    assert done.code == 0
    assert "nothing was sent" in done.out
    assert session.history()[0]["state"] == "dry"
    assert x.requests == []


def test_what_the_screen_turns_down_is_told_whole_and_not_sent(x: FakeX, session: ReviewSession) -> None:
    done = session.ask("post", "Hello @somebody, see example.com")

    assert done.code == 1
    assert "mention" in done.err
    assert "link" in done.err
    assert (x.requests, session.history()) == ([], [])


def test_the_brakes_hold_a_person_too_and_leave_nothing_behind(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)

    again = session.ask("post", "And one more thing about the bell.")

    assert again.code == 75
    assert "posting.min_gap" in again.err
    assert len(x.world.texts) == len(session.history()) == 1


def test_a_pause_holds_a_person_too(x: FakeX, session: ReviewSession) -> None:
    session.ask("pause")

    done = session.ask("post", WORDS)

    assert done.code == 75
    assert "mynah resume" in done.err
    assert x.requests == []


def test_what_x_wants_later_waits_and_the_same_words_are_no_second_post(x: FakeX, session: ReviewSession) -> None:
    x.fail_with("too_many")

    first = session.ask("post", WORDS)
    second = session.ask("post", WORDS)

    assert (first.code, second.code) == (75, 75)
    assert "X's rate limit is reached" in first.err
    assert "waits until" in second.err
    assert [row["state"] for row in session.history()] == ["approved"]
    assert len(x.requests) == 1


def test_an_answer_that_was_lost_is_told_and_the_same_words_find_their_post(x: FakeX, session: ReviewSession) -> None:
    x.fail_with("reset_after")

    first = session.ask("post", WORDS)
    again = session.ask("post", WORDS, "--json")

    assert first.code == 1
    assert "may or may not exist" in first.err
    (row,) = lines(again.out)
    assert (again.code, row["outcome"], row["detail"]) == (0, "posted", "found in the timeline")
    assert "post.looked_for" in again.err
    assert x.world.texts == [WORDS]


def test_a_lost_post_is_looked_for_before_other_words_go_out(x: FakeX, session: ReviewSession) -> None:
    x.fail_with("reset_after")
    session.ask("post", WORDS)

    other = session.ask("post", "And one more thing about hats.", MYNAH_POSTING__MIN_GAP="0s")

    assert other.code == 0, other.err
    assert [row["state"] for row in session.history()] == ["posted", "posted"]


def test_a_post_that_is_not_in_the_timeline_yet_lets_nothing_out_beside_it(x: FakeX, session: ReviewSession) -> None:
    x.fail_with("reset_before")
    session.ask("post", WORDS)

    other = session.ask("post", "And one more thing about hats.", MYNAH_POSTING__MIN_GAP="0s")

    assert other.code == 75
    assert "mynah resolve 1" in other.err
    assert x.world.texts == []


def test_the_outcome_is_there_for_programs(x: FakeX, session: ReviewSession) -> None:
    (row,) = lines(session.ask("post", WORDS, "--json").out)

    assert (row["outcome"], row["post"], row["text"]) == ("posted", 1, WORDS)
    assert row["x_id"] == x.world.posts_of(ME.id)[0].id


def test_the_model_can_be_asked_for_one_now(x: FakeX, session: ReviewSession, state: Path) -> None:
    done = session.ask("post", "--draft")

    assert done.code == 0, done.err
    assert len(x.world.texts) == 1
    assert x.world.texts[0] in HEARD


def test_where_a_person_is_asked_first_a_draft_waits_and_own_words_do_not(
    x: FakeX, session: ReviewSession, state: Path
) -> None:
    done = session.ask("post", "--draft", MYNAH_MODE="review")

    assert done.code == 75
    assert "waits for a yes: `mynah review`" in done.err
    assert (session.history()[0]["state"], x.requests) == ("drafted", [])
    assert session.ask("post", WORDS).code == 0


def test_a_draft_needs_a_model(session: ReviewSession) -> None:
    done = session.ask("post", "--draft")

    assert done.code == 1
    assert "mynah retrain" in done.err


def test_while_the_bot_runs_it_is_the_bot_that_speaks(state: Path) -> None:
    with rehearsing(state) as run:
        assert run.stdout is not None
        next(line for line in run.stdout if "round.ended" in line)
        done = mynah("post", WORDS, "--json", state=state)
        said = next(line for line in run.stdout if "round.ended" in line and WORDS in line)
        run.terminate()
        run.communicate(timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = lines(done.stdout)
    assert (row["outcome"], row["text"]) == ("dry", WORDS)
    assert '"model": "by hand"' in said


@pytest.mark.parametrize(
    ("about", "words"),
    [({"live": False}, "makes dry runs, but this post would be live"), ({}, "is still starting")],
    ids=["other mode", "unknown mode"],
)
def test_a_bot_of_the_other_mode_is_not_asked(
    x: FakeX, session: ReviewSession, about: dict[str, object], words: str
) -> None:
    with StateDir(session.state).hold(about):
        done = session.ask("post", WORDS)

    assert done.code == 75
    assert words in done.err
    assert x.requests == []


# delete


def test_a_post_is_taken_back_and_the_history_says_so(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)

    done = session.ask("delete", "1", "--yes")

    assert (done.code, done.out) == (0, "post 1 is deleted\n")
    assert x.world.texts == []
    (row,) = session.history()
    assert (row["state"], row["note"]) == ("posted", "deleted on X")
    (spent,) = lines(session.ask("spend", "--json").out)
    assert {each["kind"]: each["cost"] for each in spent["days"]} == {"post": 0.015, "delete": 0.01}


def test_what_is_deleted_is_not_asked_for_again(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)
    session.ask("delete", "1", "--yes")

    again = session.ask("delete", "1", "--yes")

    assert (again.code, again.out) == (0, "post 1 is already deleted\n")
    assert len(x.requests) == 2


def test_what_somebody_deleted_by_hand_is_marked_and_costs_nothing(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)
    x.world.delete(x.world.posts_of(ME.id)[0].id)

    done = session.ask("delete", "1", "--yes")

    assert (done.code, done.out) == (0, "post 1 was no longer on X\n")
    assert session.history()[0]["note"] == "deleted on X"


def test_without_a_yes_nothing_is_deleted(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)

    done = session.ask("delete", "1")

    assert done.code == 1
    assert "--yes" in done.err
    assert x.world.texts == [WORDS]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("unauthorized", "X answered 401"),
        ("permissions", "set Read and write"),
        ("forbidden", "not permitted"),
        ("unavailable", "it can be tried again"),
        ("reset_before", "it can be tried again"),
        ("too_many", "X's rate limit is reached"),
    ],
)
def test_where_x_does_not_delete_it_says_why_and_nothing_is_marked(
    x: FakeX, session: ReviewSession, fault: str, words: str
) -> None:
    session.ask("post", WORDS)
    x.fail_with(fault)

    done = session.ask("delete", "1", "--yes")

    assert done.code == 1
    assert words in done.err
    assert (x.world.texts, session.history()[0]["note"]) == ([WORDS], "")


@pytest.mark.parametrize(("number", "words"), [("1", "post 1 is dry"), ("7", "no post 7")])
def test_only_what_is_on_x_can_be_deleted(x: FakeX, session: ReviewSession, number: str, words: str) -> None:
    session.ask("post", WORDS, MYNAH_LIVE="false")

    done = session.ask("delete", number, "--yes")

    assert done.code == 1
    assert words in done.err
    assert x.requests == []


def test_a_post_of_another_account_is_not_deleted(x: FakeX, session: ReviewSession) -> None:
    session.ask("post", WORDS)

    done = session.ask("delete", "1", "--yes", MYNAH_X__ACCESS_TOKEN="222-fake")

    assert done.code == 78
    assert "account 222" in done.err
