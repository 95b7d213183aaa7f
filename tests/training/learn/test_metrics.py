from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.errors import ModelError, OutOfRoom
from training.learn.finetune import Step
from training.learn.metrics import Metrics


def step(number: int) -> Step:
    return Step(number, 5, 1 / number, tokens=10, rate=0.1)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_there_as_soon_as_its_step_is_done(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        metrics.add(step(1), seconds=0.5)

        assert lines(path) == [
            {"kind": "step", "number": 1, "of": 5, "loss": 1.0, "tokens": 10}
            | {"held_out": None, "rate": 0.1, "said": "", "seconds": 0.5}
        ]


def test_the_end_is_a_line_of_its_own(tmp_path: Path) -> None:
    with Metrics(tmp_path / "metrics.jsonl") as metrics:
        metrics.add(step(1), seconds=0.5)
        content = metrics.end({"figures": {"bits_per_character": 2.0}})

    assert json.loads(content.splitlines()[-1]) == {"kind": "end", "figures": {"bits_per_character": 2.0}}
    assert content == (tmp_path / "metrics.jsonl").read_bytes()


def test_lines_of_a_killed_run_after_its_checkpoint_are_written_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        for number in (1, 2, 3):
            metrics.add(step(number), seconds=float(number))
    with path.open("a") as file:
        file.write('{"kind": "step", "num')  # killed here

    with Metrics(path) as metrics:
        metrics.add(step(3), seconds=0.25)

    assert [(line["number"], line["seconds"]) for line in lines(path)] == [(1, 1.0), (2, 2.0), (3, 2.25)]
    assert [each.number for each in metrics.steps] == [1, 2, 3]
    assert metrics.seconds == 2.25


def test_a_resumed_run_that_is_killed_at_once_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        for number in (1, 2):
            metrics.add(step(number), seconds=float(number))
    (tmp_path / "metrics.jsonl.half").mkdir()  # as if the disk took no more

    with Metrics(path) as metrics, pytest.raises(OSError, match="directory"):
        metrics.add(step(3), seconds=0.25)

    assert [line["number"] for line in lines(path)] == [1, 2]


def test_a_full_disk_is_reported() -> None:
    with Metrics(Path("/dev/full")) as metrics, pytest.raises(OutOfRoom, match="full cannot be written: make room"):
        metrics.add(step(1), seconds=0.5)


def test_another_failure_is_not_taken_for_a_full_disk() -> None:
    with Metrics(Path("/proc/self/mem")) as metrics, pytest.raises(ModelError, match=r"cannot be written \(Input"):
        metrics.add(step(1), seconds=0.5)


def test_a_new_run_has_no_lines_of_another(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for _ in range(2):
        with Metrics(path) as metrics:
            metrics.add(step(1), seconds=1.0)

    assert len(lines(path)) == 1


@pytest.mark.parametrize(
    "left", [b"\0\0\0\n", b"\xff\xfe\n", b"[]\n5\n", b'{"kind": "step"}\n'], ids=["zeros", "no text", "other", "less"]
)
def test_a_line_cut_by_a_power_failure_is_ignored(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as metrics:
        metrics.add(step(1), seconds=1.0)
    path.write_bytes(path.read_bytes() + left)

    with Metrics(path) as metrics:
        metrics.add(step(2), seconds=0.5)

    assert [(line["number"], line["seconds"]) for line in lines(path)] == [(1, 1.0), (2, 1.5)]
