"""Many bots in one process: none delays, breaks or mixes with another, and folders come and go."""

from __future__ import annotations

import json
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import LogCapture

from bot.config.settings import SECRETS
from bot.config.state_dir import StateDir
from bot.errors import Busy, StoreError
from bot.fleet.member import LONGEST_PAUSE
from bot.history.store import Store
from bot.sending import pause
from tests.fake_x.server import FakeX
from tests.fake_x.state import User, World, newcomer
from tests.fakes import FakeClock
from tests.fleet.making import PERIOD, SteppedFleet, due_slot, make_bot, outcomes, put_keys, services
from training.models import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.running.app import App

SECOND_SLOT = timedelta(seconds=2)  # with a slot each second, those from before the history began are not used
SECOND = User("1500000000000000002", "othermynah", "Other Mynah", "1500000000000000002-fake", newcomer().secrets)


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """The lines of all threads; each has the name of its bot."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def root(tmp_path: Path, talker: Path) -> Path:
    """Two bots, with slots at other times of the day."""
    make_bot(tmp_path, "alice", talker, '[schedule]\nactive_from = "13:00"\nactive_to = "14:00"\nposts_per_day = 1\n')
    make_bot(tmp_path, "bob", talker, '[schedule]\nactive_from = "15:00"\nactive_to = "16:00"\nposts_per_day = 1\n')
    return tmp_path


@pytest.fixture
def fleet(root: Path, log: list[Any]) -> Iterator[SteppedFleet]:
    stepped = SteppedFleet(services(root), root)
    yield stepped
    stepped.stop()


def reset(path: Path) -> None:
    """Set a file's time far back: the clock of these tests is not the system's."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_each_bot_starts_with_its_own_lock_history_and_log_name(
    fleet: SteppedFleet, root: Path, log: list[Any]
) -> None:
    fleet.step()

    started = [line for line in log if line["event"] == "bot.started"]
    assert sorted((line["name"], line["bot"]) for line in started) == [("alice", "alice"), ("bob", "bob")]
    for name in ("alice", "bob"):
        assert (root / name / "history.db").is_file()
        about = StateDir(root / name).holder()
        assert about is not None
        assert (about["pid"], about["bot"]) == (os.getpid(), name)
        with pytest.raises(Busy), StateDir(root / name).hold({}):
            pass


def test_a_bot_with_nothing_to_do_rests_until_its_slot_and_then_posts(fleet: SteppedFleet, log: list[Any]) -> None:
    fleet.step()
    fleet.step(after=PERIOD, times=3)

    resting = fleet.step(after=PERIOD)
    until = due_slot(fleet, "alice") - fleet.clock.now()
    due = fleet.step(after=until)

    assert resting == []
    assert "alice" in due
    assert outcomes(log) == {"alice": "dry"}


def test_the_heartbeat_of_a_resting_bot_is_seen_from_outside(fleet: SteppedFleet, root: Path) -> None:
    fleet.step()
    fleet.step(after=PERIOD, times=3)
    reset(root / "bob" / "holder.json")

    assert fleet.step(after=timedelta(minutes=2)) == []

    assert (root / "bob" / "holder.json").stat().st_mtime > 1_000_000_000
    assert fleet.member("bob").last_beat == fleet.clock.monotonic()


def test_a_resting_bot_wakes_when_another_process_writes_its_history(fleet: SteppedFleet, root: Path) -> None:
    fleet.step()
    fleet.step(after=PERIOD, times=3)
    with Store.open(root / "bob" / "history.db") as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")

    assert fleet.step(after=PERIOD) == ["bob"]


def test_one_bot_is_paused_and_the_other_posts(fleet: SteppedFleet, root: Path, log: list[Any]) -> None:
    fleet.step()
    with Store.open(root / "alice" / "history.db") as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")

    fleet.step(after=due_slot(fleet, "alice") - fleet.clock.now())
    fleet.step(after=due_slot(fleet, "bob") - fleet.clock.now())

    assert outcomes(log) == {"alice": "waiting", "bob": "dry"}


