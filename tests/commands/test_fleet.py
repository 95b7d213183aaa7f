"""`mynah run --bots` and `mynah fleet`: wrong use is one sentence, and the list shows every bot with its problem."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.config.state_dir import StateDir
from bot.history.store import Store
from bot.sending import pause
from tests.fleet.making import make_bot
from tests.installed import MYNAH, environment, lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bots(tmp_path: Path, talker: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    for name in ("alice", "bob"):
        make_bot(tmp_path / "bots", name, talker)
    return tmp_path / "bots"


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main([*words])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("option", [["--once"], ["--state", "/elsewhere"], ["--home", "/elsewhere"]])
def test_options_of_a_single_bot_are_refused(bots: Path, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before, after = ([], option) if option == ["--once"] else (option, [])

    code, message = refused(capsys, *before, "run", "--bots", str(bots), *after)

    assert code == 78
    assert "leave out --once, --state and --home" in message


@pytest.mark.parametrize("name", ["MYNAH_BOT", "MYNAH_STATE", "MYNAH_X__CONSUMER_KEY"])
def test_what_is_one_bots_cannot_be_set_for_all(
    bots: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "something")

    code, message = refused(capsys, "run", "--bots", str(bots))

    assert code == 78
    assert "would be the same for all bots" in message
    assert "something" not in message


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, message = refused(capsys, "run", "--bots", str(tmp_path / "none"))

    assert (code, message.count("\n")) == (78, 1)
    assert "no such folder" in message


def test_two_processes_cannot_run_the_same_bots(bots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StateDir(bots).hold({}):
        code, message = refused(capsys, "run", "--bots", str(bots))

    assert code == 75
    assert "is in use" in message


def test_the_list_shows_every_bot_with_its_problem(bots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(bots / "alice" / "history.db") as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")
    (bots / "bob" / "config.toml").write_text("nonsense = 1\n")

    assert cli.main(["fleet", "status", "--bots", str(bots), "--json"]) == 0

    alice, bob = lines(capsys.readouterr().out)
    assert (alice["bot"], alice["running"], alice["mode"]) == ("alice", False, "dry")
    assert "a test" in alice["problem"]
    assert "nonsense" in bob["problem"]


def test_the_list_says_whether_the_process_runs(bots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StateDir(bots).hold({"failed": {"bob": "its disk is gone"}}):
        cli.main(["fleet", "status", "--bots", str(bots)])
    running = capsys.readouterr().out
    cli.main(["fleet", "status", "alice", "--bots", str(bots)])
    stopped = capsys.readouterr().out

    assert running.splitlines()[-1] == "2 bots; the process is running"
    assert "disk" in running
    assert stopped.splitlines()[-1] == "1 bot; the process is not running: `mynah run --bots` starts it"


@pytest.mark.parametrize("words", [["retrain"], ["retrain", "alice", "--all"]])
def test_retraining_needs_names_or_all(bots: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, message = refused(capsys, "fleet", *words, "--bots", str(bots))

    assert code == 1
    assert "use --all for all of them" in message


def test_an_unknown_bot_is_named(bots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, message = refused(capsys, "fleet", "status", "carol", "--bots", str(bots))

    assert code == 1
    assert "has no bot 'carol'" in message


def test_the_process_runs_all_bots_adds_one_and_stops(bots: Path, talker: Path) -> None:
    process = subprocess.Popen(
        [MYNAH, "run", "--bots", bots, "--every", "1s"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    seen, is_asked_to_stop = set[str](), False
    with process:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "round.ended" and event["outcome"] == "dry":
                seen.add(event["name"])
            if seen == {"alice", "bob"} and not (bots / "carol").exists():
                make_bot(bots, "carol", talker)
            if len(seen) == 3 and not is_asked_to_stop:
                process.send_signal(signal.SIGTERM)
                is_asked_to_stop = True
        assert process.wait(60) == 0
        assert process.stderr.read() == ""

    for name in ("alice", "bob", "carol"):
        with Store.open(bots / name / "history.db", read_only=True) as store:
            assert store.counts(dry=True)["dry"] >= 1
        assert StateDir(bots / name).holder() is None
