"""Begin and People: files that are sent, what is refused, the funnel, consent, and a training that is found again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from bot.commands.model import training_log
from bot.commands.model.consent import consent, keep_consent
from bot.commands.model.training_log import TrainingLog
from bot.history import blocks
from bot.history.store import Store
from bot.web import guard
from tests.installed import environment
from tests.web.serving import Client, serving
from training.learn.finetune import Step
from training.retraining.job import Outcome, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TWEETS = "".join(f"A tweet about platform {number} and its umbrella.\n" for number in range(30))
EVIL = "<script>alert(1)</script>.txt"


@pytest.fixture(scope="module")
def env() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def page(env: None, tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path / "state") as client:
        yield client


@pytest.fixture(scope="module")
def library(env: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the tweets of one person."""
    state = tmp_path_factory.mktemp("library") / "state"
    with serving(state) as client:
        answer = client.upload("/begin/upload", "tweets.txt", TWEETS.encode(), {"author": "crow"})
        assert "30 found: 30 new" in client.follow(answer).text
    return state


@pytest.fixture
def with_tweets(library: Path, tmp_path: Path) -> Iterator[Client]:
    shutil.copytree(library, tmp_path / "state")
    with serving(tmp_path / "state") as client:
        yield client


def uploads(page: Client) -> list[Path]:
    return list((page.site.state_dir.root / "uploads").glob("*"))


def test_a_file_is_imported_and_gone(with_tweets: Client) -> None:
    text = with_tweets.get("/begin?wait=1").text

    assert re.search(r"@crow.*30 tweets", text, re.DOTALL)
    assert re.search(r"learnt or held out</th><td class=\"right\">\d+</td>", text)
    assert uploads(with_tweets) == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("tweets.txt", b"", "tweets.txt is empty: it may be half downloaded; fetch it again."),
        ("tweets.txt", b"one tweet\n", "--as"),
        ("archive.zip", b"PK\x03\x04 no zip", "archive.zip"),
        (EVIL, b"", "is empty"),
        ("../../history.db", b"", "history.db is empty"),
    ],
    ids=["empty", "nobody's", "broken", "markup", "path"],
)
def test_a_file_that_is_refused_is_refused_in_the_words_of_the_command(
    page: Client, name: str, content: bytes, why: str
) -> None:
    text = page.follow(page.upload("/begin/upload", name, content)).text

    assert why in text
    assert "<script>alert" not in text
    assert str(page.site.state_dir.root) not in text
    assert uploads(page) == []
    assert not page.site.state_dir.library.exists()