def test_a_changed_configuration_is_read_by_its_bot_alone(fleet: SteppedFleet, root: Path, log: list[Any]) -> None:
    fleet.step()
    fleet.step(after=PERIOD, times=3)
    config = root / "bob" / "config.toml"
    config.write_text(config.read_text().replace("posts_per_day = 1", "posts_per_day = 2"))
    reset(config)

    assert fleet.step(after=PERIOD) == ["bob"]

    reloads = [(line["name"], line["changed"]) for line in log if line["event"] == "configuration.reloaded"]
    assert reloads == [("bob", ["schedule.posts_per_day"])]


def test_a_configuration_that_is_still_being_written_is_read_later(
    fleet: SteppedFleet, root: Path, log: list[Any]
) -> None:
    fleet.step()
    fleet.step(after=PERIOD, times=3)
    config = root / "bob" / "config.toml"
    whole = config.read_text()
    config.write_text("")
    at = fleet.clock.now().timestamp()
    os.utime(config, (at, at))

    fleet.step()
    early = [line for line in log if line["event"] == "configuration.reloaded"]
    config.write_text(whole)
    reset(config)
    fleet.step(after=PERIOD)

    assert early == []
    assert [line["changed"] for line in log if line["event"] == "configuration.reloaded"] == [[]]


def test_a_wrong_configuration_is_refused_and_the_bot_goes_on(fleet: SteppedFleet, root: Path, log: list[Any]) -> None:
    fleet.step()
    config = root / "bob" / "config.toml"
    config.write_text("nonsense = 1\n")
    reset(config)

    fleet.step(after=PERIOD)

    (refused,) = [line for line in log if line["event"] == "configuration.refused"]
    assert refused["name"] == "bob"
    assert fleet.member("bob").is_running


def test_a_hang_up_reloads_every_bot(fleet: SteppedFleet, log: list[Any]) -> None:
    fleet.step()
    fleet.fleet.reload()

    fleet.step()

    reloaded = {line["name"] for line in log if line["event"] == "configuration.reloaded"}
    assert reloaded == {"alice", "bob"}


def test_a_bot_that_cannot_start_is_reported_once_and_tried_again(
    fleet: SteppedFleet, root: Path, log: list[Any]
) -> None:
    config = root / "bob" / "config.toml"
    whole = config.read_text()
    config.write_text("nonsense = 1\n")
    fleet.step()
    fleet.step(after=LONGEST_PAUSE, times=3)
    failed = [line["name"] for line in log if line["event"] == "bot.failed"]
    about = StateDir(root)._about()
    config.write_text(whole)

    fleet.step(after=PERIOD)

    assert failed == ["bob"]
    assert "nonsense" in about["failed"]["bob"]
    assert (about["bots"], about["running"]) == (2, 1)
    assert fleet.member("bob").is_running
    assert fleet.member("bob").why_failed == ""


def test_a_bot_that_fails_is_tried_less_and_less_often(root: Path, log: list[Any]) -> None:
    calls = []

    def begin(*_: object) -> App:
        calls.append(1)
        raise StoreError("the disk is gone")

    fleet = SteppedFleet(services(root, begin=begin), root)
    fleet.step(after=PERIOD, times=40)  # ten minutes
    fleet.stop()

    assert 2 * 5 <= len(calls) <= 2 * 7  # 0, 15, 45, 105, 225, 465 seconds


def test_a_damaged_history_stops_one_bot_which_starts_when_it_is_restored(
    fleet: SteppedFleet, root: Path, log: list[Any]
) -> None:
    fleet.step()
    history = root / "bob" / "history.db"
    whole = history.read_bytes()
    history.write_bytes(b"no database" * 100)
    fleet.step(after=PERIOD)
    why = fleet.member("bob").why_failed
    with StateDir(root / "bob").hold({}):  # as `mynah restore` does
        history.write_bytes(whole)

    fleet.step(after=PERIOD)

    assert "mynah restore" in why
    assert fleet.member("alice").is_running
    assert fleet.member("bob").is_running


def test_an_error_of_the_program_itself_stops_nobody_else(root: Path, log: list[Any]) -> None:
    shared = services(root)

    def begin(settings: Any, process: Any) -> App:
        if settings.bot == "bob":
            raise ZeroDivisionError("a bug")
        return shared.begin(settings, process)

    fleet = SteppedFleet(services(root, begin=begin), root)
    fleet.step()

    assert fleet.member("bob").why_failed == "ZeroDivisionError: a bug"
    assert fleet.member("alice").is_running
    fleet.stop()


