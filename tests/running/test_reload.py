"""`systemctl reload` of the installed command: between two rounds, all of a configuration is used or none of it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bot.config.settings import Settings
from bot.config.state_dir import StateDir
from bot.running.app import hold_back
from tests.installed import MYNAH, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = (
    '[voice]\ncandidates = 2\nmix = { none = 0, prompts = 1, openers = 0, topics = 0 }\nprompts = ["My dream is"]\n'
)


class Bot:
    """A daemon with a slot every second, whose log is read line by line."""

    def __init__(self, process: subprocess.Popen[str], config: Path) -> None:
        self._process = process
        self._config = config
        self.rounds: list[dict[str, Any]] = []

    def until(self, event: str, **fields: object) -> dict[str, Any]:
        assert self._process.stdout
        for text in self._process.stdout:
            line: dict[str, Any] = json.loads(text)
            if line["event"] == "round.ended":
                self.rounds.append(line)
            if line["event"] == event and fields.items() <= line.items():
                return line
        raise AssertionError(f"it ended before {event}: {self._process.wait()}")

    def reload(self, text: str) -> None:
        self._config.write_text(text, encoding="utf-8")
        self._process.send_signal(signal.SIGHUP)


def mode(state: Path) -> str:
    return str((StateDir(state).holder() or {})["mode"])


@contextmanager
def running_bot(state: Path, text: str = CONFIG) -> Iterator[Bot]:
    config = state.parent / "config.toml"
    config.write_text(text, encoding="utf-8")
    command = [MYNAH, "--config", config, "--state", state, "run", "--dry-run", "--every", "1s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        timeout = threading.Timer(120, process.kill)  # else a line that never comes would block the test
        timeout.start()
        try:
            bot = Bot(process, config)
            bot.until("round.ended")
            yield bot
            process.send_signal(signal.SIGTERM)
            bot.until("daemon.stopped")
        finally:
            timeout.cancel()
            process.kill()


def test_a_reload_takes_new_settings_between_two_rounds_without_missing_a_slot(state: Path) -> None:
    with running_bot(state) as bot:
        bot.reload(CONFIG.replace("My dream is", "Today"))
        event = bot.until("configuration.reloaded")
        after = bot.until("round.ended")

    assert event["changed"] == ["voice.prompts"]
    assert event["only_at_a_restart"] == []
    assert {line["prompt"] for line in bot.rounds[:-1] if line.get("prompt")} <= {"My dream is", "Today"}
    assert after.get("prompt", "Today") == "Today"
    slots = [line["slot"] for line in bot.rounds]
    assert len(set(slots)) == len(slots)


def test_an_invalid_file_is_refused_as_a_whole_and_the_old_settings_stay(state: Path) -> None:
    with running_bot(state) as bot:
        bot.reload('mode = "review"\n' + CONFIG + "candidate = 3\n")
        refusal = bot.until("configuration.refused")
        bot.until("round.ended")
        before = mode(state)
        bot.reload('mode = "review"\n' + CONFIG)
        reload = bot.until("configuration.reloaded")
        bot.until("round.ended")
        after = mode(state)

    assert "voice.candidate: unknown key" in refusal["why"]
    assert (before, after) == ("auto", "review")
    assert reload["changed"] == ["mode"]


def test_an_unreadable_list_refuses_the_whole_configuration(state: Path) -> None:
    with running_bot(state) as bot:
        bot.reload(f'mode = "review"\n{CONFIG}[screen]\ndeny_file = "{state}/nowhere.txt"\n')
        refusal = bot.until("configuration.refused")
        bot.until("round.ended")
        after = mode(state)

    assert "screen.deny_file" in refusal["why"]
    assert after == "auto"


def test_a_reload_changes_the_sampling_and_refuses_an_unavailable_engine(state: Path) -> None:
    with running_bot(state) as bot:
        bot.reload(CONFIG.replace("candidates = 2", "candidates = 2\ntemperature = 0.5\nkeep_loaded = false"))
        reload = bot.until("configuration.reloaded")
        bot.until("round.ended")
        bot.reload(CONFIG.replace("candidates = 2", 'candidates = 2\nengine = "light"\ndevice = "cuda"'))
        refusal = bot.until("configuration.refused")
        bot.until("round.ended")

    assert reload["changed"] == ["voice.keep_loaded", "voice.temperature"]
    assert refusal["why"]


def test_settings_that_need_a_restart_are_kept_and_reported() -> None:
    before = Settings(bot="crow")
    new = Settings(
        bot="raven", live=True, log={"level": "debug"}, screen={"deny": ["jam"]}, x={"consumer_key": "a secret"}
    )  # type: ignore[arg-type]

    settings, at_start = hold_back(new, before)

    assert at_start == ["bot", "live", "log.level", "x.consumer_key"]
    assert (settings.bot, settings.live, settings.log.level) == ("crow", False, "info")
    assert settings.screen.deny == ("jam",)
