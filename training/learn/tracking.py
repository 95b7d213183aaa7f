"""Following a training from outside: nobody by default, or Weights & Biases; alone imports wandb.

A tracker gets numbers and never answers: it works on a thread of its own, so that a slow or broken service can
neither stop nor slow a training, and it says once what went wrong. What it may send, its caller decides.
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
from typing import TYPE_CHECKING, Any, Protocol

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training.learn.finetune import Step

_BACKLOG = 20_000  # what may wait for a slow service; a training has some thousand steps
_PATIENCE = 120.0  # seconds for all that is left to do after the training
_UPLOAD = 60  # of them for the last upload
_START = 30.0  # seconds for a run to open


class Tracker(Protocol):
    """What happens in a training, in this order. Every method returns at once and never raises."""

    def preprocess(
        self, *, handle: str, config: Mapping[str, Any], counts: Mapping[str, Any], texts: Sequence[str]
    ) -> None:
        """The tweets are cleaned: how many of each author, and the texts that will be learnt."""

    def begin(self, *, handle: str, config: Mapping[str, Any], base: str) -> None: ...

    def step(self, step: Step) -> None: ...

    def model(self, folder: Path, *, figures: Mapping[str, Any]) -> None:
        """The new version is saved."""

    def examples(self, rows: Sequence[tuple[str, str]]) -> None:
        """Prompts and what the model made of them."""

    def finish(self, *, failed: bool = False) -> None:
        """Always, whatever happened; it waits for a last upload, but not long."""


class _Silent:
    def preprocess(
        self, *, handle: str, config: Mapping[str, Any], counts: Mapping[str, Any], texts: Sequence[str]
    ) -> None:
        pass

    def begin(self, *, handle: str, config: Mapping[str, Any], base: str) -> None:
        pass

    def step(self, step: Step) -> None:
        pass

    def model(self, folder: Path, *, figures: Mapping[str, Any]) -> None:
        pass

    def examples(self, rows: Sequence[tuple[str, str]]) -> None:
        pass

    def finish(self, *, failed: bool = False) -> None:
        pass


SILENT: Tracker = _Silent()


def wandb_tracker(
    *,
    folder: Path,
    project: str,
    entity: str = "",
    offline: bool = False,
    share_tweets: bool = False,
    warn: Callable[[str], None],
) -> Tracker:
    """Runs as huggingtweets made them. Offline writes into `folder` alone, for `wandb sync` to send later."""
    found = importlib.util.find_spec("wandb")
    if found is None or found.origin is None:  # a mere folder of that name, which is what wandb leaves behind
        raise TrainingError('tracking.wandb is on but wandb is not installed: pip install "mynah-bot[wandb]".')
    place = _Place(folder, project, entity, offline=offline, share_tweets=share_tweets)
    return _Wandb(place, warn)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where runs go, and whether texts may."""

    folder: Path
    project: str
    entity: str
    offline: bool
    share_tweets: bool

    def open(self, name: str, job: str, config: Mapping[str, Any]) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        # wandb knows these by the environment only: no crash reports to its makers, nothing outside our folder.
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
            job_type=job,
            config=dict(config),
            dir=str(self.folder),
            mode="offline" if self.offline else "online",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",  # the progress bar is ours
                init_timeout=_START,
                finish_timeout=_UPLOAD,
                # What the machine is and who runs it is nobody's business; where the model lies, its references tell.
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


