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

from training.errors import StateBusy, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.retrain import Progress

EXIT_FAILED = 1
EXIT_BUSY = 75
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)  # exits with 2 by itself on wrong usage
    try:
        return asked.command(asked)
    except StateBusy as error:
        return _fail(str(error), EXIT_BUSY)
    except TrainingError as error:
        return _fail(str(error), EXIT_FAILED)
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
    retrain.add_argument("--seed", type=int, default=0, help="0 (the default); the same seed gives the same model")
    pretrain = commands.add_parser("pretrain", help="make a base model from plain text")
    pretrain.set_defaults(command=_pretrain)
    pretrain.add_argument("texts", type=Path, nargs="*", help="text files, one document a line")
    pretrain.add_argument("--last", type=Path, nargs="+", required=True, help="of these too, and at the end alone")
    pretrain.add_argument("--held-out", type=Path, nargs="*", default=[], help="text files to judge the model by")
    pretrain.add_argument("--work", type=Path, required=True, help="folder for token files and checkpoints")
    pretrain.add_argument("--out", type=Path, required=True, help="the model folder to make")
    pretrain.add_argument("--steps", type=int, help="how many (the recipe's by default)")
    pretrain.add_argument("--device", default="auto", help="auto (the default), cuda, mps or cpu")
    pretrain.add_argument("--seed", type=int, default=0, help="0 (the default)")
    return parser


def _retrain(asked: argparse.Namespace) -> int:
    from training.recipe import recipe_for
    from training.retrain import retrain

    line = _Line()
    version = retrain(
        tweets=asked.tweets,
        models=asked.models,
        recipe=recipe_for(asked.base_model),
        base=asked.base_model,
        device=asked.device,
        now=datetime.now(UTC),
        seed=asked.seed,
        report=line.show,
        author=asked.author,
    )
    line.end()
    print(version)  # noqa: T201  the command's answer
    return 0


def _pretrain(asked: argparse.Namespace) -> int:
    from training import base_model, model_dir
    from training.pretrain import judge, prepare, pretrain
    from training.recipe import Pretraining

    recipe = Pretraining() if asked.steps is None else replace(Pretraining(), steps=asked.steps)
    tokenizer, files = prepare([*asked.texts, *asked.last], asked.work, recipe)
    last = files[len(asked.texts) :]
    model = base_model.make_model(tokenizer, recipe.shape, asked.seed).to(model_dir.pick_device(asked.device))
    for step in pretrain(model, files, last, recipe, work=asked.work, seed=asked.seed):
        if step.number % 100 == 0 or step.number == step.of:
            told = f"{datetime.now(UTC):%H:%M:%S} step {step.number:,} of {step.of:,}, loss {step.loss:.3f}"
            print(told, file=sys.stderr, flush=True)  # noqa: T201  alone prints
    figures = {f"bits_per_character.{path.stem}": judge(model, tokenizer, path) for path in asked.held_out}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    about = model_dir.Manifest(created=now, base_model=base_model.SCRATCH, figures=figures)
    model_dir.save(asked.out, model.half(), tokenizer, about=about, files={})  # half the size, the same words
    print(asked.out)  # noqa: T201  the command's answer
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
