"""Work that needs torch, such as a first training: in processes of its own, one at a time, at a low priority."""

from __future__ import annotations

import queue
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.stdlib import BoundLogger

NICENESS = "10"  # the rounds of the other bots come first
LONGEST = 300  # characters of a child's last line that are kept


@dataclass
class Work:
    """A command and what became of it: `why_failed` is None while it waits or runs, and empty after success."""

    words: Sequence[str]
    why_failed: str | None = None


class Children:
    """Runs commands one after the other; asking again for one that waits, runs or has ended changes nothing."""

    def __init__(self, log: BoundLogger) -> None:
        self._log = log
        self._works: dict[str, Work] = {}
        self._waiting: queue.Queue[tuple[str, Work] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def ask(self, name: str, words: Sequence[str]) -> Work:
        """The work of that name; it is begun if it is new."""
        with self._lock:
            if name not in self._works and not self._is_closed:
                self._works[name] = Work(words)
                self._waiting.put((name, self._works[name]))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="children", daemon=True)
                    self._thread.start()
            return self._works.get(name, Work(words))

    def close(self) -> None:
        """End the work in progress; a training continues from its last checkpoint another time."""
        with self._lock:
            self._is_closed = True
            if self._process:
                self._process.terminate()
        self._waiting.put(None)
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while item := self._waiting.get():
            name, work = item
            with self._lock:
                if self._is_closed:
                    return
                self._process = subprocess.Popen(  # noqa: S603  this program itself
                    ["nice", "-n", NICENESS, *work.words],  # noqa: S607  of the system
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    text=True, errors="replace",
                )  # fmt: skip
            self._log.info("work.begun", work=name)
            output, _ = self._process.communicate()
            with self._lock:
                code, self._process = self._process.returncode, None
            lines = [line for line in output.splitlines() if line.strip()] or [f"exit code {code}"]
            work.why_failed = visible(lines[-1][:LONGEST]) if code else ""
            self._log.info("work.ended", work=name, exit_code=code, detail=work.why_failed)
