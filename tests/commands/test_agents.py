"""`mynah install-units` on macOS: agents of launchd, checked as property lists, since no Mac runs these tests."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot import cli
from bot.config import load

Install = "Callable[..., tuple[int, str, str]]"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Install:
    monkeypatch.setattr(sys, "platform", "darwin")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["install-units", "--prefix", str(tmp_path), *arguments])
        return code, *capsys.readouterr()

    return run


def test_one_agent_runs_the_bot_and_one_trains_each_week(install: Install, tmp_path: Path) -> None:
    code, out, _ = install("--bot", "crow")

    agents = {path.stem: plistlib.loads(path.read_bytes()) for path in (tmp_path / "Library/LaunchAgents").iterdir()}
    assert code == 0
    assert agents.keys() == {"mynah.crow", "mynah-retrain.crow"}
    assert all(agent["Label"] == name for name, agent in agents.items())
    assert agents["mynah.crow"]["KeepAlive"] == {"SuccessfulExit": False}
    assert "launchctl bootstrap gui/$(id -u)" in out


def test_an_agent_starts_the_program_with_valid_arguments(install: Install, tmp_path: Path) -> None:
    install("--bot", "crow")

    for name, command in (("mynah.crow", "run"), ("mynah-retrain.crow", "retrain")):
        agent = plistlib.loads((tmp_path / f"Library/LaunchAgents/{name}.plist").read_bytes())
        program, *arguments = agent["ProgramArguments"]
        args = cli.parser().parse_args(arguments)

        assert Path(program) == Path(sys.prefix) / "bin" / "mynah"
        assert args.function is cli.COMMANDS[command].function
        assert load.load(args.config).settings.live is False


def test_an_agent_that_was_changed_is_kept(install: Install, tmp_path: Path) -> None:
    install("--bot", "crow")
    agent = tmp_path / "Library/LaunchAgents/mynah.crow.plist"
    agent.write_bytes(b"mine")

    code, _, err = install("--bot", "crow")
    forced, _, _ = install("--bot", "crow", "--force")

    assert (code, forced) == (1, 0)
    assert f"{agent} is another version" in err
    assert agent.read_bytes() != b"mine"


def test_without_a_bot_it_is_one_sentence(install: Install) -> None:
    code, _, err = install()

    assert code == 1
    assert "mynah install-units --bot NAME" in err


@pytest.mark.skipif(shutil.which("plutil") is None, reason="plutil is on macOS only")
def test_macos_accepts_the_agents(install: Install, tmp_path: Path) -> None:
    install("--bot", "crow")

    for path in (tmp_path / "Library/LaunchAgents").iterdir():
        subprocess.run(["plutil", "-lint", path], check=True)
