"""`mynah blindtest`: by lines, on a terminal, and what `mynah models` shows of it."""

from __future__ import annotations

import io
import random
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bot import cli
from tests.installed import environment, lines
from tests.talker import SAYINGS, WORDS, make
from tests.terminal import Terminal
from training.judge import blind_test

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "20261120T120000Z-0000"


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return lines(self.out)


class Session:
    """Runs commands in this process, on the sample account and a model that knows many sayings."""

    def __init__(self, state: Path, env: pytest.MonkeyPatch, screen: pytest.CaptureFixture[str]) -> None:
        self.state = state
        self._env = env
        self._screen = screen
        for name, value in environment().items():
            env.setenv(name, value)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        self._env.setattr("sys.stdin", io.StringIO(stdin))
        code = cli.main(["--state", str(self.state), *arguments])
        return Result(code, *self._screen.readouterr())

    def answers(self, *, right: int) -> str:
        """The lines that give so many right answers for seed 5."""
        authors = [
            "bot" if row["text"] in SAYINGS else "person" for row in self.run(*ASK, stdin=20 * "bot\n").rows[:-1]
        ]
        (self.state / "models" / f"{VERSION}.blindtest.json").unlink()
        other = {"bot": "person", "person": "bot"}
        return "".join(f"{author if n < right else other[author]}\n" for n, author in enumerate(authors))


ASK = ("blindtest", "--json", "--seed", "5")


@pytest.fixture(scope="session")
def chatterbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("chatterbox"), steps=60)


@pytest.fixture
def session(
    tmp_path: Path, chatterbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Session:
    shutil.copytree(chatterbox, tmp_path / "state" / "models", symlinks=True)
    return Session(tmp_path / "state", monkeypatch, capsys)


def test_ten_texts_are_the_persons_and_ten_the_bots_in_mixed_order(session: Session) -> None:
    *texts, result = session.run(*ASK, stdin=20 * "bot\n").rows

    kinds = [text["text"] in SAYINGS for text in texts]
    assert [text["number"] for text in texts] == list(range(1, 21))
    assert (kinds.count(True), kinds.count(False)) == (10, 10)
    assert kinds not in (10 * [True] + 10 * [False], 10 * [False] + 10 * [True])
    assert (result["right"], result["believed"]) == (10, 0)


def test_the_right_answers_are_counted_and_kept_beside_the_model(session: Session) -> None:
    answers = session.answers(right=16)

    result = session.run(*ASK, stdin=answers)

    row = result.rows[-1]
    assert (row["version"], row["texts"], row["right"]) == (VERSION, 20, 16)
    assert row["interval"] == pytest.approx([0.584, 0.919], abs=1e-3)
    assert "more than guessing" in row["meaning"]
    (kept,) = blind_test.read(session.state / "models" / VERSION)
    assert (kept.right, kept.seed, kept.posts) == (16, 5, 10)
    assert kept.believed == sum((one["by"], one["answer"]) == ("bot", "person") for one in row["answers"])


def test_no_text_is_kept(session: Session) -> None:
    *texts, _ = session.run(*ASK, stdin=20 * "bot\n").rows

    kept = (session.state / "models" / f"{VERSION}.blindtest.json").read_text()
    assert not any(text["text"] in kept for text in texts)


def test_the_list_of_models_adds_up_the_answers_of_all_readers(session: Session) -> None:
    for answers in (session.answers(right=16), 20 * "bot\n"):
        session.run(*ASK, stdin=answers)

    table = session.run("models").out
    (row,) = session.run("models", "--json").rows

    assert "26/40" in table
    assert "half of them is guessing" in table
    assert (row["blind_test"]["right"], row["blind_test"]["texts"]) == (26, 40)


def test_before_a_test_the_list_of_models_says_nothing_about_it(session: Session) -> None:
    assert "guessing" not in session.run("models").out
    assert session.run("models", "--json").rows[0]["blind_test"] is None


def test_the_seed_decides_which_texts_are_shown(session: Session) -> None:
    first, again, other = (
        [row["text"] for row in session.run("blindtest", "--json", "--seed", seed, stdin=20 * "bot\n").rows[:-1]]
        for seed in ("1", "1", "2")
    )

    assert first == again
    assert set(first) != set(other)


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        pytest.param(2 * "bot\n" + "yes\n", "answer 3 of 20 is 'yes': each line says person or bot", id="wrong"),
        pytest.param(7 * "bot\n", "answer 8 of 20 is missing", id="too few"),
    ],
)
def test_a_wrong_or_missing_answer_ends_the_test_and_nothing_is_kept(
    session: Session, stdin: str, message: str
) -> None:
    result = session.run(*ASK, stdin=stdin)

    assert result.code == 1
    assert message in result.err
    assert blind_test.read(session.state / "models" / VERSION) == []


def test_without_a_terminal_it_says_how_to_answer(session: Session) -> None:
    result = session.run("blindtest", stdin="p\n")

    assert result.code == 1
    assert result.err == (
        "mynah: a blind test needs a terminal; with --json, answers are read from standard input, one a line\n"
    )


def test_tweets_that_the_bot_could_not_post_are_left_out(session: Session) -> None:
    path = session.state / "magpie.csv"
    words = random.Random(0)
    tweets = (" ".join(words.sample(WORDS, 6)) + " #one #two #three" for _ in range(300))
    path.write_text("text\n" + "".join(f"{tweet}\n" for tweet in tweets))
    assert session.run("import", "--as", "@magpie", str(path)).code == 0

    result = session.run(*ASK)

    assert result.code == 1
    assert "needs 10 held-out tweets that the screen would let the bot post, and there are 0" in result.err


def test_a_model_that_says_too_little_is_told(session: Session, talker: Path) -> None:
    shutil.rmtree(session.state / "models")
    shutil.copytree(talker, session.state / "models", symlinks=True)

    result = session.run(*ASK)

    assert result.code == 1
    assert "made 8 posts in 30 rounds, and 10 are needed" in result.err


def test_an_unreadable_result_is_reported_before_the_first_text(session: Session) -> None:
    (session.state / "models" / f"{VERSION}.blindtest.json").write_text("[")

    result = session.run(*ASK)

    assert (result.code, result.out) == (1, "")
    assert "blindtest.json is not readable" in result.err
    assert session.run("models").code == 0


def test_on_a_terminal_single_keys_answer(session: Session) -> None:
    terminal = Terminal("blindtest", "--seed", "5", state=session.state)
    for number in range(1, 21):
        terminal.wait_for(b"[q]uit")
        if number == 1:
            terminal.press(b"x")  # no answer: the text is shown again
            terminal.wait_for(b"[q]uit")
        terminal.press(b"b" if number % 2 else b"p")
    end = terminal.wait_for(b"person.\r\n")

    assert terminal.wait() == 0
    assert b"answers are right (" in end
    assert len(blind_test.read(session.state / "models" / VERSION)) == 1


def test_who_quits_keeps_nothing(session: Session) -> None:
    terminal = Terminal("blindtest", state=session.state)
    terminal.wait_for(b"[q]uit")
    terminal.press(b"q")
    terminal.wait_for(b"nothing is kept")

    assert terminal.wait() == 0
    assert blind_test.read(session.state / "models" / VERSION) == []


def test_the_result_is_drawn_as_a_picture(session: Session, tmp_path: Path) -> None:
    picture = tmp_path / "result.png"

    result = session.run(*ASK, "--picture", str(picture), stdin=20 * "bot\n")

    assert result.code == 0, result.err
    assert picture.read_bytes().startswith(b"\x89PNG")
