"""A full disk at every write: nothing is posted that was not recorded first, and the bot continues once there is space.

The writes fail one after the other: first no file may grow at all, then by a little more each time, until a round
passes. Real writes fail, because of a limit of the system (`files_up_to`) or on a disk of a megabyte.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import CapturingLogger

from bot.clock import why_doubted
from bot.errors import NoRoom
from bot.history.backup import Backups
from bot.history.store import Store
from bot.rounds.agenda import Agenda
from bot.rounds.posting import DraftSettings, Pipeline
from bot.rounds.slots import Every
from bot.running import assembly, resources
from bot.running.heartbeat import BACKUP_RETRY, Heartbeat
from bot.screen import chain
from bot.sending.budget import Prices
from bot.sending.outbox import Outbox
from bot.sending.reconcile import Reconciler
from bot.values import Receipt, Timeline
from bot.x.payloads import Account
from tests.fakes import NOON, FakeClock, FakePublisher, FakeVoice
from tests.installed import MYNAH, environment, lines, mynah
from tests.limits import files_up_to, small_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PERIOD = timedelta(hours=1)


class FakeAccount(FakePublisher):
    """An account whose timeline shows what was posted; `during` is called during each request."""

    during: Callable[[], None] = staticmethod(lambda: None)

    def post(self, text: str, **about: Any) -> Receipt:
        receipt = super().post(text)
        self.during()
        return receipt

    def me(self) -> Account:
        return Account("1", "words", "Words")

    def own_posts(self, account_id: str, *, since_id: str | None = None, limit: int = 5) -> Timeline:
        return Timeline(tuple(Receipt(str(901 + n), text) for n, text in enumerate(self.texts)), whole=True)


class Bot:
    def __init__(self, folder: Path, *, shortage: Callable[[], str | None] = lambda: None) -> None:
        folder.mkdir(exist_ok=True)
        self.path, self.clock, self.x = folder / "history.db", FakeClock(), FakeAccount()
        self.log: Any = CapturingLogger()
        texts = [text for number in range(500) for text in (f"Number {number} is a word.", f"And {number} another.")]
        voice = FakeVoice(*texts)
        round_log: Any = self
        pipeline = Pipeline(
            voice,
            lambda store: chain.build(was_posted=lambda norm: store.said(norm, dry=False), copy_of=voice.copied),
            Outbox(self.x, assembly.NO_BRAKES, self.clock, dry=False, price=lambda _: 15_000),
            DraftSettings(("",), candidates=2, tries=2),
            self.clock,
        )
        agenda = Agenda(
            pipeline,
            Every(PERIOD),
            open_store=lambda: Store.open(self.path),
            reconciler=Reconciler(self.x, assembly.NO_BRAKES.caps, self.clock, prices=Prices(), log=self.log),
        )
        agenda.begin()
        self.backups = Backups(folder / "backups", [self.path], keep=3, every=timedelta(days=1))
        parts: Any = SimpleNamespace(agenda=agenda, backups=self.backups)
        self.heart = Heartbeat(
            lambda: parts, round_log, refresh=lambda: None, shortage=shortage, clock=self.clock, log=self.log
        )

    def write(self, _: object) -> None:
        """The interface of RoundLog."""

    def run_hours(self, hours: int) -> None:
        for _ in range(hours * 4):
            self.heart.beat()
            self.clock.passes(PERIOD / 4)

    def reasons(self, event: str) -> list[str]:
        return [str(call.kwargs.get("why", "")) for call in self.log.calls if call.args == (event,)]

    def states(self) -> dict[str, str]:
        with Store.open(self.path) as store:
            assert store.damage() == []
            return {post.text: post.state for post in store.history(limit=500)}


def test_at_whichever_write_the_disk_is_full_nothing_is_posted_without_a_recorded_intent(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    bot.run_hours(2)
    failures, size, posts_before = 0, 0, len(bot.x.texts)
    while len(bot.x.texts) < posts_before + 3:
        count = len(bot.x.texts)
        with files_up_to(size):
            bot.heart.beat()
        states = bot.states()
        assert all(states.get(text) in {"sending", "unknown", "posted"} for text in bot.x.texts)
        failures += len(bot.x.texts) == count
        bot.clock.passes(PERIOD)
        size += 1024

    assert failures > 20
    bot.run_hours(3)  # there is space again: lost posts are found, and it goes on posting
    assert set(bot.states().values()) <= {"posted", "expired"}
    assert len(bot.x.texts) > posts_before + 3
    assert len(set(bot.x.texts)) == len(bot.x.texts)


def test_a_disk_that_fills_up_between_intent_and_outcome_leaves_a_post_that_is_looked_up_later(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    for size in range(0, 64_000, 2048):  # the outcome fails at each of its writes
        limit = files_up_to(size)
        bot.x.during = limit.__enter__  # type: ignore[method-assign]
        bot.heart.beat()
        limit.__exit__(None, None, None)
        bot.x.during = lambda: None  # type: ignore[method-assign]
        bot.clock.passes(PERIOD)
        bot.heart.beat()
        bot.clock.passes(PERIOD)

    assert any("is on X, but the history could not be written" in reason for reason in bot.reasons("daemon.waits"))
    bot.run_hours(2)
    assert set(bot.states().values()) == {"posted"}
    assert sorted(bot.states()) == sorted(bot.x.texts)


def test_a_full_disk_is_logged_once_and_waited_out(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    with files_up_to(0):
        bot.run_hours(20)

    assert len(bot.reasons("daemon.waits")) == 1
    assert "the disk is full: free some space" in bot.reasons("daemon.waits")[0]
    assert bot.x.texts == []
    bot.run_hours(1)
    assert len(bot.reasons("daemon.goes_on")) == 1
    assert len(bot.x.texts) == 1


def test_without_enough_space_no_round_begins(tmp_path: Path) -> None:
    full: list[str | None] = ["the disk is full, or nearly"]
    bot = Bot(tmp_path, shortage=lambda: full[0])
    bot.run_hours(3)
    assert (bot.reasons("daemon.waits"), bot.x.texts) == (["the disk is full, or nearly"], [])

    full[0] = None
    bot.run_hours(1)

    assert len(bot.x.texts) == 1


def test_free_space_is_what_the_system_reports(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize

    assert resources.why_not(tmp_path, min_free=free // 2) is None
    assert "old models take most of it" in (resources.why_not(tmp_path, min_free=free * 2) or "")
    assert resources.why_not(tmp_path / "nowhere") is None


def test_an_implausible_clock_is_waited_out(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    for year in (1970, 2025, 2200, 9999):
        bot.clock.is_set(NOON.replace(year=year))
        bot.heart.beat()
    assert bot.x.texts == []
    assert len(bot.reasons("daemon.waits")) == 4

    bot.clock.is_set(NOON)
    bot.heart.beat()

    assert len(bot.x.texts) == 1
    assert why_doubted(NOON) is None


def test_a_failed_backup_is_logged_and_retried_after_an_hour(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    (tmp_path / "backups").write_text("in the way")
    bot.run_hours(1)
    assert len(bot.reasons("backup.failed")) == 1

    (tmp_path / "backups").unlink()
    bot.clock.passes(BACKUP_RETRY)
    bot.run_hours(1)

    assert len(bot.reasons("backup.made")) == 1
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_backup_without_space_leaves_no_incomplete_file(tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    bot.run_hours(2)
    for size in range(512, bot.path.stat().st_size, 8192):
        with files_up_to(size), pytest.raises(NoRoom):
            bot.backups.make(NOON + timedelta(days=9))

    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["history-20261120T121500Z.db"]


def fill(path: Path) -> None:
    """Fill the disk to the last byte."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 512):
            pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    with small_disk(tmp_path / "disk", 1 << 20) as why_not:
        if why_not:
            pytest.skip(f"no small disk can be made here: {why_not}")
        yield tmp_path / "disk"


