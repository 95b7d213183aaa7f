"""The stages as commands, for a machine that only trains: `python -m training retrain --tweets FILE --models FOLDER`.

`pretrain` makes the base model that the package carries, from text files with one document a line.

It alone prints, reads the clock and exits; `mynah retrain` draws the same reports more prettily.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import NothingNew, StateBusy, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.job import Progress
    from training.sources.archive import Archive

EXIT_FAILED = 1
EXIT_BUSY = 75
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)  # exits with 2 by itself on wrong usage
    try:
        return asked.command(asked)
    except StateBusy as error:
        return _fail(str(error), EXIT_BUSY)
    except NothingNew as nothing:
        print(nothing, file=sys.stderr)  # noqa: T201  alone prints
        return 0
    except TrainingError as error:
        return _fail(str(error), EXIT_FAILED)
    except OSError as error:  # a folder or a disk that nobody thought of
        return _fail(f"{error.filename or 'the output'}: {error.strerror or error}", EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("Interrupted; the model in use stays in use.", EXIT_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="From tweets to a model folder.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    retrain = commands.add_parser("retrain", help="learn from tweets and promote the new model")
    retrain.set_defaults(command=_retrain)
    retrain.add_argument("--tweets", type=Path, nargs="+", required=True, help="X archive, CSV, JSON or text file")
    retrain.add_argument("--models", type=Path, required=True, help="folder of the model's versions")
    retrain.add_argument("--as", dest="author", help="whose tweets they are, where the file does not say")
    retrain.add_argument("--base-model", default="tiny", help='a name, a folder, "scratch" or "tiny" (the default)')
    retrain.add_argument("--device", default="auto", help="auto (the default), cuda, mps or cpu")
    retrain.add_argument("--method", choices=("full", "lora"), default="full", help="learn all weights (the default)")
    retrain.add_argument("--from", dest="begin", choices=("base", "current"), default="base", help="current: go on")
    retrain.add_argument("--plan", action="store_true", help="only say what would be done, and how long it would take")
    retrain.add_argument("--as-is", action="store_true", help="take it into use whatever the gate says")
    retrain.add_argument("--steps", type=int, help="no more than so many (the recipe's by default)")
    retrain.add_argument("--samples", type=int, default=256, help="texts to judge it by: 256 (the default)")
    retrain.add_argument("--checkpoint-every", type=float, default=120.0, metavar="SECONDS", help="120 (the default)")
    retrain.add_argument("--seed", type=int, default=0, help="0 (the default); the same seed gives the same model")
    pretrain = commands.add_parser("pretrain", help="make a base model from plain text")
    pretrain.set_defaults(command=_pretrain)
    pretrain.add_argument("texts", type=Path, nargs="*", help="text files, one document a line")
    pretrain.add_argument("--last", type=Path, nargs="+", required=True, help="of these too, and at the end alone")
    pretrain.add_argument("--held-out", type=Path, nargs="*", default=[], help="text files to judge the model by")
    pretrain.add_argument("--work", type=Path, required=True, help="folder for token files and checkpoints")
    pretrain.add_argument("--out", type=Path, required=True, help="the model folder to make")
    pretrain.add_argument("--from", dest="begin", type=Path, nargs="+", help="go on from the mean of these models")
    pretrain.add_argument("--steps", type=int, help="how many (the recipe's by default)")
    pretrain.add_argument("--processes", type=int, default=1, help="that share each step on a processor; 1 by default")
    pretrain.add_argument("--device", default="auto", help="auto (the default), cuda, mps or cpu")
    pretrain.add_argument("--seed", type=int, default=0, help="0 (the default)")
    card = commands.add_parser("card", help="write the card of the base in the package again")
    card.set_defaults(command=_card)
    card.add_argument(
        "--folder", type=Path, default=Path(__file__).parent / "models" / "tiny", help="the package's by default"
    )
    card.add_argument("--draw", action="store_true", help="with new samples, the first that the model says")
    return parser


def _retrain(asked: argparse.Namespace) -> int:
    from training.job import Job, Monitor, every
    from training.judge.gate import Gate
    from training.plan import plan
    from training.recipe import recipe_for
    from training.retrain import retrain
    from training.sources import recognise

    line = _Line()
    watch = Monitor(report=line.show, seconds=time.monotonic, due=every(asked.checkpoint_every, time.monotonic))
    recipe = recipe_for(asked.base_model, asked.method)
    wanted = Job(
        models=asked.models,
        base=asked.base_model,
        begin=asked.begin,
        recipe=recipe if asked.steps is None else replace(recipe, max_steps=asked.steps),
        gate=None if asked.as_is else Gate(),
        device=asked.device,
        seed=asked.seed,
        samples=asked.samples,
    )

    def tweets() -> list[Archive]:
        return [recognise.read(path, asked.author) for path in asked.tweets]

    if asked.plan:
        print("\n".join(plan(tweets, wanted, watch).sentences()))  # noqa: T201  the command's answer
        return 0
    outcome = retrain(tweets, wanted, watch, now=datetime.now(UTC))
    line.end()
    for sentence in outcome.why:
        print(sentence, file=sys.stderr)  # noqa: T201  alone prints
    if outcome.version is None:
        return 0
    print(outcome.version)  # noqa: T201  the command's answer
    return 0 if outcome.promoted else EXIT_FAILED


def _pretrain(asked: argparse.Namespace) -> int:
    from training.models import base_model, model_dir
    from training.pretrain.pretrain import judge, mean_of, prepare, pretrain
    from training.recipe import PRETRAINING, PRETRAINING_ON

    recipe = PRETRAINING_ON if asked.begin else PRETRAINING
    recipe = recipe if asked.steps is None else replace(recipe, steps=asked.steps)
    known = [model_dir.load(folder, device=asked.device) for folder in asked.begin or ()]
    texts = [*asked.texts, *asked.last]
    tokenizer, files = prepare(texts, asked.work, recipe, known[0].tokenizer if known else None)
    last = files[len(asked.texts) :]
    begun = mean_of([each.model for each in known]) if known else None
    model = begun or base_model.make_model(tokenizer, recipe.shape, asked.seed)
    model = model.to(model_dir.pick_device(asked.device))
    lesson = pretrain(model, files, last, recipe, work=asked.work, seed=asked.seed, processes=asked.processes)
    for step in lesson:
        if step.number % 100 == 0 or step.number == step.of:
            told = f"{datetime.now(UTC):%H:%M:%S} step {step.number:,} of {step.of:,}, loss {step.loss:.3f}"
            print(told, file=sys.stderr, flush=True)  # noqa: T201  alone prints
    figures = {f"bits_per_character.{path.stem}": judge(model, tokenizer, path) for path in asked.held_out}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    about = model_dir.Manifest(created=now, base_model=base_model.SCRATCH, figures=figures)
    model_dir.save(asked.out, model.half(), tokenizer, about=about, files={})  # half the size, the same words
    print(asked.out)  # noqa: T201  the command's answer
    return 0


def _card(asked: argparse.Namespace) -> int:
    from training.card.card import FILE
    from training.pretrain import base_card

    if asked.draw:
        from training.speak.torch_engine import TorchSampler

        drafts = TorchSampler.open(asked.folder, device="cpu").draft("", n=base_card.SAMPLES, seed=0)
        made = replace(base_card.read_made(asked.folder), samples=[draft.text for draft in drafts])
        base_card.write_made(asked.folder, made)
    path = asked.folder / FILE
    path.write_text(base_card.base_card(asked.folder), encoding="utf-8")
    print(path)  # noqa: T201  the command's answer
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"\nerror: {sentence}", file=sys.stderr)  # noqa: T201  alone prints
    return code


class _Line:
    """One line on stderr for each stage; while it trains, the line is written over."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._tokens = 0
        self._open = False

    def show(self, progress: Progress) -> None:
        if progress.step is None:
            self.end()
            self._began, self._tokens = time.monotonic(), 0
            print(f"{progress.stage}: {progress.note}".rstrip(": "), file=sys.stderr)  # noqa: T201
            return
        self._tokens += progress.step.tokens
        seconds = max(time.monotonic() - self._began, 1e-3)
        left = seconds / progress.done * (progress.of - progress.done)
        text = f"train: {progress.done}/{progress.of}, loss {progress.step.loss:.2f}, "
        text += f"{self._tokens / seconds:,.0f} tokens/s, {left:.0f} s left"
        if sys.stderr.isatty() or progress.done == progress.of:
            print(f"\r{text}  ", end="", file=sys.stderr, flush=True)  # noqa: T201
            self._open = True

    def end(self) -> None:
        if self._open:
            print(file=sys.stderr)  # noqa: T201
            self._open = False


if __name__ == "__main__":
    sys.exit(main())
