"""Callbacks that follow a training: none by default, or Weights & Biases. Only this file imports wandb.

The calls to wandb run on a thread of their own, so that a slow or broken service can neither stop nor slow a
training; what went wrong is reported once. The caller decides what may be sent.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from training import installation
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training.learn.finetune import Step

_BACKLOG = 20_000  # calls that may wait for a slow service; a training has some thousand steps
_TIMEOUT_S = 120.0  # for everything left to do after the training
_UPLOAD_S = 60  # of these, for the last upload
_START_S = 30.0  # for a run to open


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What a tracker is told of a training before its first step."""

    handle: str
    base: str
    choices: Mapping[str, Any]  # which tweets were taken, and how they were cleaned
    recipe: Mapping[str, Any]
    counts: Mapping[str, Any]  # tweets of each author, and of the training and held-out texts
    texts: Sequence[str]  # the training texts


class Tracker:
    """Callbacks of a training, in this order; these do nothing. Every one returns at once and never raises."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.finish(failed=error is not None)

    def begin(self, run: TrackedRun) -> None:
        pass

    def step(self, step: Step) -> None:
        pass

    def save(self, folder: Path, *, figures: Mapping[str, Any], examples: Sequence[tuple[str, str]]) -> None:
        """The new version is written; `examples` are prompts and what the model made of them."""

    def finish(self, *, failed: bool = False) -> None:
        """Called however the training ends; may wait for a last upload, but not long."""


SILENT = Tracker()


def wandb_tracker(
    *,
    folder: Path,
    project: str,
    entity: str = "",
    offline: bool = False,
    share_tweets: bool = False,
    warn: Callable[[str], None],
) -> Tracker:
    """Runs named as huggingtweets named its own. Offline only writes into `folder`, for `wandb sync` to send later."""
    spec = importlib.util.find_spec("wandb")
    if spec is None or spec.origin is None:  # no origin: only a folder named wandb, such as wandb's own output folder
        raise TrainingError(f"tracking.wandb is on but wandb is not installed: {installation.command('wandb')}.")
    return WandbTracker(_Destination(folder, project, entity, offline=offline, share_tweets=share_tweets), warn)


@dataclass(frozen=True, slots=True)
class _Destination:
    """Where runs are sent, and whether tweets may be sent too."""

    folder: Path
    project: str
    entity: str
    offline: bool
    share_tweets: bool

    def open(self, name: str, job_type: str, config: Mapping[str, Any]) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        # wandb takes these from the environment only: no crash reports to its makers, no files outside our folder.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        os.environ.setdefault("WANDB_DATA_DIR", str(self.folder / "data"))
        os.environ.setdefault("WANDB_CACHE_DIR", str(self.folder / "cache"))
        import wandb

        if not self.offline and not wandb.login(prompt=False):
            raise RuntimeError("no key; run `wandb login`, or set tracking.offline = true")
        return wandb.init(
            project=self.project,
            entity=self.entity or None,
            name=name,
            job_type=job_type,
            config=dict(config),
            dir=str(self.folder),
            mode="offline" if self.offline else "online",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",  # the progress bar is ours
                init_timeout=_START_S,
                finish_timeout=_UPLOAD_S,
                # Nothing about the machine and its user; only the artifact's references name the model's folder.
                host="",
                x_disable_meta=True,
                x_disable_stats=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
                disable_git=True,
                disable_code=True,
                save_code=False,
            ),
        )


class WandbTracker(Tracker):
    """Puts each call on a queue; one thread takes them off and talks to wandb."""

    def __init__(
        self,
        destination: _Destination,
        warn: Callable[[str], None],
        *,
        backlog: int = _BACKLOG,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._destination, self._warn, self._timeout_s = destination, warn, timeout_s
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue(backlog)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._run: Any = None
        self._handle = ""

    def begin(self, run: TrackedRun) -> None:
        self._put(lambda: self._begin(run))

    def step(self, step: Step) -> None:
        row = {"loss": step.loss, "rate": step.rate, "tokens": step.tokens, "held_out": step.held_out}
        row = {key: value for key, value in row.items() if value is not None and math.isfinite(value)}
        self._put(lambda: self._run.log(row, step=step.number))

    def save(self, folder: Path, *, figures: Mapping[str, Any], examples: Sequence[tuple[str, str]]) -> None:
        rows = [list(example) for example in examples]
        self._put(lambda: self._save(folder, dict(figures), rows))

    def finish(self, *, failed: bool = False) -> None:
        if not self._thread:
            return
        self._put(lambda: self._finish(int(failed)))
        self._put(None)
        self._thread.join(self._timeout_s)
        if self._thread.is_alive():
            self._give_up("it does not answer")
        self._thread = None

    def _put(self, call: Callable[[], Any] | None) -> None:
        if self._stopped.is_set():
            return
        if not self._thread:
            # A daemon: a process that wants to end does not wait for a service.
            self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
            self._thread.start()
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._give_up("it is too slow")

    def _work(self) -> None:
        while not self._stopped.is_set() and (call := self._calls.get()) is not None:
            try:
                call()
            except Exception as error:  # noqa: BLE001  whatever the service does, the training goes on
                self._give_up(str(error).strip().split("\n")[0] or type(error).__name__)

    def _give_up(self, why: str) -> None:
        if not self._stopped.is_set():
            self._stopped.set()
            folder = self._destination.folder
            where = f"; what it has so far is in {folder}" if folder.is_dir() else ""
            self._warn(f"Weights & Biases is not followed any further, the training goes on: {why}{where}.")

    def _begin(self, run: TrackedRun) -> None:
        import wandb

        dataset = self._log_dataset(run)
        uses = {"train-dataset": f"dataset-{run.handle}", "pretrained-model": run.base}
        self._handle = run.handle
        self._run = self._destination.open(f"@{run.handle}-train", "train", {**run.recipe, "uses": uses})
        if not self._destination.offline:  # wandb notes what a run uses only once it has spoken to its server
            self._run.use_artifact(dataset)
            model = wandb.Artifact(_plain(run.base), type="pretrained-model", metadata={"name": run.base})
            self._run.use_artifact(model)

    def _log_dataset(self, run: TrackedRun) -> Any:
        """A run of its own, as huggingtweets had it."""
        import wandb

        preprocess = self._destination.open(f"@{run.handle}-preprocess", "preprocess", run.choices)
        metadata = {**run.choices, **run.counts}
        dataset = wandb.Artifact(f"dataset-{_plain(run.handle)}", type="train-dataset", metadata=metadata)
        files = {"counts.json": json.dumps(dict(run.counts), ensure_ascii=False, indent=1)}
        if self._destination.share_tweets:
            lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in run.texts)
            files["tweets.jsonl"] = "".join(lines)
        folder = Path(preprocess.dir).parent / "dataset"  # stays with an offline run until that is sent
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
            dataset.add_file(str(folder / name), policy="immutable", skip_cache=True)
        preprocess.log_artifact(dataset)
        preprocess.finish()
        return dataset

    def _save(self, folder: Path, figures: dict[str, Any], examples: list[list[str]]) -> None:
        import wandb

        self._run.summary.update(figures)
        metadata = {"folder": folder.name, **figures}
        model = wandb.Artifact(_plain(self._handle), type="finetuned-model", metadata=metadata)
        for path in sorted(folder.iterdir()):
            if path.is_file():
                model.add_reference(path.absolute().as_uri(), name=path.name)
        self._run.log_artifact(model)
        self._run.log({"examples": wandb.Table(columns=["Input", "Prediction"], data=examples)})

    def _finish(self, code: int) -> None:
        import wandb

        if self._run:
            self._run.finish(exit_code=code)
        wandb.teardown()  # its service writes the rest of a run to the disk and ends


def _plain(name: str) -> str:
    """As wandb allows names of artifacts: ASCII letters, digits and hyphens."""
    letters = (letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
    return "".join(letters).strip("-")[-120:] or "model"
