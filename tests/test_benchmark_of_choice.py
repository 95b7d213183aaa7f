"""The benchmark of the score computes its figures correctly."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.rounds.score import WEIGHTS
from training.models import model_dir
from training.profile import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def choice(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(PROGRAMS)
    return importlib.import_module("choice")


def test_the_program_prints_a_table_and_weights(
    choice: Any,
    model_folder: Path,
    sayings: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    tokenizer = model_dir.load(folder, device="cpu").tokenizer
    (folder / vocabulary.FILE).write_bytes(vocabulary.collect(["The train was late."], tokenizer))
    tweets = [f"{saying} Number {number} says so." for number in range(12) for saying in sayings]
    (folder / "texts.json").write_text(json.dumps({"train": tweets[:-40], "held_out": tweets[-40:]}))
    drafts = [f"The train number {number} was late, says {saying[:20]}." for number in range(22) for saying in sayings]
    (folder / "drafts.json").write_text(
        json.dumps([{"text": text, "likelihood": -3.0, "finished": True} for text in drafts])
    )
    monkeypatch.setattr(choice, "WEIGHT_CHOICES", ((6, 4), (0,), (2,), (0, 1), (2, 3), (0, 1)))

    choice.measure(choice._parser().parse_args([str(folder), "--fit"]))

    output = capsys.readouterr().out
    assert all(f"{how} {name}" in output for name in WEIGHTS for how in ("by", "without"))
    assert "person 0.6" in output


def test_all_lengths_have_as_many_turns(choice: Any) -> None:
    turns = [(0.5 + number * choice.GOLDEN) % 1 for number in range(64)]

    assert all(sum(low <= turn < low + 0.25 for turn in turns) in {15, 16, 17} for low in (0, 0.25, 0.5, 0.75))
