"""The benchmark of the score computes its figures correctly."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.rounds.score import WEIGHTS
from bot.values import Draft
from training.models import model_dir
from training.profile import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def choice(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(PROGRAMS)
    return importlib.import_module("choice")


def test_the_area_is_the_share_of_pairs_in_the_right_order(choice: Any) -> None:
    person = [choice.Scored(Draft(""), {"likely": value}) for value in (0.9, 0.5)]
    model = [choice.Scored(Draft(""), {"likely": value}) for value in (0.5, 0.1, 0.95)]

    assert choice.area(person, model, {"likely": 1.0}) == pytest.approx((2 + 1.5) / 6)


def test_the_known_words_are_those_of_the_tweets_and_of_the_files(choice: Any, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("The train was late.\n")
    texts = ["The pigeon was late.", "The train was fimble.", "was the pigeon 7."]

    judge = choice.Judge(texts, ["A pigeon was here."], [], [tmp_path / "words.txt"])

    assert [judge.non_words([text]) for text in texts] == [0, 1, 0]
    assert judge._odd_pairs == {
        ("the", "pigeon"), ("was", "fimble"), ("fimble", "."), ("was", "the"), ("pigeon", "7"), ("7", "."),
    }  # fmt: skip


@pytest.mark.parametrize(
    "options", [["--fit"], ["--sweep", "--temperatures", "1", "--top-ps", "0.9"]], ids=["fit", "sweep"]
)
def test_the_program_prints_its_tables(
    choice: Any,
    options: Sequence[str],
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    tokenizer = model_dir.load(folder, device="cpu").tokenizer
    (folder / vocabulary.FILE).write_bytes(vocabulary.collect(["The train was late."], tokenizer))
    (tmp_path / "words.txt").write_text("The train was late.\n")
    arguments = [str(folder), "--texts", str(tmp_path / "words.txt"), "--drafts", "64", *options]

    choice.measure(choice._parser().parse_args(arguments))

    output = capsys.readouterr().out
    assert "AUC" in output or "top_p 0.90 chosen" in output
    assert all(f"by {name} alone" in output for name in WEIGHTS) or "--sweep" in options
