"""The programs that measure training run, and the reference that they measure against is the published recipe."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS = Path(__file__).parents[1] / "benchmarks"
SIDES = ("reference", "dry", "short", "ours", "eighth")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program of benchmarks/ by name; it can import the files next to it."""
    monkeypatch.syspath_prepend(PROGRAMS)
    return importlib.import_module


@pytest.fixture
def toy(program: Any, sayings: Sequence[str]) -> tuple[Any, Any]:
    return program("training_speed").load("toy", sayings)


def test_the_reference_trains_on_every_text_four_times_in_one_sequence(
    program: Any, toy: tuple[Any, Any], sayings: Sequence[str]
) -> None:
    _, tokenizer = toy

    blocks = program("reference").blocks(tokenizer, sayings, block=8, seed=1)

    decoded = tokenizer.decode([int(token) for block in blocks for token in block])
    assert {len(block) for block in blocks} == {8}
    assert decoded.startswith("<|endoftext|>")
    assert len(decoded.split("<|endoftext|>")) in {4 * len(sayings), 4 * len(sayings) + 1}  # the last block may be lost
    assert {decoded.count(text) for text in sayings} <= {3, 4}


def test_the_learning_rate_of_the_reference_follows_a_cosine_with_a_plain_optimizer(
    program: Any, toy: tuple[Any, Any], sayings: Sequence[str]
) -> None:
    from transformers import TrainerCallback

    steps_: list[tuple[float, str, bool]] = []

    class Monitor(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, optimizer: Any, **__: Any) -> None:
            group = optimizer.param_groups[0]
            steps_.append((group["lr"], type(optimizer.optimizer).__name__, bool(group["fused"])))

    reference = program("reference")
    model, tokenizer = toy
    blocks = reference.blocks(tokenizer, sayings, block=16, seed=1)

    reference.train(model, blocks, reference.Reference(block=16), seed=1, watch=[Monitor()])

    rates = [
        reference.LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step_ / len(blocks)))
        for step_ in range(1, len(blocks) + 1)
    ]
    assert [rate for rate, *_ in steps_] == pytest.approx(rates, abs=1e-9)
    assert {(name, fused) for _, name, fused in steps_} == {("AdamW", False)}


@pytest.mark.parametrize("side", SIDES)
def test_the_speed_benchmark_runs_each_side(program: Any, side: str) -> None:
    speed = program("training_speed")
    arguments = speed._parser().parse_args(["--model", "toy", "--seconds", "0", "--threads", "1", "--turn", side])

    turn = speed.Turn(**speed.take_turn(side, arguments))

    assert turn.steps == 1
    assert turn.tokens > 0
    assert turn.speed > 0
    assert turn.peak > 100 * 2**20  # in bytes: torch alone is more


def test_the_quality_benchmark_prints_a_line_for_each_training(
    program: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = program("training_quality")
    arguments = quality._parser().parse_args(["--model", "toy", "--tokens", "512", "--threads", "1"])

    quality.compare(quality.SAMPLE, arguments)

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("untouched", "ref", "mynah"))]
    assert len(lines) == 4
    assert all(0 < float(line[46:].split()[0]) < 20 for line in lines)
