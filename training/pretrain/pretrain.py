"""From text files, one document per line, to a base model: tokenizer, token files, training. A step is fine-tuning's.

The learning rate warms up, stays constant, and falls to zero in the cool-down, which reads the last texts alone. The
length of a run can be decided while it runs: a file named `cool-down` in the work folder starts the cool-down at once,
as long as if the run had been planned so. A killed run continues from its last checkpoint, to the same weights.
"""

from __future__ import annotations

import math
import random
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from training.errors import TrainingError
from training.judge.evaluate import bits_per_character
from training.learn import checkpoint
from training.learn.batches import mixed
from training.learn.distributed import ProcessGroup, helped
from training.learn.finetune import Step, learn
from training.models.base_model import begin_with_start, train_tokenizer
from training.pretrain.documents import Documents, lines_of, write_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from training.learn.batches import Batch
    from training.pretrain.recipe import Pretraining

COOL_DOWN = "cool-down"
CHECKPOINT = "checkpoint.pt"
TOKENIZER = "tokenizer"


@dataclass(slots=True)
class _Place:
    """The progress of a run; with the weights and the optimizers, all that it needs to resume."""

    step: int
    of: int
    cools_from: int
    mixed: int = 0  # position in all texts
    last: int = 0  # position in the last texts


def prepare(texts: Sequence[Path], work: Path, recipe: Pretraining, tokenizer: Any = None) -> tuple[Any, list[Path]]:
    """The tokenizer and the token files of these texts, made in the work folder where they are missing.

    The argument `tokenizer` is that of the model to continue from.
    """
    from transformers import PreTrainedTokenizerFast

    work.mkdir(parents=True, exist_ok=True)
    if not (work / TOKENIZER).exists():
        made = tokenizer or train_tokenizer(lines_of(texts, recipe.tokenizer_reads_every), recipe.shape)
        made.save_pretrained(work / TOKENIZER)
    loaded = begin_with_start(PreTrainedTokenizerFast.from_pretrained(work / TOKENIZER))
    if tokenizer and tokenizer.get_vocab() != loaded.get_vocab():
        raise TrainingError(f"The token files in {work} are of another tokenizer: choose another work folder.")
    files = [work / f"{text.stem}.tokens" for text in texts]
    for text, file in zip(texts, files, strict=True):
        write_tokens(loaded, text, file)
    return loaded, files


def pretrain(
    model: Any,
    texts: Sequence[Path],
    last: Sequence[Path],
    recipe: Pretraining,
    *,
    work: Path,
    seed: int,
    processes: int = 1,
) -> Iterator[Step]:
    """Trains the model in place on token files: all mixed, then the last alone; from a checkpoint if there is one.

    With more than one process, each computes its share of the parts of a step.
    """
    if processes > 1 and not (work / CHECKPOINT).exists():  # for the other processes
        _save(work / CHECKPOINT, model, _optimizers(model, recipe), _begin(recipe))
    run = texts, last, recipe, work, seed
    with helped(processes, work, _help, model.config, run) as process_group:
        yield from _steps(process_group, model, *run)


def _help(process_group: ProcessGroup, config: Any, run: tuple[Any, ...]) -> None:
    """The loop of a helper process: the same steps, from the same checkpoint."""
    from transformers import AutoModelForCausalLM

    for _ in _steps(process_group, AutoModelForCausalLM.from_config(config), *run):
        pass


def _steps(
    process_group: ProcessGroup,
    model: Any,
    texts: Sequence[Path],
    last: Sequence[Path],
    recipe: Pretraining,
    work: Path,
    seed: int,
) -> Iterator[Step]:
    end, context = model.config.eos_token_id, model.config.n_positions
    all_texts = Documents(texts, end=end, context=context, seed=seed)
    last_texts = Documents(last, end=end, context=context, seed=seed + 1)
    optimizers = _optimizers(model, recipe)
    place = _resume(work / CHECKPOINT, model, optimizers) or _begin(recipe)
    pools = 0
    while place.step < place.of:
        if process_group.first_says(answer=(work / COOL_DOWN).exists()) and place.step < place.cools_from:
            place.cools_from, place.of = place.step, math.ceil(place.step / (1 - recipe.cooling))
        pool = _pool(all_texts, last_texts, recipe, place, seed)
        while place.step < place.of and len(parts := list(islice(pool, recipe.parts))) == recipe.parts:
            yield _step(model, parts, optimizers, recipe, place, process_group)
        pools += 1
        if process_group.rank == 0 and (pools % recipe.save_every == 0 or place.step == place.of):
            _save(work / CHECKPOINT, model, optimizers, place)
    model.eval()


