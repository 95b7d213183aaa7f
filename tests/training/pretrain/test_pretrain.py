from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.errors import TrainingError
from training.learn.batches import encode
from training.learn.finetune import mean_loss
from training.models.base_model import make_model, train_tokenizer
from training.models.model_dir import load
from training.pretrain.__main__ import main
from training.pretrain.pretrain import COOL_DOWN, mean_of, prepare, pretrain, share_of_rate
from training.pretrain.recipe import Pretraining
from training.recipe import Shape

if TYPE_CHECKING:
    from pathlib import Path

    from training.learn.finetune import Step

RECIPE = Pretraining(
    shape=Shape(vocabulary=300, context=64, layers=1, width=32, heads=2),
    steps=24,
    parts=2,
    part_tokens=64,
    warmup=4,
    pool=2,
    save_every=2,
    tokenizer_reads_every=1,
)


@pytest.fixture
def text(tmp_path: Path, sayings: tuple[str, ...]) -> Path:
    path = tmp_path / "sayings.txt"
    path.write_text("".join(f"{saying}\n" for saying in sayings), encoding="utf-8")
    return path


def run(
    text: Path, work: Path, *, steps: int | None = None, recipe: Pretraining = RECIPE, processes: int = 1
) -> tuple[Any, list[Step]]:
    """As `python -m training.pretrain pretrain` does; `steps`: the run is killed after so many."""
    tokenizer, files = prepare([text], work, recipe)
    model = make_model(tokenizer, recipe.shape, seed=0)
    lesson = pretrain(model, files, files, recipe, work=work, seed=0, processes=processes)
    return model, list(islice(lesson, steps))


def test_pretraining_on_a_small_text_makes_a_model_that_predicts_it(
    text: Path, tmp_path: Path, sayings: tuple[str, ...]
) -> None:
    model, steps = run(text, tmp_path / "work")
    tokenizer, _ = prepare([text], tmp_path / "work", RECIPE)
    rows = encode(tokenizer, sayings, RECIPE.shape.context)

    assert [step.number for step in steps] == list(range(1, 25))
    assert mean_loss(model, rows, 64) < 0.75 * steps[0].loss
    assert not model.training


def test_a_killed_run_resumes_from_its_checkpoint_to_the_same_weights(text: Path, tmp_path: Path) -> None:
    unbroken, _ = run(text, tmp_path / "unbroken")
    run(text, tmp_path / "killed", steps=13)

    resumed, steps = run(text, tmp_path / "killed")

    assert 1 < steps[0].number <= 13
    assert steps[-1].number == 24
    assert all(map(torch.equal, resumed.parameters(), unbroken.parameters()))


def test_a_file_named_cool_down_ends_the_run_early_with_a_full_decay(text: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=1_000, save_every=1)
    run(text, tmp_path, recipe=recipe, steps=14)
    (tmp_path / COOL_DOWN).touch()

    _, steps = run(text, tmp_path, recipe=recipe)

    began = steps[0].number - 1
    assert steps[-1].number == steps[-1].of == pytest.approx(began / (1 - recipe.cooling), abs=1)


def test_two_processes_give_the_weights_of_one(text: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=6, pool=1)
    one, steps_of_one = run(text, tmp_path / "one", recipe=recipe)
    threads = torch.get_num_threads()

    two, steps_of_two = run(text, tmp_path / "two", recipe=recipe, processes=2)

    assert [step.tokens for step in steps_of_two] == [step.tokens for step in steps_of_one]
    assert [step.loss for step in steps_of_two] == pytest.approx([step.loss for step in steps_of_one], rel=1e-4)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(two.parameters(), one.parameters(), strict=True))
    assert torch.get_num_threads() == threads


def test_the_rate_warms_up_stays_and_decays_to_zero() -> None:
    shares = [share_of_rate(step, RECIPE, cools_from=16, of=24) for step in range(24)]

    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    assert set(shares[4:16]) == {1.0}
    assert shares[16:] == pytest.approx([part / 9 for part in range(8, 0, -1)])


def test_the_command_makes_a_model_folder_in_half_precision(text: Path, tmp_path: Path) -> None:
    where = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "base")]

    code = main(["pretrain", "--last", str(text), "--held-out", str(text), *where, "--steps", "1", "--device", "cpu"])

    loaded = load(tmp_path / "base", device="cpu", dtype=torch.float16)
    assert code == 0
    assert loaded.model.dtype == torch.float16
    assert 0 < loaded.manifest.figures["bits_per_character.sayings"] < 20


def test_the_command_continues_from_a_model_folder_with_its_tokenizer(text: Path, tmp_path: Path) -> None:
    where = ["--last", str(text), "--steps", "1", "--device", "cpu", "--seed", "1"]
    main(["pretrain", *where, "--work", str(tmp_path / "first"), "--out", str(tmp_path / "base")])
    begun = load(tmp_path / "base", device="cpu")

    main(
        [
            "pretrain",
            *where,
            "--work",
            str(tmp_path / "on"),
            "--out",
            str(tmp_path / "more"),
            "--from",
            str(tmp_path / "base"),
        ]
    )

    gone_on = load(tmp_path / "more", device="cpu")
    assert gone_on.tokenizer.get_vocab() == begun.tokenizer.get_vocab()
    pairs = list(zip(gone_on.model.parameters(), begun.model.parameters(), strict=True))
    assert not all(torch.equal(after, before) for after, before in pairs)
    assert all(torch.allclose(after, before, atol=1e-2) for after, before in pairs)


def test_a_work_folder_of_another_tokenizer_is_refused(text: Path, tmp_path: Path) -> None:
    prepare([text], tmp_path, RECIPE)
    other = train_tokenizer(["another text"], RECIPE.shape)

    with pytest.raises(TrainingError, match="another work folder"):
        prepare([text], tmp_path, RECIPE, other)


def test_the_mean_of_two_models_is_between_them(text: Path, tmp_path: Path) -> None:
    tokenizer, _ = prepare([text], tmp_path, RECIPE)
    first, second = (make_model(tokenizer, RECIPE.shape, seed) for seed in (0, 1))
    expected = [(a + b) / 2 for a, b in zip(first.parameters(), second.parameters(), strict=True)]

    mean = mean_of([first, second])

    assert all(map(torch.allclose, mean.parameters(), expected))


def test_models_of_two_shapes_have_no_mean(text: Path, tmp_path: Path) -> None:
    tokenizer, _ = prepare([text], tmp_path, RECIPE)
    models = [make_model(tokenizer, replace(RECIPE.shape, width=width), seed=0) for width in (32, 48)]

    with pytest.raises(TrainingError, match="one shape"):
        mean_of(models)


def test_the_command_saves_the_mean_of_folders_with_no_steps(text: Path, tmp_path: Path) -> None:
    where = ["--last", str(text), "--work", str(tmp_path / "work"), "--device", "cpu"]
    base = tmp_path / "base"
    main(["pretrain", *where, "--steps", "1", "--out", str(base)])

    code = main(
        [
            "pretrain",
            *where[:-4],
            "--work",
            str(tmp_path / "mean"),
            "--device",
            "cpu",
            "--steps",
            "0",
            "--out",
            str(tmp_path / "same"),
            "--from",
            str(base),
            str(base),
        ]
    )

    pairs = zip(*(load(tmp_path / name, device="cpu").model.parameters() for name in ("base", "same")), strict=True)
    assert code == 0
    assert all(torch.equal(before, after) for before, after in pairs)
