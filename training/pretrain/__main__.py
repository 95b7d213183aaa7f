"""How the base model in the package was made: `python -m training.pretrain pretrain`, and `card` for its card.

Neither is part of a retraining, which is `mynah retrain`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrainingError
from training.models import base_model

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)  # exits with 2 on wrong usage
    try:
        return args.command(args)
    except TrainingError as error:
        return _fail(str(error), EXIT_FAILED)
    except OSError as error:
        return _fail(f"{error.filename or 'the output'}: {error.strerror or error}", EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("Interrupted; the same command continues from the last checkpoint.", EXIT_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description="Make a base model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    pretrain = commands.add_parser("pretrain", help="make a base model from plain text")
    pretrain.set_defaults(command=_pretrain)
    pretrain.add_argument("texts", type=Path, nargs="*", help="text files, one document a line")
    pretrain.add_argument(
        "--last", type=Path, nargs="+", required=True, help="text files for the whole run, and alone at its end"
    )
    pretrain.add_argument("--held-out", type=Path, nargs="*", default=[], help="text files to evaluate the model on")
    pretrain.add_argument("--work", type=Path, required=True, help="folder for token files and checkpoints")
    pretrain.add_argument("--out", type=Path, required=True, help="the model folder to make")
    pretrain.add_argument("--from", dest="begin", type=Path, nargs="+", help="continue from the mean of these models")
    pretrain.add_argument("--steps", type=int, help="number of steps (default: the recipe's)")
    pretrain.add_argument("--processes", type=int, default=1, help="CPU processes that share each step (default: 1)")
    pretrain.add_argument("--device", default="auto", help="auto (the default), cuda, mps or cpu")
    pretrain.add_argument("--seed", type=int, default=0, help="0 by default")
    card = commands.add_parser("card", help="rewrite the card of the base model in the package")
    card.set_defaults(command=_card)
    card.add_argument("--folder", type=Path, default=base_model.EMBEDDED, help="the package's by default")
    card.add_argument("--draw", action="store_true", help="with new samples: the first that the model generates")
    return parser


def _pretrain(args: argparse.Namespace) -> int:
    from training.models import model_dir
    from training.pretrain.pretrain import judge, mean_of, prepare, pretrain
    from training.pretrain.recipe import PRETRAINING, PRETRAINING_ON

    recipe = PRETRAINING_ON if args.begin else PRETRAINING
    recipe = recipe if args.steps is None else replace(recipe, steps=args.steps)
    loaded = [model_dir.load(folder, device=args.device) for folder in args.begin or ()]
    texts = [*args.texts, *args.last]
    tokenizer, files = prepare(texts, args.work, recipe, loaded[0].tokenizer if loaded else None)
    last = files[len(args.texts) :]
    mean = mean_of([each.model for each in loaded]) if loaded else None
    model = mean or base_model.make_model(tokenizer, recipe.shape, args.seed)
    model = model.to(model_dir.pick_device(args.device))
    steps = pretrain(model, files, last, recipe, work=args.work, seed=args.seed, processes=args.processes)
    for step in steps:
        if step.number % 100 == 0 or step.number == step.of:
            line = f"{datetime.now(UTC):%H:%M:%S} step {step.number:,} of {step.of:,}, loss {step.loss:.3f}"
            print(line, file=sys.stderr, flush=True)  # noqa: T201  a program's output
    figures = {f"bits_per_character.{path.stem}": judge(model, tokenizer, path) for path in args.held_out}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = model_dir.Manifest(created=now, base_model=base_model.SCRATCH, figures=figures)
    model_dir.save(args.out, model.half(), tokenizer, about=manifest, files={})  # half the size, the same text
    print(args.out)  # noqa: T201  the command's answer
    return 0


def _card(args: argparse.Namespace) -> int:
    from training.card.card import FILE
    from training.pretrain import base_card

    if args.draw:
        from training.speak.torch_engine import TorchSampler

        drafts = TorchSampler.open(args.folder, device="cpu").draft("", n=base_card.SAMPLES, seed=0)
        made = replace(base_card.read_made(args.folder), samples=[draft.text for draft in drafts])
        base_card.write_made(args.folder, made)
    path = args.folder / FILE
    path.write_text(base_card.base_card(args.folder), encoding="utf-8")
    print(path)  # noqa: T201  the command's answer
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"\nerror: {sentence}", file=sys.stderr)  # noqa: T201  a program's output
    return code


if __name__ == "__main__":
    sys.exit(main())
