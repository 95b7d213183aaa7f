"""`mynah review` by number, by lines and on a terminal."""

from __future__ import annotations

import io
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bot import cli
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.values import Draft, Slot
from tests.installed import environment, lines
from tests.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

BELL, SOUP, HAT = "A bell rings in the roof.", "The soup has an opinion.", "My hat is somebody else's."
KEYS = b"[q]uit"


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Session:
    """Runs commands in this process, on a history with drafts."""

    def __init__(self, state: Path, env: pytest.MonkeyPatch, screen: pytest.CaptureFixture[str]) -> None:
        self.state = state
        self._env = env
        self._screen = screen
        for name, value in environment().items():
            env.setenv(name, value)

    def drafts(self, *texts: str, at: datetime | None = None) -> None:
        self.state.mkdir(exist_ok=True)
        at = at or datetime.now(UTC)
        with Store.open(self.state / "history.db") as store:
            for text in texts:
                store.add_draft(
                    Draft(text, "A bell", 7, -1.25), slot=Slot(text, at), norm=text.casefold().rstrip("."),
                    length=len(text), dry=True, model="some-model", at=at,
                )  # fmt: skip

    def run(self, *arguments: str, stdin: str = "") -> Result:
        self._env.setattr("sys.stdin", io.StringIO(stdin))
        code = cli.main(["--state", str(self.state), *arguments])
        return Result(code, *self._screen.readouterr())

    def states(self) -> list[str]:
        with Store.open(self.state / "history.db") as store:
            return [post.state for post in reversed(store.history())]

    def row(self, post: int) -> dict[str, Any]:
        (row,) = lines(self.run("review", "show", str(post), "--json").out)
        return row


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Session:
    return Session(tmp_path / "state", monkeypatch, capsys)


# By number


def test_waiting_drafts_are_listed_oldest_first_with_their_expiry(session: Session) -> None:
    session.drafts(BELL, SOUP)

    rows = lines(session.run("review", "list", "--json").out)

    assert [(row["id"], row["text"], row["state"]) for row in rows] == [(1, BELL, "drafted"), (2, SOUP, "drafted")]
    created, ends = (datetime.fromisoformat(rows[0][name]) for name in ("created_at", "expires"))
    assert ends - created == timedelta(days=1)


def test_an_empty_queue_says_so(session: Session) -> None:
    assert session.run("review", "list") == Result(0, "no drafts are waiting\n", "")
    assert session.run("review", "approve", "1").err.startswith("mynah: no drafts are waiting")


def test_drafts_are_approved_and_rejected_by_number(session: Session) -> None:
    session.drafts(BELL, SOUP)

    approval = session.run("review", "approve", "1")
    no = session.run("review", "reject", "2", "--because", "not funny")

    assert (approval.code, approval.out) == (
        0,
        "post 1 is approved: it is sent the next time `mynah run --dry-run` is started\n",
    )
    assert (no.code, no.out) == (0, "post 2 is rejected\n")
    assert session.states() == ["approved", "rejected"]
    assert session.row(2)["reviews"][0]["because"] == "not funny"


def test_a_second_decision_on_one_draft_gives_one_sentence(session: Session) -> None:
    session.drafts(BELL)
    session.run("review", "reject", "1", "--because", "not funny")

    again = session.run("review", "approve", "1")

    assert again.code == 1
    assert again.err == "mynah: post 1 is rejected (not funny): only one that is drafted can be reviewed\n"


def test_if_the_bot_is_running_an_approval_says_that_it_sends(session: Session) -> None:
    session.drafts(BELL)

    with StateDir(session.state).hold({"live": False}):
        result = session.run("review", "approve", "1")

    assert "the running bot sends it" in result.out


def test_an_edited_text_is_screened_and_needs_approval(session: Session) -> None:
    session.drafts(BELL)

    refusal = session.run("review", "edit", "1", "--text", "See example.com and @somebody")
    edit = session.run("review", "edit", "1", "--text", " A bell hums in the roof. ", "--json")

    assert refusal.code == 1
    assert "link" in refusal.err
    assert "mention" in refusal.err
    (row,) = lines(edit.out)
    assert (row["text"], row["state"], row["length"]) == ("A bell hums in the roof.", "drafted", 24)


def test_an_expired_draft_cannot_be_approved(session: Session) -> None:
    session.drafts(BELL, at=datetime.now(UTC) - timedelta(days=2))

    result = session.run("review", "approve", "1")

    assert result.code == 1
    assert "post 1 is expired (nobody approved it in time)" in result.err
    assert session.run("review", "list").out == "no drafts are waiting\n"


def test_status_shows_how_many_drafts_wait_and_the_next_expiry(session: Session) -> None:
    session.drafts(BELL, at=datetime.now(UTC) - timedelta(days=2))  # expired
    session.drafts(SOUP, HAT)

    (row,) = lines(session.run("status", "--json").out)

    assert (row["asks"], row["to_review"]) == (False, 2)
    assert row["next_expires"] == session.row(2)["expires"]