@torch.no_grad()
def mean_of(models: Sequence[Any]) -> Any:
    """The first model with the mean of all weights, for a run and its continuations.

    LOG, 2026-11-21: the mean of a run and its continuation has a lower loss than either.
    """
    try:
        for weights in zip(*(model.parameters() for model in models), strict=True):
            weights[0].copy_(torch.stack(weights).mean(dim=0))
    except (RuntimeError, ValueError) as error:
        raise TrainingError("Models of different shapes have no mean: give --from models of one shape.") from error
    return models[0]


def judge(model: Any, tokenizer: Any, text: Path) -> float:
    """Bits per character of a text file, each line on its own."""
    return bits_per_character(model, tokenizer, list(lines_of([text])), context=model.config.n_positions)


def share_of_rate(step: int, recipe: Pretraining, *, cools_from: int, of: int) -> float:
    """A linear warm-up, a plateau, a linear decay; `step` counts from 0."""
    if step >= cools_from:
        return (of - step) / (of - cools_from + 1)
    return min(1.0, (step + 1) / recipe.warmup)


def _begin(recipe: Pretraining) -> _Place:
    return _Place(0, recipe.steps, cools_from=round(recipe.steps * (1 - recipe.cooling)))


def _pool(
    all_texts: Documents, last_texts: Documents, recipe: Pretraining, place: _Place, seed: int
) -> Iterator[Batch]:
    """The next documents, enough that those of similar length can share a batch."""
    tokens = recipe.pool * recipe.parts * recipe.part_tokens
    if place.step < place.cools_from:
        rows, place.mixed = all_texts.take(place.mixed, tokens)
    else:
        rows, place.last = last_texts.take(place.last, tokens)
    return mixed(rows, recipe.part_tokens, random.Random(f"{seed} {place.step}"))


def _step(
    model: Any,
    parts: Sequence[Batch],
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: Pretraining,
    place: _Place,
    process_group: ProcessGroup,
) -> Step:
    share = share_of_rate(place.step, recipe, cools_from=place.cools_from, of=place.of)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * share
    place.step += 1
    loss = learn(model, parts, optimizers, recipe.clip, process_group)
    if not math.isfinite(loss):
        raise TrainingError(
            f"The loss is {loss} at step {place.step}: lower the learning_rate in training/pretrain/recipe.py."
        )
    return Step(place.step, place.of, loss, sum(part.tokens for part in parts))


def _optimizers(model: Any, recipe: Pretraining) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the embeddings, the biases and the norms."""
    named = list(model.named_parameters())
    hidden = [weight for name, weight in named if weight.dim() == 2 and ".h." in name]
    others = [weight for name, weight in named if weight.dim() != 2 or ".h." not in name]
    rate = recipe.learning_rate
    return [
        torch.optim.AdamW(others, lr=rate, betas=recipe.betas, weight_decay=0.0, fused=model.device.type != "mps"),
        # scales its updates so that AdamW's learning rate fits
        torch.optim.Muon(hidden, lr=rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"),
    ]


def _save(path: Path, model: Any, optimizers: Sequence[torch.optim.Optimizer], place: _Place) -> None:
    state = {"model": model.state_dict(), "optimizers": [each.state_dict() for each in optimizers]}
    checkpoint.write(path, state | {"place": asdict(place)})


def _resume(path: Path, model: Any, optimizers: Sequence[torch.optim.Optimizer]) -> _Place | None:
    saved = checkpoint.read(path, model.device)
    if saved is None:
        return None
    model.load_state_dict(saved["model"])
    for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    return _Place(**saved["place"])