def test_on_a_really_full_disk_the_bot_waits_and_continues(disk: Path) -> None:
    bot = Bot(disk / "state")
    bot.run_hours(3)
    posts_before = len(bot.x.texts)
    filler = disk / "filler"
    fill(filler)
    bot.run_hours(3)
    assert len(bot.reasons("daemon.waits")) == 1

    filler.unlink()
    bot.run_hours(3)

    assert len(bot.x.texts) >= posts_before + 2
    assert set(bot.states().values()) <= {"posted", "expired"}


def test_the_installed_bot_waits_at_its_start_and_says_so(state: Path, disk: Path, talker: Path) -> None:
    """On a disk with too little space it neither exits nor posts, and can be stopped."""
    (disk / "state").mkdir()
    (disk / "state" / "models").symlink_to(state / "models")
    process = subprocess.Popen(
        [MYNAH, "--state", disk / "state", "run", "--dry-run", "--every", "1s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    status = mynah("status", "--json", state=disk / "state")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)

    assert first["event"] == "daemon.waits"
    assert "50 MB must be free" in first["why"]
    assert any("50 MB must be free" in alert for alert in lines(status.stdout)[0]["alerts"])
    assert (process.returncode, out) == (0, "")


def test_a_first_training_that_does_not_fit_waits_and_leaves_no_files(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 60 << 20) as why_not:
        if why_not:
            pytest.skip(f"no small disk can be made here: {why_not}")
        command = [MYNAH, "--state", tmp_path / "disk" / "state", "run", "--dry-run"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
        )
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        files = sorted(path.name for path in (tmp_path / "disk" / "state").rglob("*") if path.is_file())

    assert [line["event"] for line in events] == ["model.missing", "daemon.waits"]
    assert re.search(r"needs \d+ MB in \S+/models, and \d+ MB are free: make room", events[1]["why"])
    assert (process.returncode, files) == (0, ["history.db", "holder.json", "log.jsonl", "training.jsonl"])


def test_a_file_that_may_not_grow_raises_like_a_full_disk(tmp_path: Path) -> None:
    """The limit that these tests use looks like a full disk to the code under test."""
    with (tmp_path / "file").open("wb", buffering=0) as file, files_up_to(10):
        file.write(b"0" * 10)
        with pytest.raises(OSError, match="large") as excinfo:
            file.write(b"0")

    assert excinfo.value.errno == errno.EFBIG
