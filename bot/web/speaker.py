"""Asks the process that has the model (speaking.py), and starts it where there is none."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from bot.errors import Busy, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_KEPT = 20  # sets of predictions
LONGEST_QUEUE = 3  # sets that wait for the model
CRASHED = "the process with the model has ended: perhaps the memory of this machine is full; the log may say more"


@dataclass
class Predictions:
    """A prompt and what the model made of it, so far."""

    prompt: str
    seed: int
    number: int
    key: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    drafts: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def is_done(self) -> bool:
        return self.finished.is_set()


class Speaker:
    def __init__(self, command: Sequence[str]) -> None:
        """`command` starts the process."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()  # one request at a time
        self._kept: OrderedDict[str, Predictions] = OrderedDict()

    def predict(self, prompt: str, *, number: int, seed: int) -> Predictions:
        """Begin, and return at once; the drafts come one after another."""
        if sum(not one.is_done for one in self._kept.values()) >= LONGEST_QUEUE:
            raise Busy("the model is still speaking: wait until it has finished")
        made = Predictions(prompt, seed, number)
        self._kept[made.key] = made
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        threading.Thread(target=self._fill, args=[made], name="predictions", daemon=True).start()
        return made

    def predictions(self, key: str) -> Predictions | None:
        return self._kept.get(key)

    def newest(self) -> Predictions | None:
        return next(reversed(self._kept.values()), None)

    def picture(self, text: str, prompt: str) -> bytes:
        from base64 import b64decode

        for answer in list(self._ask({"kind": "picture", "text": text, "prompt": prompt})):  # to the end of the answer
            if "png" in answer:
                return b64decode(answer["png"])
            if "problem" in answer:
                raise ModelError(str(answer["problem"]))
        raise ModelError(CRASHED)

    def close(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what is left to send cannot be sent
                if pipe:
                    pipe.close()
        self._process = None

    def _fill(self, made: Predictions) -> None:
        try:
            request = {"kind": "drafts", "prompt": made.prompt, "number": made.number, "seed": made.seed}
            for answer in self._ask(request):
                if "problem" in answer:
                    made.problem = str(answer["problem"])
                elif "text" in answer:
                    made.drafts.append(answer)
        except (OSError, ModelError, ValueError) as error:
            made.problem = str(error)
        finally:
            made.finished.set()

    def _ask(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        line = json.dumps(request).encode() + b"\n"
        with self._turn:
            try:
                answers = self._say(line)
            except BrokenPipeError:  # the process has just ended, because nobody asked
                answers = self._say(line)
            for answer in map(json.loads, answers):
                if "end" in answer:
                    return
                yield answer
            raise ModelError(CRASHED)

    def _say(self, line: bytes) -> IO[bytes]:
        """Send a line to the process, which is started if need be; returns its answers."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own program
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None  # noqa: S101  it is a pipe
        assert answers is not None  # noqa: S101  it is a pipe
        try:
            requests.write(line)
            requests.flush()
        except BrokenPipeError:
            self.close()
            raise
        return answers
