"""The completion scripts, in the shells themselves where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.commands.setup import completion

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The script for the shell of the parameter, in a file."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    path = tmp_path / f"mynah.{request.param}"
    path.write_text(completion.script(request.param, cli.parser()), encoding="utf-8")
    return path


def output(*words: str | Path) -> list[str]:
    process = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert process.stderr == ""
    return process.stdout.splitlines()


CASES = [
    pytest.param(["re"], {"retrain", "review", "restore", "resume", "resolve"}, id="commands"),
    pytest.param(["--st"], {"--state"}, id="options of the program"),
    pytest.param(["run", "--mo"], {"--mode"}, id="options of a command"),
    pytest.param(["run", "--mode", ""], {"auto", "review"}, id="values of an option"),
    pytest.param(["completion", ""], {"bash", "zsh", "fish"}, id="values of an argument"),
    pytest.param(["--config", "run", "pau"], {"pause"}, id="after an option with a value"),
]


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(("words", "offers"), CASES)
def test_bash_completes(script: Path, words: list[str], offers: set[str]) -> None:
    code = 'source "$0"; COMP_WORDS=(mynah "$@"); COMP_CWORD=$#; _mynah; printf "%s\\n" "${COMPREPLY[@]}"'

    offered = output("bash", "-c", code, script, *words)

    assert set(offered) - {"-h", "--help"} == offers


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(("words", "offers"), CASES[:-1])
def test_fish_completes(script: Path, words: list[str], offers: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(script.parent))

    offered = output("fish", "-c", f"source {script}; complete -C 'mynah {' '.join(words)}'")

    assert {line.partition("\t")[0] for line in offered} == offers


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_takes_the_script_for_the_command(script: Path) -> None:
    code = f"autoload -U compinit; compinit -D -u; source {script}; print $_comps[mynah]; whence -w _mynah"

    assert output("zsh", "-f", "-c", code) == ["_mynah", "_mynah: function"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_script_has_every_command_and_says_where_it_goes(shell: str) -> None:
    text = completion.script(shell, cli.parser())

    assert f"mynah completion {shell} > " in text
    assert [name for name in cli.COMMANDS if name not in text] == []
