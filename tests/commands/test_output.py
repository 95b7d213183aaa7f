"""The installed command with broken output or an impossible state folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bot.commands.console import tables
from tests.installed import MYNAH, environment, mynah

BUFFERS = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])


def status(descriptor: int | None, state: Path, *, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MYNAH, "--state", state, "status"],
        check=False, stdout=descriptor, stderr=subprocess.PIPE, text=True, timeout=120,
        env=environment(PYTHONUNBUFFERED=unbuffered),
    )  # fmt: skip


@BUFFERS
def test_a_closed_pipe_is_not_an_error(tmp_path: Path, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    result = status(writer, tmp_path, unbuffered=unbuffered)
    os.close(writer)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@BUFFERS
def test_a_full_disk_gives_one_sentence(tmp_path: Path, unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        result = status(full.fileno(), tmp_path, unbuffered=unbuffered)

    assert (result.returncode, result.stderr) == (1, "mynah: output: No space left on device\n")


def test_a_closed_standard_output_is_not_an_error(tmp_path: Path) -> None:
    command = f'"{MYNAH}" --state "{tmp_path}" run --live --once >&-'

    result = subprocess.run(
        command, shell=True, check=False, stderr=subprocess.PIPE, text=True, timeout=120, env=environment()
    )

    assert result.returncode == 78
    assert result.stderr.startswith("mynah: Keys for X are missing: x.consumer_key")


def test_a_character_that_the_terminal_cannot_encode_is_escaped(tmp_path: Path) -> None:
    result = mynah("screen", "Rain ☔", "--json", state=tmp_path, PYTHONIOENCODING="ascii")

    assert (result.returncode, result.stderr) == (0, "")
    assert "Rain \\u2614" in result.stdout


@pytest.mark.parametrize("command", ["status", "history", "run", "pause"])
def test_an_impossible_state_folder_gives_one_sentence(command: str) -> None:
    result = mynah(command, state=Path("/" + "long/" * 2000))

    assert result.returncode == 1
    assert "File name too long" in result.stderr
    assert "Traceback" not in result.stderr


def test_control_and_bidirectional_characters_are_escaped() -> None:
    table = tables.as_table([{"text": "one\x1b[2J\x07 \u202etwo\nthree \u200d"}], ["text"], width=60)

    assert table.splitlines()[2:] == [r"one\x1b[2J\x07 \u202etwo", "three \u200d"]