class _Wandb:
    """Puts each call on a queue; one thread takes them off and talks to wandb."""

    def __init__(
        self, place: _Place, warn: Callable[[str], None], *, backlog: int = _BACKLOG, patience: float = _PATIENCE
    ) -> None:
        self._place, self._warn, self._patience = place, warn, patience
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(backlog)
        self._thread: threading.Thread | None = None
        self._dead = threading.Event()
        self._run: Any = None
        self._handle = ""
        self._dataset: Any = None

    def preprocess(
        self, *, handle: str, config: Mapping[str, Any], counts: Mapping[str, Any], texts: Sequence[str]
    ) -> None:
        texts = tuple(texts) if self._place.share_tweets else ()
        self._put(lambda: self._preprocess(handle, dict(config), dict(counts), texts))

    def begin(self, *, handle: str, config: Mapping[str, Any], base: str) -> None:
        self._put(lambda: self._begin(handle, dict(config), base))

    def step(self, step: Step) -> None:
        said = {"loss": step.loss, "rate": step.rate, "tokens": step.tokens, "held_out": step.held_out}
        said = {key: value for key, value in said.items() if value is not None and math.isfinite(value)}
        self._put(lambda: self._run.log(said, step=step.number))

    def model(self, folder: Path, *, figures: Mapping[str, Any]) -> None:
        self._put(lambda: self._model(folder, dict(figures)))

    def examples(self, rows: Sequence[tuple[str, str]]) -> None:
        self._put(lambda: self._examples([list(row) for row in rows]))

    def finish(self, *, failed: bool = False) -> None:
        if not self._thread:
            return
        self._put(lambda: self._finish(int(failed)))
        self._put(None)
        self._thread.join(self._patience)
        if self._thread.is_alive():
            self._give_up("it does not answer")
        self._thread = None

    def _put(self, job: Callable[[], Any] | None) -> None:
        if self._dead.is_set():
            return
        if not self._thread:
            # A daemon: a process that wants to end does not wait for a service.
            self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._give_up("it is too slow")

    def _work(self) -> None:
        while not self._dead.is_set() and (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:  # noqa: BLE001  whatever a stranger's service does, the training goes on
                self._give_up(str(error).strip().split("\n")[0] or type(error).__name__)

    def _give_up(self, why: str) -> None:
        if not self._dead.is_set():
            self._dead.set()
            where = f"; what it has so far is in {self._place.folder}" if self._place.folder.is_dir() else ""
            self._warn(f"Weights & Biases is not followed any further, the training goes on: {why}{where}.")

    def _preprocess(self, handle: str, config: dict[str, Any], counts: dict[str, Any], texts: tuple[str, ...]) -> None:
        import wandb

        run = self._place.open(f"@{handle}-preprocess", "preprocess", config)
        self._dataset = wandb.Artifact(f"dataset-{_plain(handle)}", type="train-dataset", metadata={**config, **counts})
        files = {"counts.json": json.dumps(counts, ensure_ascii=False, indent=1)}
        if texts:
            files["tweets.jsonl"] = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        beside = Path(run.dir).parent / "dataset"  # stays with an offline run until that is sent
        beside.mkdir()
        for name, text in files.items():
            (beside / name).write_text(text, encoding="utf-8")
            self._dataset.add_file(str(beside / name), policy="immutable", skip_cache=True)
        run.log_artifact(self._dataset)
        run.finish()

    def _begin(self, handle: str, config: dict[str, Any], base: str) -> None:
        import wandb

        uses = {"train-dataset": f"dataset-{handle}", "pretrained-model": base}
        self._handle = handle
        self._run = self._place.open(f"@{handle}-train", "train", {**config, "uses": uses})
        if not self._place.offline:  # wandb cannot note what a run uses before it has spoken to its server
            if self._dataset:
                self._run.use_artifact(self._dataset)
            self._run.use_artifact(wandb.Artifact(_plain(base), type="pretrained-model", metadata={"name": base}))

    def _model(self, folder: Path, figures: dict[str, Any]) -> None:
        import wandb

        self._run.summary.update(figures)
        artifact = wandb.Artifact(
            _plain(self._handle), type="finetuned-model", metadata={"folder": folder.name, **figures}
        )
        for path in sorted(folder.iterdir()):
            if path.is_file():
                artifact.add_reference(path.absolute().as_uri(), name=path.name)
        self._run.log_artifact(artifact)

    def _examples(self, rows: list[list[str]]) -> None:
        import wandb

        self._run.log({"examples": wandb.Table(columns=["Input", "Prediction"], data=rows)})

    def _finish(self, code: int) -> None:
        import wandb

        if self._run:
            self._run.finish(exit_code=code)
        wandb.teardown()  # its service writes the last of a run to the disk, and ends


def _plain(name: str) -> str:
    """The few characters that the name of an artifact may have."""
    return (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")[-120:]
        or "model"
    )
