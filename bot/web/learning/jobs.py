"""What the page has `mynah` do in processes of its own: imports, trainings, plans, blind tests.

They are the commands themselves, so that their memory is not the page's, and that their sentences are the same. A
training goes on when the page ends.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.commands import opening
from bot.commands.model import training_log
from bot.errors import Busy, MynahError
from bot.text.visible import visible
from bot.web.learning.blind import BlindSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.requests import Request

    from bot.commands.model.training_log import Training
    from bot.web.site import Site

UPLOADS = "uploads"  # folder in the state folder for files that are being imported
ERRORS = "training.err"  # what a training that the page began has written to standard error
SECONDS = 3_600.0  # that a command may take
LONGEST_OUTPUT = 20_000  # characters
PREFIX = "mynah: "


class Output(NamedTuple):
    out: str
    err: str


class Plan:
    """`mynah retrain --plan`, on a thread of its own; `lines` is None until it ends."""

    def __init__(self, jobs: Jobs) -> None:
        self.lines: list[str] | None = None
        self.problem = ""
        threading.Thread(target=self._make, args=[jobs], name="plan", daemon=True).start()

    def _make(self, jobs: Jobs) -> None:
        try:
            output = jobs.run("retrain", "--plan")
            self.lines = output.out.splitlines() or [output.err.strip().removeprefix(PREFIX)]
        except (MynahError, OSError) as error:
            self.lines, self.problem = [], str(error)


class Jobs:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._training: subprocess.Popen[bytes] | None = None
        self._library: tuple[object, list[dict[str, Any]]] | None = None
        self.plan: Plan | None = None
        self.blind: BlindSession | None = None
        shutil.rmtree(self.uploads, ignore_errors=True)  # of a page that was killed

    @property
    def uploads(self) -> Path:
        return self._site.state_dir.root / UPLOADS

    def command(self, *words: str) -> list[str]:
        return [*opening.own_command(self._site.args), *words]

    def run(self, *words: str) -> Output:
        """Run a command to its end. What it says in an error becomes an error with the same sentence."""
        done = subprocess.run(  # noqa: S603  our own program; no shell
            self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
        out, err = (text.decode("utf-8", "replace")[-LONGEST_OUTPUT:] for text in (done.stdout, done.stderr))
        if done.returncode:
            raise MynahError(_sentence(err) or out.strip() or f"`mynah {words[0]}` ended with {done.returncode}")
        return Output(out, err)

    # The library

    def library(self, *, wait: bool = True) -> list[dict[str, Any]] | None:
        """The rows of `mynah library --json`; None where they have to be counted first and nobody waits for that."""
        key = self._library_key()
        with self._lock:
            if self._library and self._library[0] == key:
                return self._library[1]
        if not wait:
            return None
        rows = [json.loads(line) for line in self.run("library", "--json").out.splitlines()]
        with self._lock:
            self._library = key, rows
        return rows

    def _library_key(self) -> object:
        settings, path = self._site.settings, self._site.state_dir.library
        status = path.stat() if path.exists() else None
        about = settings.training, settings.screen, settings.posting
        return about, (status.st_mtime_ns, status.st_size) if status else None

    # Trainings

    def training(self) -> Training | None:
        """The newest training, whoever began it; one that has just been begun here has written nothing yet."""
        training = training_log.read(self._site.state_dir.root / training_log.FILE)
        child = self._training
        if child is None or (training and (training.is_running or training.pid == child.pid)):
            return training
        if child.poll() is None:
            return training_log.Training(is_running=True)
        if child.returncode:
            why = _sentence((self._site.state_dir.root / ERRORS).read_text(errors="replace")[-LONGEST_OUTPUT:])
            return training_log.Training(is_running=False, outcome="failed", why=(why,))
        return training

    def train(self, *, consent: str | None = None, begin: str = "base") -> None:
        """Begin a training; it goes on without the page."""
        from training import private_files

        with self._lock:
            training = self.training()
            if training and training.is_running:
                raise Busy("a training is at work already: wait until it has finished")
            words = ["retrain", f"--from={begin}", *([] if consent is None else [f"--consent={consent}"])]
            path = self._site.state_dir.root / ERRORS
            private_files.write(path, b"")
            with os.fdopen(private_files.open_regular(path, os.O_WRONLY), "wb") as errors:
                self._training = subprocess.Popen(  # noqa: S603  our own program; no shell
                    self.command(*words),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )

    def stop(self) -> None:
        """Interrupt the training, as Ctrl-C would; the next one goes on from its last checkpoint."""
        import signal

        training = self.training()
        if training is None or not training.is_running or not training.pid:
            raise MynahError("no training is at work")
        os.kill(training.pid, signal.SIGINT)

    # Others

    def begin_plan(self) -> None:
        if self.plan is None or self.plan.lines is not None:
            self.plan = Plan(self)

    def begin_blind_test(self, version: str) -> None:
        if self.blind:
            self.blind.close()
        picture = self.uploads / "blindtest.png"
        self.uploads.mkdir(mode=0o700, exist_ok=True)
        self.blind = BlindSession(
            self.command("blindtest", version, "--json", f"--picture={picture}"), version, picture
        )


def _sentence(errors: str) -> str:
    """What a command says at its end, which may have several lines."""
    lines = visible(errors).strip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(PREFIX)]
    if not starts:
        return lines[-1] if lines else ""
    return "\n".join(line.removeprefix(PREFIX) for line in lines[starts[-1] :])


def arguments_of(values: Sequence[tuple[str, str]]) -> list[str]:
    """Options with their values in one word, so that a value is never taken for an option."""
    return [f"{name}={value}" for name, value in values if value]


def jobs(request: Request) -> Jobs:
    work: Jobs = request.app.state.jobs
    return work
