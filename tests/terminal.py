"""The installed command on a pseudo-terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.installed import MYNAH, environment

if TYPE_CHECKING:
    from pathlib import Path


class Terminal:
    def __init__(self, *arguments: str, state: Path) -> None:
        self.screen, self._slave = pty.openpty()
        self.modes = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [MYNAH, "--state", state, *arguments], env=environment(TERM="xterm"),
            preexec_fn=self._sit_down,  # noqa: PLW1509  no threads
        )  # fmt: skip
        self.output = b""

    def _sit_down(self) -> None:
        """With a controlling terminal, Ctrl-C sends a signal. It may be ignored here, in a background process."""
        os.login_tty(self._slave)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def wait_for(self, text: bytes) -> bytes:
        """Read the output up to this text."""
        start, deadline = len(self.output), time.monotonic() + 60
        while text not in self.output[start:]:
            if time.monotonic() > deadline:
                self.process.kill()  # not left running for later tests
                self.process.wait()
                pytest.fail(f"the command never shows {text!r}, but {self.output[start:]!r}")
            if select.select([self.screen], [], [], 1)[0]:
                self.output += os.read(self.screen, 4096)
        return self.output[start:]

    def press(self, keys: bytes) -> None:
        """Wait until single keys are read, because earlier ones would be dropped."""
        deadline = time.monotonic() + 60
        while termios.tcgetattr(self._slave)[3] & termios.ICANON and time.monotonic() < deadline:
            time.sleep(0.01)
        os.write(self.screen, keys)

    def interrupt(self, text: bytes) -> None:
        """Repeat Ctrl-C until it answers: input() misses one between printing its question and reading."""
        start, deadline = len(self.output), time.monotonic() + 60
        while text not in self.output[start:] and time.monotonic() < deadline:
            os.write(self.screen, b"\x03")
            while text not in self.output[start:] and select.select([self.screen], [], [], 5)[0]:
                self.output += os.read(self.screen, 4096)
        assert text in self.output[start:]

    def wait(self) -> int:
        code = self.process.wait(60)
        assert termios.tcgetattr(self._slave) == self.modes  # unchanged
        os.close(self.screen)
        os.close(self._slave)
        return code
