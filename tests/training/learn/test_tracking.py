from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from training.learn import tracking

ROOT = Path(__file__).parents[3]
STEPS = [
    SimpleNamespace(number=number, loss=3 - number / 10, rate=1e-4, tokens=99, held_out=None if number % 6 else 2.5)
    for number in range(1, 13)
]
RUN = tracking.TrackedRun(handle="stationmynah", base="tiny", choices={}, recipe={}, counts={}, texts=["crumb"])
needs_wandb = pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")

# A whole training's calls, in a process of its own: wandb leaves threads and a service behind until a process ends.
# What it wrote is then read back with wandb's own description of its records.
FOLLOW = """
import json, struct, sys
from pathlib import Path
from types import SimpleNamespace
from training.learn import tracking

folder, options, steps = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
model = folder / "20261121T100000Z-0000"
model.mkdir()
(model / "model.safetensors").write_bytes(b"weights")
(model / "README.md").write_text("# a card")
warnings = []
tracker = tracking.wandb_tracker(folder=folder / "wandb", project="mynah", warn=warnings.append, **options)
run = tracking.TrackedRun(
    handle="stationmynah",
    base="gpt2",
    choices={"version": "0.1.0", "handle": "stationmynah", "seed": 3},
    recipe={"recipe": {"epochs": 4}, "model": {"n_layer": 2}},
    counts={"stationmynah": {"downloaded": 9, "kept": 2}},
    texts=["A warm crumb on platform four.", "The croissant is mine."],
)
tracker.begin(run)
for step in steps:
    tracker.step(SimpleNamespace(**step))
examples = [("My dream is", "a warm crumb"), ("Today", "the gull paid")]
tracker.save(model, figures={"bits_per_character": 1.5}, examples=examples)
tracker.finish()

def records(path):
    from wandb.proto import wandb_internal_pb2
    data, place, part = path.read_bytes(), 7, b""
    while place < len(data):
        if (left := 32768 - place % 32768) < 7:  # blocks of 32 KiB; no head is cut in two
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, place)
        part += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            part = b""
            yield record

def items(of):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in of}

runs = []
for path in sorted((folder / "wandb").rglob("*.wandb")):
    run = {"history": [], "artifacts": [], "summary": {}}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run |= {"name": record.run.display_name, "job": record.run.job_type, "project": record.run.project}
            run["config"] = items(record.run.config.update)
            run["host"] = record.run.host
        elif kind == "history":
            run["history"].append(items(record.history.item))
        elif kind == "summary":
            run["summary"] |= items(record.summary.update)
        elif kind == "exit":
            run["exit"] = record.exit.exit_code
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            artifact = record.request.log_artifact.artifact
            run["artifacts"].append(artifact)
        elif kind == "artifact":
            run["artifacts"].append(record.artifact)
    run["artifacts"] = [
        {
            "name": one.name, "type": one.type, "metadata": json.loads(one.metadata or "{}"),
            "files": {entry.path: entry.ref for entry in one.manifest.contents},
        }
        for one in run["artifacts"]
    ]
    runs.append(run)
print(json.dumps({"runs": runs, "warnings": warnings}))
"""