# One after the other, by lines


def test_drafts_are_reviewed_one_after_another(session: Session) -> None:
    session.drafts(BELL, SOUP, HAT)

    result = session.run("review", stdin="a\nr not funny\ns\n")

    assert result.code == 0
    assert session.states() == ["approved", "rejected", "drafted"]
    assert session.row(2)["reviews"][0]["because"] == "not funny"
    assert result.out.endswith("; 1 waiting\n")


def test_the_page_shows_everything_about_a_draft(session: Session) -> None:
    session.drafts(BELL)

    page = session.run("review", stdin="q\n").out

    for fact in (BELL, "'A bell'", "some-model", "-1.250", "25 of 280", "in 1 day (tomorrow", "dry run"):
        assert fact in page
    assert session.states() == ["drafted"]


def test_a_reply_is_shown_with_the_post_that_it_replies_to(session: Session) -> None:
    session.drafts(BELL)
    with Store.open(session.state / "history.db") as store:
        store.write("UPDATE post SET kind = 'reply', reply_to = '1890000000000000000'", {})

    page = session.run("review", stdin="q\n").out

    assert "https://x.com/i/status/1890000000000000000" in page


def test_an_edited_draft_is_shown_again(session: Session) -> None:
    session.drafts(BELL)

    result = session.run("review", stdin="e See example.com\ne A bell hums in the roof.\na\n")

    assert "the screen refuses 'See example.com': link" in result.out
    assert session.states() == ["approved"]
    assert session.row(1)["text"] == "A bell hums in the roof."


def test_an_unknown_key_and_the_end_of_input_change_nothing(session: Session) -> None:
    session.drafts(BELL)

    result = session.run("review", stdin="x\n\n")

    assert "'x' is not one of the keys" in result.out
    assert (result.code, session.states()) == (0, ["drafted"])


def test_an_empty_queue_ends_the_review_at_once(session: Session) -> None:
    session.drafts()

    assert session.run("review") == Result(0, "nothing was reviewed; no drafts are waiting\n", "")


# On a terminal


def test_on_a_terminal_single_keys_are_enough(session: Session) -> None:
    session.drafts(BELL, SOUP)
    terminal = Terminal("review", state=session.state)
    assert BELL.encode() in terminal.wait_for(KEYS)

    terminal.press(b"a")
    assert SOUP.encode() in terminal.wait_for(KEYS)
    terminal.press(b"\x1b[A")  # neither an arrow key nor its parts count as keys
    terminal.wait_for(KEYS)
    terminal.press(b"r")
    terminal.wait_for(b"no reason):")
    os.write(terminal.screen, b"not funny\r")
    terminal.wait_for(b"no drafts are waiting")

    assert terminal.wait() == 0
    assert session.states() == ["approved", "rejected"]
    assert session.row(2)["reviews"][0]["because"] == "not funny"


def test_on_a_terminal_the_text_can_be_edited(session: Session) -> None:
    session.drafts(BELL)
    terminal = Terminal("review", state=session.state)
    terminal.wait_for(KEYS)

    terminal.press(b"e")
    terminal.wait_for(BELL.encode())
    os.write(terminal.screen, b"\x7f Twice.\r")
    terminal.wait_for(KEYS)
    terminal.press(b"q")

    assert terminal.wait() == 0
    assert session.row(1)["text"] == BELL.removesuffix(".") + " Twice."


@pytest.mark.parametrize("where", ["at the keys", "at the words"])
def test_ctrl_c_changes_nothing(session: Session, where: str) -> None:
    session.drafts(BELL)
    terminal = Terminal("review", state=session.state)
    terminal.wait_for(KEYS)
    if where == "at the words":
        terminal.press(b"r")
        terminal.wait_for(b"no reason):")

    terminal.interrupt(b"nothing was lost")

    assert terminal.wait() == 128 + signal.SIGINT
    assert session.states() == ["drafted"]


def test_a_question_mark_explains_the_keys(session: Session) -> None:
    session.drafts(BELL)

    page = session.run("review", stdin="?\nq\n").out

    assert "a  approve: the running bot posts it as soon as its limits allow" in page
    assert session.states() == ["drafted"]


def test_an_edit_that_is_refused_keeps_the_words(session: Session) -> None:
    session.drafts(BELL)
    terminal = Terminal("review", state=session.state)
    terminal.wait_for(KEYS)
    terminal.press(b"e")
    terminal.wait_for(BELL.encode())
    os.write(terminal.screen, b" @somebody\r")
    terminal.wait_for(KEYS)

    terminal.press(b"e")

    assert f"text: {BELL} @somebody".encode() in terminal.wait_for(b"@somebody")
    os.write(terminal.screen, b"\x7f" * 10 + b"\r")
    terminal.wait_for(KEYS)
    terminal.press(b"q")
    assert terminal.wait() == 0
