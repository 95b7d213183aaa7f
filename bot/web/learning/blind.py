"""A blind test on the page: `mynah blindtest --json` asks its questions, and the page passes on the answers."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bot.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANSWERS = ("person", "bot")


class BlindSession:
    """One reader's test. `question` is None until the bot has written its posts, and again at the end."""

    def __init__(self, command: Sequence[str], version: str, picture: Path) -> None:
        self.version = version
        self.question: dict[str, Any] | None = None
        self.result: dict[str, Any] | None = None
        self.problem = ""
        self.picture = b""
        self._picture_file = picture
        self._answered = 0
        self._changed = threading.Condition()
        self._process = subprocess.Popen(  # noqa: S603  our own program; no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        threading.Thread(target=self._read, name="blindtest", daemon=True).start()

    def answer(self, number: int, answer: str, *, patience: float = 5.0) -> None:
        """Answer a question, and wait for the next; an answer to another one than is asked changes nothing."""
        if answer not in ANSWERS:
            raise MynahError("say whether the person or the bot wrote it")
        with self._changed:
            if self.question is None or self.question["number"] != number or self._answered >= number:
                return
            self._answered = number
            assert self._process.stdin is not None  # noqa: S101  it is a pipe
            try:
                self._process.stdin.write(f"{answer}\n".encode())
                self._process.stdin.flush()
            except OSError:
                return  # it has ended, and `problem` says why
            self._changed.wait_for(lambda: self._answered < self._number() or self.is_over, patience)

    @property
    def is_over(self) -> bool:
        return self.result is not None or bool(self.problem)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _number(self) -> int:
        return int(self.question["number"]) if self.question else 0

    def _read(self) -> None:
        """Pass on what the command says, until it ends."""
        process = self._process
        assert process.stdout is not None  # noqa: S101  both are pipes
        assert process.stderr is not None  # noqa: S101
        errors: list[bytes] = []
        listener = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
        listener.start()
        result = None
        for line in process.stdout:
            with suppress(ValueError):
                row = json.loads(line)
                if "meaning" in row:
                    result = row
                    continue
                with self._changed:
                    self.question = row
                    self._changed.notify_all()
        process.wait()
        listener.join()
        with self._changed:
            self.question = None
            with suppress(OSError):
                self.picture = self._picture_file.read_bytes()
                self._picture_file.unlink()
            if result is None or process.returncode:
                lines = b"".join(errors).decode("utf-8", "replace").strip().splitlines()
                self.problem = lines[-1].removeprefix("mynah: ") if lines else "the test has ended"
            self.result = result
            self._changed.notify_all()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                if pipe:
                    pipe.close()