def test_a_bot_that_hangs_delays_no_other(root: Path, log: list[Any]) -> None:
    shared, hanging, ended = services(root), threading.Event(), threading.Event()

    def begin(settings: Any, process: Any) -> App:
        if settings.bot == "bob":
            hanging.set()
            assert ended.wait(600)
        return shared.begin(settings, process)

    fleet = SteppedFleet(services(root, begin=begin), root)
    fleet.fleet.tick()
    assert hanging.wait(600)
    alice = next(future for (name, _), future in fleet.fleet._beating.items() if name == "alice")
    alice.result(600)
    fleet.fleet.tick()

    assert fleet.member("alice").is_running
    assert not fleet.fleet.stop(timedelta(0))
    ended.set()
    fleet.fleet._heartbeats.shutdown(wait=True)
    fleet.member("bob").close()


def test_rounds_that_wait_for_their_turn_delay_no_other_heartbeat(root: Path, talker: Path, log: list[Any]) -> None:
    for number in range(5):  # more than the fleet has threads
        make_bot(
            root, f"noon{number}", talker, '[schedule]\nactive_from = "12:30"\nactive_to = "13:00"\njitter = "0s"\n'
        )
    shared, turn = services(root), threading.Event()

    def open_voice(folder: Path, settings: Any) -> Any:
        assert turn.wait(600)
        return shared.open_voice(folder, settings)

    fleet = SteppedFleet(services(root, open_voice=open_voice), root)
    fleet.step()
    fleet.clock.passes(due_slot(fleet, "noon0") - fleet.clock.now())  # type: ignore[attr-defined]
    fleet.fleet.tick()
    with Store.open(root / "alice" / "history.db") as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")
    fleet.fleet.tick()
    future = next(future for (name, _), future in fleet.fleet._beating.items() if name == "alice")
    future.result(600)
    drafting = [future for (name, _), future in fleet.fleet._beating.items() if name.startswith("noon")]

    assert len(drafting) == 5
    assert not any(future.done() for future in drafting)
    turn.set()
    fleet.stop()


def test_a_folder_that_is_added_becomes_a_bot(fleet: SteppedFleet, root: Path, talker: Path) -> None:
    fleet.step()
    make_bot(root, "carol", talker)
    (root / "notes").mkdir()

    fleet.step(after=PERIOD)

    assert sorted(member.name for member in fleet.fleet.members) == ["alice", "bob", "carol"]
    assert fleet.member("carol").is_running


def test_a_bot_whose_configuration_is_taken_away_leaves_its_folder(
    fleet: SteppedFleet, root: Path, log: list[Any]
) -> None:
    fleet.step()
    (root / "bob" / "config.toml").rename(root / "bob" / "config.toml.off")

    fleet.step(after=PERIOD)

    assert [member.name for member in fleet.fleet.members] == ["alice"]
    assert [line["name"] for line in log if line["event"] == "bot.stopped"] == ["bob"]
    with StateDir(root / "bob").hold({}):
        pass


def test_a_bot_that_is_moved_out_lives_alone_and_comes_back(
    fleet: SteppedFleet, root: Path, tmp_path_factory: pytest.TempPathFactory, log: list[Any]
) -> None:
    from bot import cli

    fleet.step()
    alone = tmp_path_factory.mktemp("alone") / "bob"
    shutil.move(root / "bob", alone)
    fleet.step(after=PERIOD)

    code = cli.main(["--home", str(alone), "run", "--once"])
    shutil.move(alone, root / "bob")
    structlog.reset_defaults()  # the command has set up a log of its own
    fleet.step(after=PERIOD)

    assert code == 0
    assert fleet.member("bob").is_running
    with Store.open(root / "bob" / "history.db", read_only=True) as store:
        assert len(store.history()) == 1