def test_a_zip_that_grows_without_end_is_refused(page: Client, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/tweets.js", b"window.YTD.tweets.part0 = [" + b" " * 50_000_000)

    text = page.follow(page.upload("/begin/upload", "bomb.zip", bomb.read_bytes())).text

    assert 'class="message problem"' in text
    assert "bomb.zip" in text


def test_an_upload_from_another_site_is_refused(page: Client) -> None:
    answer = page.upload("/begin/upload", "a.txt", b"x", headers={"Origin": "https://evil.example"})

    assert answer.status == 403


def test_an_upload_has_a_bound_and_leaves_nothing(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LARGE", 100_000)

    answer = page.upload("/begin/upload", "a.txt", b"x" * 200_000)

    assert answer.status == 413
    assert uploads(page) == []


def test_a_form_without_a_file_or_with_long_fields_is_refused(page: Client) -> None:
    without = page.follow(page.upload("/begin/upload", "", b"")).text
    long = page.follow(page.upload("/begin/upload", "a.txt", b"x", {"author": "x" * 10_000})).text

    assert "choose a file first" in without
    assert "author is too long" in long
    assert uploads(page) == []


def test_what_a_killed_page_left_is_removed_at_the_next_start(env: None, tmp_path: Path) -> None:
    (tmp_path / "uploads" / "a").mkdir(parents=True)
    (tmp_path / "uploads" / "a" / "tweets.zip").write_bytes(b"x")

    with serving(tmp_path) as page:
        assert uploads(page) == []


def test_a_training_needs_consent(with_tweets: Client) -> None:
    text = with_tweets.follow(with_tweets.post("/begin/train", {"consent": "They said so."})).text

    assert "say that the people whose tweets are learnt agree" in text
    assert consent(with_tweets.site.state_dir) == ""


def test_a_training_that_fails_says_why_and_consent_is_kept(with_tweets: Client) -> None:
    answer = with_tweets.post("/begin/train", {"consent": "They said <b>so</b>.", "agree": "yes"})
    child = with_tweets.jobs._training
    assert child is not None
    child.wait(60)

    text = with_tweets.follow(answer).text
    assert "The training failed:" in text
    assert "a model needs at least 6,000: add more tweets." in text
    assert consent(with_tweets.site.state_dir) == "They said <b>so</b>."
    assert "They said &lt;b&gt;so&lt;/b&gt;." in text


def test_a_training_of_the_terminal_is_followed_on_the_page(page: Client, tmp_path: Path) -> None:
    path = page.site.state_dir.root / training_log.FILE
    with TrainingLog(path, page.site.clock) as log:
        log.show(Progress("read"))
        for number in range(1, 51):
            said = "a bell <i>rang</i>" if number == 50 else ""
            step = Step(number, 100, 5 / number, 100, 4.25 if number == 50 else None, 0.1, said)
            log.show(Progress("train", number, 100, step=step))
        at_work = page.get("/begin").text
        part = page.get("/begin/live").text
        second = page.follow(page.post("/begin/train")).text
        log.finish(Outcome(tmp_path / "20261120T120000Z-0000", promoted=True))
    after = page.get("/begin/live").text

    for text in (at_work, part):
        assert 'hx-get="/begin/live"' in text
        assert "Step 50 of 100" in text
        assert "a bell &lt;i&gt;rang&lt;/i&gt;" in text
        assert "best 4.250" in text
        assert "<polyline" in text
    assert "a training is at work already" in second
    assert 'name="file"' not in at_work
    assert 'hx-get="/begin/live"' not in after
    assert "Ten predictions" in after


WAITS = """
import sys, time
from pathlib import Path
from bot.clock import SystemClock
from bot.commands.model.training_log import TrainingLog
with TrainingLog(Path(sys.argv[1]), SystemClock()):
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_a_training_is_stopped_as_by_a_key(page: Client) -> None:
    path = page.site.state_dir.root / training_log.FILE
    child = subprocess.Popen(
        [sys.executable, "-c", WAITS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    page.post("/begin/stop")
    child.communicate()
    stopped = page.get("/begin").text
    again = page.follow(page.post("/begin/stop")).text

    assert "The training was stopped." in stopped
    assert "no training is at work" in again


def test_begin_is_in_the_navigation_only_while_there_is_no_model(page: Client, talker: Path) -> None:
    before = page.get("/people").text
    shutil.copytree(talker, page.site.state_dir.models, symlinks=True)

    assert '<a href="/begin"' in before
    assert '<a href="/begin"' not in page.get("/people").text


def test_the_funnel_is_counted_when_it_is_asked_for(with_tweets: Client) -> None:
    first = with_tweets.get("/people").text
    part = with_tweets.get("/people/library").text

    assert 'hx-get="/people/library?forget=1"' in first
    assert '<a class="button" href="?wait=1">' in first
    assert "will be learnt" in part
    assert "will be learnt" in with_tweets.get("/people").text


def test_blocking_and_unblocking(page: Client) -> None:
    Store.open(page.site.state_dir.history).close()
    blocked = page.follow(page.post("/people/block", {"handle": "@magpie"})).text
    wrong = page.follow(page.post("/people/block", {"handle": "--json"})).text
    with Store.open(page.site.state_dir.history, read_only=True) as store:
        names = [row["handle"] for row in blocks.blocks(store)]
    unblocked = page.follow(page.post("/people/unblock", {"handle": "magpie"})).text

    assert "@magpie is blocked and will get no replies" in blocked
    assert "is not a handle" in wrong
    assert names == ["magpie"]
    assert "@magpie is no longer blocked" in unblocked


def test_forgetting_says_first_what_it_touches(with_tweets: Client) -> None:
    keep_consent(with_tweets.site.state_dir, "crow agrees")
    plan = with_tweets.get("/people/forget?handle=crow").text
    kept = with_tweets.get("/people/library").text
    done = with_tweets.follow(with_tweets.post("/people/forget", {"handle": "crow"})).text

    assert "@crow: 30 tweets in the library, 0 mentions in the history" in plan
    assert "nothing was changed" in plan
    assert "@crow" in kept
    assert "removed 30 tweets by @crow" in done
    assert "@crow" not in with_tweets.get("/people/library").text
    assert consent(with_tweets.site.state_dir) == ""