def run_tracker(folder: Path, environment: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
    """The runs by job, the warnings, and all bytes that wandb wrote."""
    home = folder / "home"
    home.mkdir()
    clean = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    process = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(folder), json.dumps(options), json.dumps([vars(step) for step in STEPS])],
        env={**clean, "HOME": str(home), "OMP_NUM_THREADS": "1", **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[:-1] == []  # the terminal is ours
    result = json.loads(lines[-1])
    left = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return {"warnings": result["warnings"], "left": left, **{run.get("job"): run for run in result["runs"]}}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_tracker(tmp_path_factory.mktemp("offline"), offline=True)


@needs_wandb
def test_there_are_two_runs_named_as_the_references(offline: dict[str, Any]) -> None:
    assert offline["warnings"] == []
    assert offline["preprocess"]["name"] == "@stationmynah-preprocess"
    assert offline["train"]["name"] == "@stationmynah-train"
    assert {offline[job]["project"] for job in ("preprocess", "train")} == {"mynah"}
    assert {offline[job]["exit"] for job in ("preprocess", "train")} == {0}


@needs_wandb
def test_the_configuration_is_in_both(offline: dict[str, Any]) -> None:
    assert offline["preprocess"]["config"]["seed"] == 3
    assert offline["preprocess"]["config"]["handle"] == "stationmynah"
    assert offline["train"]["config"]["recipe"] == {"epochs": 4}
    assert offline["train"]["config"]["uses"] == {"train-dataset": "dataset-stationmynah", "pretrained-model": "gpt2"}


@needs_wandb
def test_every_step_has_its_loss(offline: dict[str, Any]) -> None:
    losses = {row["_step"]: row["loss"] for row in offline["train"]["history"] if "loss" in row}
    evaluations = [row["_step"] for row in offline["train"]["history"] if "held_out" in row]

    assert losses == {step.number: step.loss for step in STEPS}
    assert evaluations == [6, 12]


@needs_wandb
def test_the_dataset_is_counted_but_not_sent(offline: dict[str, Any]) -> None:
    [dataset] = offline["preprocess"]["artifacts"]

    assert (dataset["name"], dataset["type"]) == ("dataset-stationmynah", "train-dataset")
    assert dataset["metadata"]["stationmynah"]["kept"] == 2
    assert list(dataset["files"]) == ["counts.json"]
    assert b"croissant" not in offline["left"]


@needs_wandb
def test_the_model_is_named_but_not_sent(offline: dict[str, Any]) -> None:
    model = next(one for one in offline["train"]["artifacts"] if one["type"] == "finetuned-model")

    assert model["name"] == "stationmynah"
    assert set(model["files"]) == {"model.safetensors", "README.md"}
    assert all(reference.startswith("file:///") for reference in model["files"].values())
    assert model["metadata"]["bits_per_character"] == 1.5
    assert offline["train"]["summary"]["bits_per_character"] == 1.5


@needs_wandb
def test_the_examples_are_a_table(offline: dict[str, Any]) -> None:
    summary = offline["train"]["summary"]

    assert (summary["examples/nrows"], summary["examples/ncols"]) == (2, 2)
    assert b'"columns": ["Input", "Prediction"]' in offline["left"]
    assert b"the gull paid" in offline["left"]


@needs_wandb
def test_neither_the_machine_nor_its_user_is_named(offline: dict[str, Any]) -> None:
    assert [offline[job]["host"] for job in ("preprocess", "train")] == ["", ""]
    assert b"wandb-metadata.json" not in offline["left"]


@needs_wandb
def test_tweets_are_sent_on_request(tmp_path: Path) -> None:
    sent = run_tracker(tmp_path, offline=True, share_tweets=True)

    assert set(sent["preprocess"]["artifacts"][0]["files"]) == {"counts.json", "tweets.jsonl"}
    assert b'{"text": "The croissant is mine."}' in sent["left"]


@needs_wandb
def test_without_a_key_it_warns_once_and_does_not_prompt(tmp_path: Path) -> None:
    result = run_tracker(tmp_path, {"WANDB_BASE_URL": "http://127.0.0.1:9"})

    assert len(result["warnings"]) == 1
    assert "wandb login" in result["warnings"][0]


@needs_wandb
def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "wandb").write_text("a file")

    result = run_tracker(tmp_path, offline=True)

    assert len(result["warnings"]) == 1
    assert str(tmp_path) in result["warnings"][0]


def test_a_missing_package_is_one_sentence_that_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()  # wandb leaves such folders behind; they are no package
    code = (
        f"import sys; from pathlib import Path; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]\n"
        "from training import errors; from training.learn import tracking\n"
        "try: tracking.wandb_tracker(folder=Path('x'), project='mynah', warn=print)\n"
        "except errors.TrainingError as error: print(error)"
    )

    process = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert process.stdout.startswith("tracking.wandb is on but wandb is not installed: ")
    assert "pip install" in process.stdout
    assert process.stdout.count("\n") == 1


class Stuck:
    """A service that takes a call and does not return until it is released."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.share_tweets, self.offline = folder, False, True
        self.released = threading.Event()

    def open(self, name: str, job_type: str, config: object) -> Any:
        self.released.wait()
        raise ConnectionError("gone")


def test_a_service_that_hangs_does_not_delay_the_training(tmp_path: Path) -> None:
    warnings: list[str] = []
    stuck = Stuck(tmp_path)
    tracker = tracking.WandbTracker(stuck, warnings.append, backlog=5, timeout_s=0.01)

    tracker.begin(RUN)
    for step in STEPS:
        tracker.step(step)
    tracker.finish()
    tracker.step(STEPS[0])
    stuck.released.set()

    assert len(warnings) == 1
    assert "too slow" in warnings[0]


def test_a_service_that_fails_gets_no_more_requests(tmp_path: Path) -> None:
    warnings: list[str] = []
    failing = Stuck(tmp_path)
    failing.released.set()
    tracker = tracking.WandbTracker(failing, warnings.append)

    tracker.begin(RUN)
    tracker.finish()

    assert len(warnings) == 1
    assert "the training goes on: gone" in warnings[0]
    assert str(tmp_path) in warnings[0]


def test_a_service_that_does_not_finish_is_abandoned(tmp_path: Path) -> None:
    warnings: list[str] = []
    stuck = Stuck(tmp_path)
    tracker = tracking.WandbTracker(stuck, warnings.append, timeout_s=0.01)

    tracker.begin(RUN)
    tracker.finish(failed=True)
    stuck.released.set()

    assert len(warnings) == 1
    assert "does not answer" in warnings[0]


def test_a_silent_tracker_has_every_callback_and_does_nothing() -> None:
    with tracking.SILENT as tracker:
        tracker.begin(RUN)
        tracker.step(STEPS[0])
        tracker.save(Path("nowhere"), figures={}, examples=[])
        tracker.finish(failed=True)

    callbacks = {name for name in vars(tracking.Tracker) if not name.startswith("_")}
    assert callbacks == {"begin", "step", "save", "finish"}
    assert callbacks <= set(vars(tracking.WandbTracker))


@pytest.mark.parametrize(
    ("name", "plain"),
    [("gpt2", "gpt2"), ("EleutherAI/gpt-neo-125m", "EleutherAI-gpt-neo-125m"), ("/a b/ü", "a-b"), ("??", "model")],
)
def test_artifacts_have_names_that_wandb_allows(name: str, plain: str) -> None:
    assert tracking._plain(name) == plain
