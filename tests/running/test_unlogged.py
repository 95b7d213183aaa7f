"""A running bot whose log nobody can read any more: a closed pipe, a closed terminal."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.installed import MYNAH, environment, lines, mynah
from tests.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

RUN = ("run", "--dry-run", "--every", "1s")
WHY = "the log cannot be written (Broken pipe)"


def test_a_bot_whose_log_is_cut_off_goes_on_and_says_so(state: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(60)
        reader, writer = os.pipe()
        bot = subprocess.Popen(
            [MYNAH, "--state", state, *RUN], env=environment(NOTIFY_SOCKET=address), stdout=writer,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)  # as `head -1` does
        told = [systemd.recv(4096).decode()]
        while WHY not in told[-1]:
            told.append(systemd.recv(4096).decode())
        systemd.recv(4096)  # at the latest now, the status is written too
        (row,) = lines(mynah("status", "--json", state=state).stdout)
    bot.terminate()  # it could not write to a full socket
    _, complaints = bot.communicate(timeout=60)

    assert told[-1].startswith("WATCHDOG=1\nSTATUS=last tick")
    assert [alert for alert in row["alerts"] if alert.startswith(WHY)]
    assert complaints == f"mynah: {WHY}; the bot goes on, and `mynah status` shows it\n"
    assert bot.returncode == 0


def test_a_bot_ends_with_its_terminal(state: Path) -> None:
    terminal = Terminal(*RUN, state=state)
    terminal.wait_for(b"would cost")  # it posts

    os.close(terminal.screen)
    os.close(terminal._slave)

    assert terminal.process.wait(60) == 0