def test_a_promoted_model_is_taken_over_by_its_bot_alone(fleet: SteppedFleet, root: Path, log: list[Any]) -> None:
    fleet.step()
    models = root / "bob" / "models"
    shutil.copytree(models / "20261120T120000Z-0000", models / "20261121T120000Z-0001")
    registry.promote(models / "20261121T120000Z-0001")

    fleet.step(after=PERIOD)

    taken = [(line["name"], line["model"]) for line in log if line["event"] == "model.taken_over"]
    assert taken == [("bob", "20261121T120000Z-0001")]


def test_a_bot_without_a_model_waits_for_its_first_training(root: Path, log: list[Any]) -> None:
    home = root / "bob"
    shutil.rmtree(home / "models")
    asked: list[str] = []

    class Asked:
        why_failed: str | None = None

        def ask(self, name: str, words: list[str]) -> Asked:
            asked.append(" ".join(words[-3:]))
            return self

    from bot.commands.fleet.beginning import Beginning
    from bot.fleet.voices import SharedVoices
    from tests.fleet.making import settings_of

    children: Any = Asked()
    voices = SharedVoices(root / ".bases", drafting=1)
    fleet = SteppedFleet(services(root, begin=Beginning(settings_of, voices, children), open_voice=voices.open), root)
    fleet.step()
    waits = fleet.member("bob").why_failed
    children.why_failed = "no tweets"
    fleet.step(after=PERIOD)

    assert asked[0] == f"--home {home} retrain"
    assert waits == "it waits for the first model of bob, which is being made"
    assert fleet.member("bob").why_failed == "the first model of bob could not be made: no tweets"
    assert fleet.member("alice").is_running
    fleet.stop()


# Live


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), SECOND, now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


class NearlyRealClock(FakeClock):
    """A few seconds beside the system's, since X checks the time of a signature."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))


def live_fleet(root: Path, x: FakeX, **other: Any) -> SteppedFleet:
    for name, user in (("alice", newcomer()), ("bob", SECOND)):
        put_keys(root / name, user, x)
    return SteppedFleet(services(root, NearlyRealClock(), every=timedelta(seconds=1), **other), root)


def test_each_live_bot_posts_to_its_own_account(root: Path, x: FakeX, log: list[Any]) -> None:
    fleet = live_fleet(root, x)
    fleet.step()
    fleet.step(after=SECOND_SLOT)

    posts = [(post.author_id, post.text) for post in x.world._posts.values()]
    for name, user in (("alice", newcomer()), ("bob", SECOND)):
        with Store.open(root / name / "history.db", read_only=True) as store:
            (post,) = store.history(dry=False)
        assert post.state == "posted"
        assert (user.id, post.text) in posts
    assert len(posts) == 2
    fleet.stop()


def test_keys_stay_in_no_bot_longer_than_a_request(root: Path, x: FakeX, log: list[Any]) -> None:
    fleet = live_fleet(root, x)
    fleet.step()
    fleet.step(after=SECOND_SLOT)

    assert len(x.world.texts) == 2
    for member in fleet.fleet.members:
        app = member._app
        assert app
        assert [getattr(app.now.settings.x, name) for name in SECRETS] == [None] * len(SECRETS)
        assert app._settings.x.access_token is None
    fleet.stop()


def test_two_bots_with_the_keys_of_one_account_do_not_both_run(root: Path, x: FakeX, log: list[Any]) -> None:
    fleet = live_fleet(root, x)
    for path in (root / "alice" / "keys").iterdir():
        shutil.copy(path, root / "bob" / "keys" / path.name)
    fleet.step()
    fleet.step(after=PERIOD)

    running = [member.name for member in fleet.fleet.members if member.is_running]
    (failed,) = [member.why_failed for member in fleet.fleet.members if member.why_failed]
    assert len(running) == 1
    assert "the keys of the same account as" in failed
    fleet.stop()


def test_a_halt_of_one_bot_leaves_the_other_posting(root: Path, x: FakeX, log: list[Any]) -> None:
    fleet = live_fleet(root, x)
    (root / "bob" / "keys" / "access_token_secret").write_text("wrong")
    fleet.step()
    fleet.step(after=SECOND_SLOT)

    assert outcomes(log) == {"alice": "posted", "bob": "waiting"}
    assert json.loads((root / "bob" / "holder.json").read_text())["bot"] == "bob"
    fleet.stop()
